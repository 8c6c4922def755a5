from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from heji_trace.errors import BadProof, BadSignature, Untrusted
from heji_trace.proving import canonical, checkpoint, entries, merkle, proof
from heji_trace.proving.keys import Signer
from vectors.make import SIGNER, WITNESS, salt_of, the_log

KEYS = [SIGNER.verifier_key]
NOTE, QUANTITY = "/note", "/outputs/0/quantity"


@pytest.fixture
def bundle() -> proof.Bundle:
    return the_log().bundle(300, (3, [NOTE, QUANTITY]), (256, []))


def test_a_receipt_is_written_read_and_proved(bundle: proof.Bundle) -> None:
    data = proof.dump_bundle(bundle)
    assert proof.parse_bundle(data) == bundle
    first, second = proof.check_bundle(data, KEYS)
    assert (first.seq, second.seq) == (3, 256)
    assert first.disclosed == {NOTE: "第3筐，桂味\n", QUANTITY: "3.50"}
    assert first.record["event"]["kind"] == "harvest"
    assert second.disclosed == {}
    assert second.checkpoint == checkpoint.Checkpoint(SIGNER.name, 300, the_log().root(300))


def test_what_is_not_disclosed_is_not_in_the_receipt() -> None:
    data = proof.dump_bundle(the_log().bundle(300, (3, [NOTE]))).decode()
    assert "第3筐" in data
    assert "3.50" not in data


def test_the_parts_of_a_receipt_are_those_of_the_format(bundle: proof.Bundle) -> None:
    document = json.loads(proof.dump_bundle(bundle))
    assert list(document) == ["format", "origin", "verifier_key", "items"]
    assert document["format"] == "heji-receipt-v1"
    assert set(document["items"][0]) == {"seq", "entry", "record", "salt", "disclosed", "proof"}
    assert document["items"][0]["proof"].startswith("c2sp.org/tlog-proof@v1\nindex 3\n")


@pytest.mark.parametrize("keys", [[], [WITNESS.verifier_key]])
def test_the_key_inside_the_receipt_is_not_believed(bundle: proof.Bundle, keys: list[str]) -> None:
    with pytest.raises(BadSignature) as refusal:
        proof.check_bundle(bundle, keys)
    assert refusal.value.code == "signature-unknown"


def test_a_key_of_the_right_name_that_nobody_knows_is_refused(bundle: proof.Bundle) -> None:
    impostor = Signer(SIGNER.name, bytes(32))
    with pytest.raises(BadSignature):
        proof.check_bundle(replace(bundle, verifier_key=impostor.verifier_key), KEYS)


def test_a_witness_does_not_vouch_for_the_log(bundle: proof.Bundle) -> None:
    text = checkpoint.dump_checkpoint(SIGNER.name, 300, the_log().root(300))
    item = replace(bundle.items[0], proof=bundle.items[0].proof.partition("\n\n")[0] + "\n\n")
    witnessed = replace(item, proof=item.proof + checkpoint.sign_note(text, WITNESS))
    with pytest.raises(BadSignature):
        proof.check_bundle(replace(bundle, items=(witnessed,)), [*KEYS, WITNESS.verifier_key])


def test_every_changed_character_of_a_receipt_is_noticed() -> None:
    data = proof.dump_bundle(the_log().bundle(5, (2, [QUANTITY]))).decode()
    for at in range(len(data)):
        for new in ("0", "a", " "):
            text = data[:at] + new + data[at + 1 :]
            if text == data:
                continue
            try:
                shown = proof.check_bundle(text.encode(), KEYS)
            except Untrusted:
                continue
            # White space between members is no part of what is proved; nothing else may pass.
            assert json.loads(text) == json.loads(data), (at, new, shown)


