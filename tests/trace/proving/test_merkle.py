from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.errors import BadProof, BrokenChain, Unknown
from heji_trace.proving import merkle

LEAVES = [sha256(b"%d" % n).digest() for n in range(70_000)]


class Store:
    """What a ledger keeps: leaf hashes and complete subtrees, filled by a frontier."""

    def __init__(self, size: int) -> None:
        self.frontier = merkle.Frontier()
        self.rows: dict[int, list[bytes]] = {0: []}
        self.reads: list[tuple[int, int, int]] = []
        for leaf in LEAVES[:size]:
            self.rows[0].append(leaf)
            for level, n, subtree in self.frontier.append(leaf):
                row = self.rows.setdefault(level, [])
                assert len(row) == n
                row.append(subtree)

    def read(self, level: int, start: int, count: int) -> Sequence[bytes]:
        self.reads.append((level, start, count))
        return self.rows.get(level, [])[start : start + count]


@pytest.fixture(scope="module")
def store() -> Store:
    return Store(70_000)


def definition(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + definition(leaves[:k]) + definition(leaves[k:])).digest()


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert merkle.leaf_hash(b"") == sha256(b"\0").digest()
    assert merkle.node_hash(b"a" * 32, b"b" * 32) == sha256(b"\x01" + b"a" * 32 + b"b" * 32).digest()
    assert merkle.EMPTY_ROOT.hex().startswith("e3b0c44298fc1c14")


def test_every_root_up_to_300_follows_the_definition() -> None:
    frontier = merkle.Frontier()
    for size in range(301):
        expected = definition(LEAVES[:size])
        assert frontier.root() == merkle.root_of(LEAVES[:size]) == expected
        assert merkle.Frontier.from_subtrees(size, Store(size).read).root() == expected
        frontier.append(LEAVES[size])


def test_the_worked_roots_of_certificate_transparency_are_met() -> None:
    # The eight entries of the reference implementation's tests (google/certificate-transparency, merkle_tree_test).
    entries = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in entries]
    assert merkle.root_of(leaves[:1]).hex().startswith("6e340b9cffb37a98")
    assert merkle.root_of(leaves[:3]).hex().startswith("aeb6bcfe274b70a1")
    assert merkle.root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000])
def test_a_frontier_comes_back_from_the_store(store: Store, size: int) -> None:
    frontier = merkle.Frontier.from_subtrees(size, store.read)
    assert frontier.size == size
    assert frontier.root() == merkle.root_of(LEAVES[:size])
    frontier.append(b"n" * 32)
    assert frontier.root() == merkle.root_of([*LEAVES[:size], b"n" * 32])


@pytest.mark.parametrize("start", [0, 1, 200, 256, 65_535])
@pytest.mark.parametrize("count", [0, 1, 56, 255, 256, 257, 1000])
def test_extending_is_appending_many(store: Store, start: int, count: int) -> None:
    one = merkle.Frontier.from_subtrees(start, store.read)
    many = one.copy()
    run = LEAVES[start : start + count]
    expected = [subtree for leaf in run for subtree in one.append(leaf)]
    assert list(many.extend(run)) == expected
    assert (many.size, many.root()) == (one.size, one.root())


def test_a_copy_is_left_alone() -> None:
    frontier = Store(5).frontier
    twin = frontier.copy()
    twin.append(LEAVES[5])
    assert frontier.root() == merkle.root_of(LEAVES[:5])
    assert twin.root() == merkle.root_of(LEAVES[:6])


