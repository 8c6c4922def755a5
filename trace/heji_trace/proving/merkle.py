"""The Merkle tree of RFC 6962 section 2.1 over SHA-256, and its storage as C2SP tlog-tiles.

The store keeps leaf hashes (tile level 0) and the hashes of complete subtrees of 256^L leaves (tile level L);
everything else is computed from the tile below. `Read` hands them over a run at a time: one query per tile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from typing import NamedTuple

from heji_trace.errors import BadProof, BrokenChain, Unknown

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 256
EMPTY_ROOT = sha256(b"").digest()

Read = Callable[[int, int, int], Sequence[bytes]]
"""`read(tile_level, start, count)`: stored hashes of the subtrees `start` to `start + count - 1` of 256^tile_level."""

_TILE_PATH = re.compile(
    r"tile/(?P<level>entries|0|[1-9]\d?)/(?P<groups>(?:x\d{3}/)*\d{3})(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)
_MAX_LEVEL = 63
_MAX_GROUPS = 6


class Subtree(NamedTuple):
    """The hash over leaves n * 256^tile_level up to (n + 1) * 256^tile_level, for the store."""

    tile_level: int
    n: int
    hash: bytes


class Tile(NamedTuple):
    """The address of a tile; `level` None is a bundle of entries."""

    level: int | None
    n: int
    width: int


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over all leaf hashes; EMPTY_ROOT for none."""
    row = list(leaf_hashes)
    while len(row) > 1:
        last = row[-1:] if len(row) & 1 else []
        each = iter(row)
        row = [
            sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)
        ] + last
    return row[0] if row else EMPTY_ROOT