def item_with(record: Any, *disclosed: proof.Disclosure) -> proof.Bundle:
    """The receipt of a log of one whose record is `record`."""
    data = record if isinstance(record, bytes) else canonical.dump(record)
    entry = entries.dump_entry(0, entries.FIRST_PREV, entries.commit_record(bytes(32), data), 0)
    text = checkpoint.dump_checkpoint(SIGNER.name, 1, merkle.leaf_hash(entry))
    signed = checkpoint.dump_proof(0, [], checkpoint.sign_note(text, SIGNER))
    item = proof.Item(0, entry, data, bytes(32), disclosed, signed)
    return proof.Bundle(SIGNER.name, SIGNER.verifier_key, (item,))


def sealed(pointer: str, value: object, event: Any) -> tuple[Any, proof.Disclosure]:
    commitment = entries.commit_field(salt_of(pointer), canonical.dump(value)).hex()
    record = {"actor": "a", "event": event, "sealed": {pointer: commitment}}
    return record, proof.Disclosure(pointer, value, salt_of(pointer))


@pytest.mark.parametrize(
    "pointer, event",
    [
        ("/note", {}),
        ("/details/a~1b~0c", {"details": {}}),
        ("/outputs/1/quantity", {"outputs": [{}, {"batch": "x"}]}),
        ("/details//x", {"details": {"": {}}}),
        ("/details/0/x", {"details": {"0": {}}}),
    ],
)
def test_a_disclosed_value_fills_a_gap_of_the_record(pointer: str, event: Any) -> None:
    bundle = item_with(*sealed(pointer, "v", event))
    (shown,) = proof.check_bundle(proof.dump_bundle(bundle), KEYS)
    assert shown.disclosed == {pointer: "v"}


@pytest.mark.parametrize(
    "pointer, event",
    [
        ("", {}),
        ("note", {}),
        ("/a~2b", {}),
        ("/note", {"note": "public"}),
        ("/details/x", {}),
        ("/details/x", {"details": "text"}),
        ("/outputs/0", {"outputs": []}),
        ("/outputs/0/x", {"outputs": []}),
        ("/outputs/00/x", {"outputs": [{}]}),
        ("/outputs/-/x", {"outputs": [{}]}),
        ("/outputs/１/x", {"outputs": [{}, {}]}),
        ("/outputs/" + "9" * 5000 + "/x", {"outputs": [{}]}),
    ],
)
def test_a_disclosed_value_hides_nothing_public_and_stands_somewhere(pointer: str, event: Any) -> None:
    record, disclosure = sealed("/x", "v", event)
    record["sealed"] = {pointer: record["sealed"]["/x"]} if pointer.isascii() else {}
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(item_with(record, replace(disclosure, pointer=pointer)), KEYS)
    assert refusal.value.code == "receipt-disclosure"


def test_a_commitment_is_not_opened_in_two_ways_by_a_shorter_salt() -> None:
    salt = bytes(31)
    record = {"event": {}, "sealed": {"/x": entries.commit_field(salt + b"3", b"1").hex()}}
    (shown,) = proof.check_bundle(item_with(record, proof.Disclosure("/x", 1, salt + b"3")), KEYS)
    assert shown.disclosed == {"/x": 1}
    assert entries.commit_field(salt, b"31").hex() == record["sealed"]["/x"]
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(item_with(record, proof.Disclosure("/x", 31, salt)), KEYS)
    assert refusal.value.code == "receipt-disclosure"


@pytest.mark.parametrize("commitment", ["", None, 0, [], "00" * 32])
def test_a_commitment_that_is_none_proves_no_value(commitment: object) -> None:
    record = {"event": {}, "sealed": {"/x": commitment}}
    for value in ("v", "e\u0301", 0.5):
        with pytest.raises(BadProof) as refusal:
            proof.check_bundle(item_with(record, proof.Disclosure("/x", value, bytes(32))), KEYS)
        assert refusal.value.code == "receipt-disclosure"


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"[]",
        b"{}",
        b'{"event":{},"sealed":[]}',
        b'{"event":[],"sealed":{}}',
        b'{"sealed":{},"event":{}}',
        b'{"event":{}, "sealed":{}}',
        b'{"event":{"a":1,"a":1},"sealed":{}}',
        b'{"event":{"a":0.5},"sealed":{}}',
        b'{"event":{"a":"e\xcc\x81"},"sealed":{}}',
        b"[" * 100_000,
    ],
)
def test_a_record_that_is_not_canonical_proves_nothing(record: bytes) -> None:
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(item_with(record), KEYS)
    assert refusal.value.code == "receipt-record"