def test_inclusion_is_proved_at_every_place_of_every_size_up_to_300(store: Store) -> None:
    for size in range(1, 301):
        root = merkle.root_of(LEAVES[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, store.read)
            merkle.verify_inclusion(index, size, LEAVES[index], proof, root)


def test_consistency_is_proved_between_all_sizes_up_to_300(store: Store) -> None:
    roots = [merkle.root_of(LEAVES[:size]) for size in range(301)]
    for size2 in range(1, 301):
        for size1 in range(1, size2 + 1):
            proof = merkle.consistency_proof(size1, size2, store.read)
            merkle.verify_consistency(size1, size2, roots[size1], roots[size2], proof)


SIZES = (1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 700)


@pytest.mark.parametrize("size", SIZES)
def test_every_leaf_of_a_tree_is_checked_in_any_order_and_no_other_hash_passes(
    store: Store, size: int
) -> None:
    root = merkle.root_of(LEAVES[:size])
    for step in (1, -1):
        tree = merkle.Tree(size, store.read)
        for index in range(size)[::step]:
            tree.check(index, LEAVES[index], root)
            for leaf, other in ((LEAVES[index + 1], root), (LEAVES[index], LEAVES[-1]), (b"", root)):
                with pytest.raises(BadProof):
                    tree.check(index, leaf, other)
    with pytest.raises(BadProof) as refusal:
        merkle.Tree(size, store.read).check(size, LEAVES[size], root)
    assert code_of(refusal) == "proof-index"


@given(st.sampled_from(SIZES[3:]), st.data())
def test_a_spoilt_store_gives_no_other_judgement_than_each_proof_by_itself(
    size: int, data: st.DataObject
) -> None:
    store = Store(size)
    root = merkle.root_of(LEAVES[:size])
    leaves = st.integers(0, size - 1)
    spoilt = data.draw(st.sets(leaves, max_size=2))
    for place in spoilt:
        store.rows[0][place] = bytes(32)
    if data.draw(st.booleans()) and 1 in store.rows:
        store.rows[1][0] = bytes(32)
    tree = merkle.Tree(size, store.read)
    places = st.sampled_from(sorted({*spoilt, 0, size - 1, data.draw(leaves)}))
    for index, own in data.draw(st.lists(st.tuples(places, st.booleans()), max_size=12)):
        leaf = LEAVES[index] if own else store.rows[0][index]
        alone = merkle.Tree(size, store.read)
        assert passes(tree, index, leaf, root) == passes(alone, index, leaf, root)


def passes(tree: merkle.Tree, index: int, leaf: bytes, root: bytes) -> bool:
    try:
        tree.check(index, leaf, root)
    except BadProof:
        return False
    return True


@pytest.mark.parametrize("index, size", [(0, 70_000), (69_999, 70_000), (65_535, 65_536), (12_345, 69_888)])
def test_a_proof_in_a_large_tree_reads_each_tile_once(store: Store, index: int, size: int) -> None:
    store.reads.clear()
    proof = merkle.inclusion_proof(index, size, store.read)
    tiles = [(level, start) for level, start, count in store.reads]
    assert len(set(tiles)) == len(tiles) <= 5
    merkle.verify_inclusion(index, size, LEAVES[index], proof, merkle.root_of(LEAVES[:size]))


def test_consistency_holds_across_tile_levels(store: Store) -> None:
    for size1 in (1, 256, 300, 65_536, 65_537, 69_999):
        proof = merkle.consistency_proof(size1, 70_000, store.read)
        merkle.verify_consistency(size1, 70_000, merkle.root_of(LEAVES[:size1]), store.frontier.root(), proof)


def code_of(refusal: pytest.ExceptionInfo[BadProof]) -> str:
    return refusal.value.code


@pytest.mark.parametrize("index, size", [(0, 0), (5, 5), (6, 5), (-1, 5)])
def test_an_index_outside_the_tree_is_refused(store: Store, index: int, size: int) -> None:
    with pytest.raises(BadProof) as refusal:
        merkle.inclusion_proof(index, size, store.read)
    assert code_of(refusal) == "proof-index"
    with pytest.raises(BadProof) as refusal:
        merkle.verify_inclusion(index, size, LEAVES[0], [], LEAVES[0])
    assert code_of(refusal) == "proof-index"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 256, 257])