class Frontier:
    """The right edge of a growing tree: all that appending and the root need."""

    __slots__ = ("_edge", "size")

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[bytes] = []  # one complete subtree per set bit of size, largest first

    @classmethod
    def from_subtrees(cls, size: int, read: Read) -> Frontier:
        """The frontier of a stored tree; raises BrokenChain where the store lacks a hash."""
        tree = Tree(size, read)
        frontier = cls()
        frontier.size = size
        start = 0
        for height in reversed(range(size.bit_length())):
            if size >> height & 1:
                frontier._edge.append(tree.subtree(height, start >> height))
                start += 1 << height
        return frontier

    def append(self, leaf: bytes) -> list[Subtree]:
        """Add a leaf hash; returns the subtrees of tile levels 1 and up that it completes, lowest first."""
        self.size += 1
        return self._join(leaf, 0)

    def extend(self, leaves: Iterable[bytes]) -> Iterator[Subtree]:
        """Add leaf hashes as they come, and yield what they complete: whole tiles go in at half the cost."""
        source = iter(leaves)
        for leaf in islice(source, -self.size % TILE_WIDTH):
            yield from self.append(leaf)
        while len(run := list(islice(source, TILE_WIDTH))) == TILE_WIDTH:
            self.size += TILE_WIDTH
            tile = root_of(run)
            yield Subtree(1, self.size // TILE_WIDTH - 1, tile)
            yield from self._join(tile, TILE_HEIGHT)
        for leaf in run:
            yield from self.append(leaf)

    def _join(self, subtree: bytes, height: int) -> list[Subtree]:
        """Put the last subtree of 2^height leaves on the edge, merged with its equals."""
        completed: list[Subtree] = []
        edge = self._edge
        merges = (self.size >> height) - 1
        while merges & 1:
            subtree = sha256(b"\x01" + edge.pop() + subtree).digest()
            merges >>= 1
            height += 1
            if not height % TILE_HEIGHT:
                completed.append(Subtree(height // TILE_HEIGHT, merges, subtree))
        edge.append(subtree)
        return completed

    def root(self) -> bytes:
        """The root of the tree as it stands."""
        if not self._edge:
            return EMPTY_ROOT
        *rest, root = self._edge
        for left in reversed(rest):
            root = node_hash(left, root)
        return root

    def copy(self) -> Frontier:
        """An independent frontier, for a group that may roll back."""
        twin = Frontier()
        twin.size = self.size
        twin._edge = self._edge.copy()
        return twin


class Tree:
    """A tree of `size` leaves whose tiles are each read and hashed once, for all that is asked of it."""

    def __init__(self, size: int, read: Read) -> None:
        self._size = size
        self._read = read
        self._tiles: dict[tuple[int, int], list[Sequence[bytes]]] = {}
        self._ranges: dict[tuple[int, int], bytes] = {}
        self._confirmed: set[tuple[int, bytes]] = set()

    def check(self, index: int, leaf_hash: bytes, root: bytes) -> None:
        """Raises BadProof unless `leaf_hash` stands at `index` of this tree under `root`.

        One climb to the root confirms a whole tile: whatever it meets of the tile was hashed here from its leaves. So of
        the tile's other leaves only equality is asked.
        """
        tile = index // TILE_WIDTH, root
        if tile in self._confirmed and self.subtree(0, index) == leaf_hash:
            return
        verify_inclusion(index, self._size, leaf_hash, self.inclusion_proof(index), root)
        if self.subtree(0, index) == leaf_hash:
            self._confirmed.add(tile)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """PATH(index, D[0:size]) of RFC 6962 section 2.1.1, sibling of the leaf first; raises BadProof when index >= size."""
        if not 0 <= index < self._size:
            raise BadProof("proof-index", index=index, size=self._size)
        path: list[bytes] = []
        for height in range((self._size - 1).bit_length()):
            sibling = index >> height ^ 1
            start = sibling << height
            if start + (1 << height) <= self._size:
                path.append(self.subtree(height, sibling))
            elif start < self._size:
                path.append(self.range_root(start, self._size))
        return path

    def subtree(self, height: int, index: int) -> bytes:
        """The hash of the complete subtree of 2^height leaves that begins at leaf index * 2^height."""
        level, above = divmod(height, TILE_HEIGHT)
        tile, place = divmod(index << above, TILE_WIDTH)
        return self._rows_of(level, tile)[above][place >> above]

    def _rows_of(self, level: int, index: int) -> list[Sequence[bytes]]:
        """The hashes of a tile, as far as the tree has them, and above them those of every complete pair."""
        kept = self._tiles.get((level, index))
        if kept is None:
            start = index * TILE_WIDTH
            width = min(TILE_WIDTH, (self._size >> level * TILE_HEIGHT) - start)
            kept = self._tiles[level, index] = [_read_run(level, start, width, self._read)]
            while len(kept[-1]) > 1:
                each = iter(kept[-1])
                kept.append(
                    [sha256(b"\x01" + left + right).digest() for left, right in zip(each, each, strict=False)]
                )
        return kept

    def range_root(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) of a range that the tree's own splits produce."""
        count = end - start
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self.subtree(height, start >> height)
        kept = self._ranges.get((start, end))
        if kept is None:
            middle = start + _split(count)
            left, right = self.range_root(start, middle), self.range_root(middle, end)
            kept = self._ranges[start, end] = node_hash(left, right)
        return kept


def _read_run(level: int, start: int, count: int, read: Read) -> Sequence[bytes]:
    run = read(level, start, count)
    if len(run) != count:
        # Serving a shorter tile would make a proof of another tree; the store has lost hashes.
        raise BrokenChain((start + len(run)) << level * TILE_HEIGHT, "subtree-missing", level=level)
    return run


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 6962 section 2.1)."""
    return 1 << (count - 1).bit_length() - 1


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """One proof of a tree that nothing else is asked of: see `Tree.inclusion_proof`."""
    return Tree(size, read).inclusion_proof(index)


def consistency_proof(size1: int, size2: int, read: Read) -> list[bytes]:
    """PROOF(size1, D[0:size2]) of RFC 6962 section 2.1.2; raises BadProof from size 0 or for a shrinking log."""
    if not 0 < size1 <= size2:
        raise BadProof("proof-sizes", size1=size1, size2=size2)
    tree = Tree(size2, read)
    path: list[bytes] = []
    start, end = 0, size2
    while size1 != end:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(tree.range_root(middle, end))
            end = middle
        else:
            path.append(tree.range_root(start, middle))
            start = middle
    if start:
        path.append(tree.range_root(start, end))
    path.reverse()
    return path


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raises BadProof unless `proof` leads from the leaf hash at `index` to `root` (RFC 9162 section 2.1.3.2)."""
    _check_hashes(leaf_hash, root, *proof)
    if not 0 <= index < size:
        raise BadProof("proof-index", index=index, size=size)
    found = leaf_hash
    for sibling, is_left in _climb(index, size - 1, proof):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    if found != root:
        raise BadProof("proof-root")


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Raises BadProof unless the tree of `size2` extends that of `size1` (RFC 9162 section 2.1.4.2)."""
    _check_hashes(root1, root2, *proof)
    if not 0 < size1 <= size2:
        raise BadProof("proof-sizes", size1=size1, size2=size2)
    if size1 == size2:
        if proof:
            raise BadProof("proof-length")
        if root1 != root2:
            raise BadProof("proof-root")
        return
    shift = 0
    while size1 >> shift & 1 == 0:
        shift += 1
    # A size1 that is a power of two is itself a node of the larger tree, so the proof leaves it out.
    path = [root1, *proof] if size1 == 1 << shift else proof
    if not path:
        raise BadProof("proof-length")
    old = new = path[0]
    for sibling, is_left in _climb(size1 - 1 >> shift, size2 - 1 >> shift, path[1:]):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != root1 or new != root2:
        raise BadProof("proof-root")


def _climb(place: int, last: int, siblings: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from node `place` of a row that ends at `last` to the root; True: it stands left."""
    for sibling in siblings:
        if not last:
            raise BadProof("proof-length")
        is_left = bool(place & 1) or place == last
        yield sibling, is_left
        while is_left and place and not place & 1:
            # An edge node without a right sibling rises unhashed.
            place >>= 1
            last >>= 1
        place >>= 1
        last >>= 1
    if last:
        raise BadProof("proof-length")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(each) != HASH_SIZE for each in hashes):
        raise BadProof("proof-hash")


def tile_path(level: int | None, n: int, width: int = TILE_WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]` of C2SP tlog-tiles; level None is `tile/entries/…`."""
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.append(f"x{n % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(reversed(groups))}{partial}"


def parse_tile_path(text: str) -> Tile:
    """The tile at a path; raises Unknown for a path that `tile_path` does not write."""
    found = _TILE_PATH.fullmatch(text)
    if not found or found["groups"].count("/") >= _MAX_GROUPS:
        raise Unknown
    level = None if found["level"] == "entries" else int(found["level"])
    n = int(found["groups"].replace("x", "").replace("/", ""))
    tile = Tile(level, n, int(found["width"] or TILE_WIDTH))
    if (level or 0) > _MAX_LEVEL or tile_path(*tile) != text:
        raise Unknown
    return tile


def tile_hashes(level: int, n: int, width: int, read: Read) -> bytes:
    """The bytes of a tile, 32 per hash; raises BrokenChain where the store lacks one."""
    return b"".join(_read_run(level, n * TILE_WIDTH, width, read))
