"""The product and the outside verifier, held to the same committed vectors."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from heji_trace.errors import BadProof, BrokenChain, InvalidEvent, Untrusted
from heji_trace.proving import canonical, checkpoint, entries, merkle, proof
from heji_trace.proving.keys import Signer
from vectors import make
from verifier import heji_verify_outside as outside


def vectors(name: str) -> dict[str, Any]:
    found = json.loads((make.FOLDER / name).read_text("utf-8"))
    assert isinstance(found, dict)
    return found


CANONICAL, SEALING, TREE = vectors("canonical.json"), vectors("sealing.json"), vectors("tree.json")
NOTE, LOG, RECEIPT = vectors("note.json"), vectors("log.json"), vectors("receipt.json")


def why(vector: dict[str, Any]) -> str:
    return str(vector["why"])


@pytest.mark.parametrize("name", make.VECTORS)
def test_the_committed_files_are_what_the_generator_writes(name: str) -> None:
    assert (make.FOLDER / name).read_text("utf-8") == make.dump_vectors(name)


@pytest.mark.parametrize("vector", CANONICAL["accept"], ids=lambda vector: vector["input"][:20])
def test_canonical_bytes_are_agreed(vector: dict[str, Any]) -> None:
    value = canonical.load(vector["input"].encode())
    expected = bytes.fromhex(vector["canonical"])
    assert canonical.dump(value) == expected
    assert outside.canonical(value) == expected
    assert outside.canonical(outside.parse_json(expected)) == expected
    assert sha256(expected).hexdigest() == vector["sha256"]


@pytest.mark.parametrize("vector", CANONICAL["refuse"], ids=why)
def test_what_is_not_canonical_is_refused_by_both(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["input"])
    with pytest.raises(InvalidEvent):
        canonical.load(data)
    with pytest.raises(outside.Distrusted):
        outside.canonical(outside.parse_json(data))


@pytest.mark.parametrize("vector", SEALING["fields"], ids=lambda vector: vector["canonical"])
def test_commitments_of_values_are_agreed(vector: dict[str, Any]) -> None:
    salt, value = bytes.fromhex(vector["salt"]), canonical.dump(vector["value"])
    assert value.hex() == outside.canonical(vector["value"]).hex() == vector["canonical"]
    assert entries.commit_field(salt, value).hex() == vector["commitment"]
    assert outside.sha(b"heji.field.v1\n", salt, value).hex() == vector["commitment"]


@pytest.mark.parametrize("vector", SEALING["records"], ids=lambda vector: vector["commitment"][:8])
def test_commitments_of_records_are_agreed(vector: dict[str, Any]) -> None:
    salt, record = bytes.fromhex(vector["salt"]), bytes.fromhex(vector["record"])
    assert entries.commit_record(salt, record).hex() == vector["commitment"]
    assert outside.sha(b"heji.record.v1\n", salt, record).hex() == vector["commitment"]


def outside_chain(chain: list[bytes]) -> list[bytes]:
    bundle = b"".join(len(entry).to_bytes(2, "big") + entry for entry in chain)
    return list(outside.check_chain(iter(outside.split_bundle("entries", bundle, len(chain)))))


def test_the_chain_is_agreed() -> None:
    chain = [vector["entry"].encode() for vector in SEALING["chain"]]
    leaves = [bytes.fromhex(vector["leaf"]) for vector in SEALING["chain"]]
    assert list(entries.check_chain(enumerate(chain))) == leaves == outside_chain(chain)


@pytest.mark.parametrize("vector", SEALING["refuse"], ids=why)
def test_a_broken_chain_is_refused_by_both(vector: dict[str, Any]) -> None:
    chain = [entry.encode() for entry in vector["chain"]]
    with pytest.raises(BrokenChain) as refusal:
        list(entries.check_chain(enumerate(chain)))
    with pytest.raises(outside.Distrusted, match=rf"^entry {refusal.value.seq}: "):
        outside_chain(chain)


def test_roots_are_agreed() -> None:
    leaves = [bytes.fromhex(leaf) for leaf in TREE["leaves"]]
    for size, root in TREE["roots"].items():
        assert merkle.root_of(leaves[: int(size)]).hex() == root
        assert outside.tree_root(leaves[: int(size)]).hex() == root


def inclusion_of(vector: dict[str, Any]) -> tuple[int, int, bytes, list[bytes], bytes]:
    path = [bytes.fromhex(each) for each in vector["proof"]]
    return vector["index"], vector["size"], bytes.fromhex(vector["leaf"]), path, bytes.fromhex(vector["root"])


def consistency_of(vector: dict[str, Any]) -> tuple[int, int, bytes, bytes, list[bytes]]:
    root1, root2 = bytes.fromhex(vector["root1"]), bytes.fromhex(vector["root2"])
    return vector["size1"], vector["size2"], root1, root2, [bytes.fromhex(each) for each in vector["proof"]]


@pytest.mark.parametrize(
    "vector", TREE["inclusion"], ids=lambda vector: f"{vector['index']} in {vector['size']}"
)
def test_inclusion_is_agreed(vector: dict[str, Any]) -> None:
    merkle.verify_inclusion(*inclusion_of(vector))
    outside.check_inclusion(*inclusion_of(vector))


@pytest.mark.parametrize("vector", TREE["refuse_inclusion"], ids=why)
def test_a_false_inclusion_is_refused_by_both(vector: dict[str, Any]) -> None:
    with pytest.raises(BadProof):
        merkle.verify_inclusion(*inclusion_of(vector))
    with pytest.raises(outside.Distrusted):
        outside.check_inclusion(*inclusion_of(vector))


@pytest.mark.parametrize(
    "vector", TREE["consistency"], ids=lambda vector: f"{vector['size1']}-{vector['size2']}"
)
def test_consistency_is_agreed(vector: dict[str, Any]) -> None:
    merkle.verify_consistency(*consistency_of(vector))
    outside.check_consistency(*consistency_of(vector))


@pytest.mark.parametrize("vector", TREE["refuse_consistency"], ids=why)
def test_a_false_consistency_is_refused_by_both(vector: dict[str, Any]) -> None:
    with pytest.raises(BadProof):
        merkle.verify_consistency(*consistency_of(vector))
    with pytest.raises(outside.Distrusted):
        outside.check_consistency(*consistency_of(vector))


def test_the_key_is_agreed() -> None:
    signer = Signer(NOTE["accept"][0]["origin"], bytes.fromhex(NOTE["seed"]))
    assert signer.verifier_key == NOTE["verifier_key"]
    assert signer.key_id.hex() == NOTE["key_id"] == outside.parse_key(NOTE["verifier_key"])[1].hex()


@pytest.mark.parametrize("vector", NOTE["accept"], ids=lambda vector: str(vector["size"]))
def test_checkpoints_are_agreed(vector: dict[str, Any]) -> None:
    expected = (vector["origin"], vector["size"], bytes.fromhex(vector["root"]))
    assert checkpoint.open_checkpoint(vector["note"], [NOTE["verifier_key"]]) == checkpoint.Checkpoint(
        *expected
    )
    assert outside.open_head(vector["note"], NOTE["verifier_key"]) == outside.Head(*expected)


@pytest.mark.parametrize("vector", NOTE["refuse"], ids=why)
def test_a_false_checkpoint_is_refused_by_both(vector: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        checkpoint.open_checkpoint(vector["note"], [NOTE["verifier_key"]])
    with pytest.raises(outside.Distrusted):
        outside.open_head(vector["note"], NOTE["verifier_key"])


def source_of(files: dict[str, str]) -> outside.Source:
    return lambda path: bytes.fromhex(files[path])


@pytest.mark.parametrize("vector", LOG["accept"], ids=lambda vector: str(vector["size"]))
def test_a_whole_log_is_agreed(vector: dict[str, Any]) -> None:
    head, leaves = outside.check_log(source_of(vector["files"]), LOG["verifier_key"])
    assert (head.size, head.root.hex()) == (vector["size"], vector["root"])
    assert merkle.root_of(leaves) == head.root
    for path, data in vector["files"].items():
        if path.startswith("tile/"):
            assert merkle.tile_path(*merkle.parse_tile_path(path)) == path
            assert len(data) > 0


@pytest.mark.parametrize("vector", LOG["refuse"], ids=why)
def test_a_log_whose_files_do_not_fit_is_refused(vector: dict[str, Any]) -> None:
    files = LOG["accept"][-1]["files"] | vector["changed"]
    present = {path: data for path, data in files.items() if data is not None}
    with pytest.raises(outside.Distrusted):
        outside.check_log(source_of(present), LOG["verifier_key"])


@pytest.mark.parametrize("vector", RECEIPT["accept"], ids=["two items", "one item"])
def test_receipts_are_agreed(vector: dict[str, Any]) -> None:
    data, key = vector["bundle"].encode(), RECEIPT["verifier_key"]
    ours = [{"seq": each.seq, "disclosed": dict(each.disclosed)} for each in proof.check_bundle(data, [key])]
    theirs = [
        {"seq": each["seq"], "disclosed": each["disclosed"]} for each in outside.check_receipt(data, key)
    ]
    assert ours == theirs == vector["shown"]


@pytest.mark.parametrize("vector", RECEIPT["refuse"], ids=why)
def test_a_false_receipt_is_refused_by_both(vector: dict[str, Any]) -> None:
    data, key = vector["bundle"].encode(), RECEIPT["verifier_key"]
    with pytest.raises(Untrusted):
        proof.check_bundle(data, [key])
    with pytest.raises(outside.Distrusted):
        outside.check_receipt(data, key)