def test_a_changed_inclusion_proof_is_refused(store: Store, size: int) -> None:
    root = merkle.root_of(LEAVES[:size])
    for index in {0, size // 2, size - 1}:
        proof = merkle.inclusion_proof(index, size, store.read)
        bad = bytes(32)
        changes = [[*proof, bad], [bad, *proof], *(proof[:at] + proof[at + 1 :] for at in range(len(proof)))]
        changes += [[*proof[:at], bad, *proof[at + 1 :]] for at in range(len(proof))]
        changes += [[*proof[:at], proof[at][:31], *proof[at + 1 :]] for at in range(len(proof))]
        for changed in changes:
            with pytest.raises(BadProof):
                merkle.verify_inclusion(index, size, LEAVES[index], changed, root)
        with pytest.raises(BadProof):
            merkle.verify_inclusion(index, size, LEAVES[index + 1], proof, root)
        with pytest.raises(BadProof):
            merkle.verify_inclusion(index, size, LEAVES[index], proof, root + b"\0")
        for other in set(range(size)) - {index}:
            with pytest.raises(BadProof):
                merkle.verify_inclusion(other, size, LEAVES[index], proof, root)


@pytest.mark.parametrize(
    "size1, size2", [(1, 2), (2, 4), (3, 7), (4, 7), (6, 8), (7, 8), (255, 257), (256, 300)]
)
def test_a_changed_consistency_proof_is_refused(store: Store, size1: int, size2: int) -> None:
    root1, root2 = merkle.root_of(LEAVES[:size1]), merkle.root_of(LEAVES[:size2])
    proof = merkle.consistency_proof(size1, size2, store.read)
    bad = bytes(32)
    changes = [[*proof, bad], [bad, *proof], []]
    changes += [proof[:at] + proof[at + 1 :] for at in range(len(proof))]
    changes += [[*proof[:at], bad, *proof[at + 1 :]] for at in range(len(proof))]
    for changed in changes:
        with pytest.raises(BadProof):
            merkle.verify_consistency(size1, size2, root1, root2, changed)
    for first, second in ((bad, root2), (root1, bad), (root2, root1), (root1[:31], root2)):
        with pytest.raises(BadProof):
            merkle.verify_consistency(size1, size2, first, second, proof)


@pytest.mark.parametrize("size1, size2", [(0, 0), (0, 5), (5, 4), (-1, 5)])
def test_no_consistency_is_shown_from_nothing_or_to_a_smaller_log(
    store: Store, size1: int, size2: int
) -> None:
    with pytest.raises(BadProof) as refusal:
        merkle.consistency_proof(size1, size2, store.read)
    assert code_of(refusal) == "proof-sizes"
    with pytest.raises(BadProof) as refusal:
        merkle.verify_consistency(size1, size2, LEAVES[0], LEAVES[0], [])
    assert code_of(refusal) == "proof-sizes"


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 256])
def test_equal_sizes_take_no_proof_and_equal_roots(store: Store, size: int) -> None:
    root = merkle.root_of(LEAVES[:size])
    assert merkle.consistency_proof(size, size, store.read) == []
    merkle.verify_consistency(size, size, root, root, [])
    for root2, proof in ((bytes(32), []), (root, [root]), (root, [bytes(32)])):
        with pytest.raises(BadProof):
            merkle.verify_consistency(size, size, root, root2, proof)


def test_a_hash_that_the_store_lacks_is_named() -> None:
    store = Store(600)
    store.rows[1].pop()
    with pytest.raises(BrokenChain) as refusal:
        merkle.inclusion_proof(0, 600, store.read)
    assert (refusal.value.seq, refusal.value.code) == (256, "subtree-missing")


@pytest.mark.parametrize(
    "level, n, width, path",
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1, 1, "tile/0/001.p/1"),
        (1, 0, 1, "tile/1/000.p/1"),
        (0, 273, 112, "tile/0/273.p/112"),
        (2, 0, 1, "tile/2/000.p/1"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (None, 1000, 255, "tile/entries/x001/000.p/255"),
    ],
)
def test_tile_paths_are_written_and_read(level: int | None, n: int, width: int, path: str) -> None:
    assert merkle.tile_path(level, n, width) == path
    assert merkle.parse_tile_path(path) == (level, n, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/-1/000",
        "tile/64/000",
        "tile/100/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1000",
        "tile/0/000.p/",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/Entries/000",
        "tile/0/０００",
        "tile/0/" + "x001/" * 6 + "000",
        "tile/0/../checkpoint",
    ],
)
def test_any_other_path_is_unknown(path: str) -> None:
    with pytest.raises(Unknown):
        merkle.parse_tile_path(path)


def test_tiles_are_the_hashes_of_the_specification(store: Store) -> None:
    assert merkle.tile_hashes(0, 273, 112, store.read) == b"".join(LEAVES[69_888:70_000])
    assert merkle.tile_hashes(1, 1, 17, store.read) == b"".join(
        merkle.root_of(LEAVES[at : at + 256]) for at in range(65_536, 69_888, 256)
    )
    assert merkle.tile_hashes(2, 0, 1, store.read) == merkle.root_of(LEAVES[:65_536])
    with pytest.raises(BrokenChain):
        merkle.tile_hashes(2, 0, 2, store.read)