def test_a_record_whose_text_is_no_nfc_is_proved_all_the_same() -> None:
    # The value is in NFC; of its canonical bytes, `\n` and the tilde after it would melt into one letter.
    bundle = item_with({"event": {"note": "a\n\u0303b"}, "sealed": {}})
    (shown,) = proof.check_bundle(proof.dump_bundle(bundle), KEYS)
    assert shown.record["event"]["note"] == "a\n\u0303b"


def test_two_histories_in_one_receipt_are_noticed(bundle: proof.Bundle) -> None:
    one = item_with({"event": {"a": 1}, "sealed": {}})
    two = item_with({"event": {"a": 2}, "sealed": {}})
    for each in (one, two):
        proof.check_bundle(each, KEYS)
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(replace(one, items=one.items + two.items), KEYS)
    assert refusal.value.code == "receipt-split"


Change = Callable[[proof.Item], proof.Item]


@pytest.mark.parametrize(
    "change, code",
    [
        (lambda item: replace(item, seq=4), "receipt-entry"),
        (lambda item: replace(item, entry=item.entry + b" "), "receipt-entry"),
        (lambda item: replace(item, entry=the_log().entries[4]), "receipt-entry"),
        (lambda item: replace(item, proof=the_log().item(4, 300).proof), "receipt-entry"),
        (lambda item: replace(item, record=the_log().records[4]), "receipt-record"),
        (lambda item: replace(item, salt=bytes(32)), "receipt-record"),
        (lambda item: replace(item, salt=item.salt[:31]), "receipt-record"),
        (lambda item: replace(item, proof=""), "proof-form"),
        (lambda item: replace(item, disclosed=item.disclosed * 2), "receipt-disclosure"),
    ],
)
def test_a_part_of_another_item_is_noticed(bundle: proof.Bundle, change: Change, code: str) -> None:
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(replace(bundle, items=(change(bundle.items[0]),)), KEYS)
    assert refusal.value.code == code
    assert refusal.value.sentence("zh")


def test_a_checkpoint_of_another_log_is_noticed(bundle: proof.Bundle) -> None:
    foreign = replace(bundle, origin=WITNESS.name, verifier_key=WITNESS.verifier_key)
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(foreign, [*KEYS, WITNESS.verifier_key])
    assert refusal.value.code == "receipt-origin"


def document(**changes: object) -> bytes:
    good = json.loads(proof.dump_bundle(the_log().bundle(5, (2, [QUANTITY]))))
    return json.dumps(good | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        document(more=1),
        document(format="heji-receipt-v2"),
        document(items=[]),
        document(items={}),
        document(items=[1]),
        document(items=[{}]),
        document(origin=None),
        document(verifier_key=1),
    ],
)
def test_a_document_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(data, KEYS)
    assert refusal.value.code == "receipt-form"


@pytest.mark.parametrize(
    "name, value",
    [
        ("seq", False),
        ("seq", "2"),
        ("salt", "00"),
        ("salt", "AB" * 32),
        ("disclosed", [{"pointer": "/x"}]),
        ("proof", 1),
    ],
)
def test_an_item_of_another_form_is_refused(name: str, value: object) -> None:
    items = json.loads(document())["items"]
    with pytest.raises(BadProof) as refusal:
        proof.check_bundle(document(items=[items[0] | {name: value}]), KEYS)
    assert refusal.value.code == "receipt-form"
