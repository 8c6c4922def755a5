"""Laws of the trust layer, over inputs nobody thought of."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from unicodedata import normalize

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from heji_trace.errors import BadProof, BrokenChain, InvalidEvent, Refused, Unknown, Untrusted
from heji_trace.proving import canonical, checkpoint, entries, keys, merkle, proof
from vectors.make import SIGNER, WITNESS, the_log
from verifier import heji_verify_outside as outside

LEAVES = the_log().rows[0]
ROOTS = [merkle.root_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(
    lambda text: normalize("NFC", text)
)
names = st.text(st.characters(min_codepoint=1, max_codepoint=127))
numbers = st.integers(-(2**53) + 1, 2**53 - 1)
profile = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(names, inner, max_size=5),
    max_leaves=30,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
sizes = st.integers(1, len(LEAVES))


@given(profile)
@example({"\x7f": "\u2028\u2029\x7f\x1f", "a\\": '"', "": "￿"})
def test_canonical_bytes_are_those_of_the_referee(value: Any) -> None:
    data = canonical.dump(value)
    assert data == rfc8785.dumps(value) == outside.canonical(value)
    assert canonical.load(data) == canonical.load_dumped(data) == value


@given(profile, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_however_json_is_written_its_canonical_bytes_are_the_same(
    value: Any, indent: int | str | None, ascii_only: bool
) -> None:
    written = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert canonical.dump(canonical.load(written)) == canonical.dump(value)


@given(anything)
def test_any_value_is_dumped_or_refused(value: object) -> None:
    with suppress(InvalidEvent):
        assert canonical.load(canonical.dump(value)) == value


@given(anything.filter(lambda value: not isinstance(value, bytes)))
def test_what_is_loaded_can_be_dumped(value: Any) -> None:
    try:
        written = json.dumps(value, default=repr).encode("utf-8", "surrogatepass")
        loaded = canonical.load(written)
    except InvalidEvent:
        return
    assert canonical.load(canonical.dump(loaded)) == loaded


json_like = st.lists(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            '"',
            "\\",
            "a",
            '"a"',
            "1",
            "-",
            ".",
            "e",
            "NaN",
            "\\u",
            "d800",
            "\0",
            " ",
            "é",
        ]
    )
).map(lambda parts: "".join(parts).encode())


@given(st.binary() | json_like)
@example(b'{"a":"\\","a":1}')
@example(b'"\\\\"[[[[')
def test_any_bytes_are_loaded_or_refused(data: bytes) -> None:
    try:
        value = canonical.load(data)
    except InvalidEvent as refusal:
        problems = refusal.problems
    else:
        assert canonical.load(canonical.dump(value)) == value
        return
    assert problems
    assert all(problem.sentence("zh") and problem.sentence("en") for problem in problems)


@given(st.lists(st.tuples(names, st.integers(0, 9)), max_size=6), st.booleans())
def test_an_object_is_loaded_just_when_its_keys_differ(
    members: list[tuple[str, int]], ascii_only: bool
) -> None:
    inside = ",".join(f"{json.dumps(key, ensure_ascii=ascii_only)}:{value}" for key, value in members)
    data = f'[{{"x":{{{inside}}}}}]'.encode()
    if len(dict(members)) == len(members):
        assert canonical.load(data) == [{"x": dict(members)}]
    else:
        with pytest.raises(InvalidEvent) as refusal:
            canonical.load(data)
        assert {problem.code for problem in refusal.value.problems} == {"json-key-twice"}


@given(st.data())
def test_both_verifiers_judge_every_inclusion_alike(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    proved = merkle.inclusion_proof(index, size, the_log().read)
    merkle.verify_inclusion(index, size, LEAVES[index], proved, ROOTS[size])
    outside.check_inclusion(index, size, LEAVES[index], proved, ROOTS[size])
    claimed = data.draw(st.integers(-1, 301)), data.draw(st.integers(-1, 301))
    changed = data.draw(st.permutations(proved) | st.just([*proved, bytes(32)]) | st.just(proved[1:]))
    assert ours(merkle.verify_inclusion, *claimed, LEAVES[index], changed, ROOTS[size]) == theirs(
        outside.check_inclusion, *claimed, LEAVES[index], changed, ROOTS[size]
    )


@given(st.data())
def test_both_verifiers_judge_every_consistency_alike(data: st.DataObject) -> None:
    size2 = data.draw(sizes)
    size1 = data.draw(st.integers(1, size2))
    proved = merkle.consistency_proof(size1, size2, the_log().read)
    merkle.verify_consistency(size1, size2, ROOTS[size1], ROOTS[size2], proved)
    outside.check_consistency(size1, size2, ROOTS[size1], ROOTS[size2], proved)
    claimed = data.draw(st.integers(-1, 301)), data.draw(st.integers(-1, 301))
    changed = data.draw(st.permutations(proved) | st.just([*proved, bytes(32)]) | st.just(proved[1:]))
    assert ours(merkle.verify_consistency, *claimed, ROOTS[size1], ROOTS[size2], changed) == theirs(
        outside.check_consistency, *claimed, ROOTS[size1], ROOTS[size2], changed
    )


def ours(verify: Any, *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except BadProof:
        return False
    return True


def theirs(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except outside.Distrusted:
        return False
    return True


def test_every_proof_of_every_size_up_to_300_is_agreed_upon_from_outside() -> None:
    for size in range(1, 301):
        for index in (0, size // 3, size - 1):
            proved = merkle.inclusion_proof(index, size, the_log().read)
            outside.check_inclusion(index, size, LEAVES[index], proved, ROOTS[size])
        for size1 in (1, (size + 1) // 2, size):
            proved = merkle.consistency_proof(size1, size, the_log().read)
            outside.check_consistency(size1, size, ROOTS[size1], ROOTS[size], proved)


@given(st.integers(0, 2**53 - 1), st.binary(min_size=64, max_size=64), st.integers(0, 253_402_300_799_999))
def test_an_entry_is_canonical_and_comes_back(seq: int, hashes: bytes, recorded_ms: int) -> None:
    entry = entries.dump_entry(seq, hashes[:32], hashes[32:], recorded_ms)
    assert canonical.dump(canonical.load(entry)) == entry
    assert entries.parse_entry(entry) == (seq, hashes[:32], hashes[32:], recorded_ms)
    assert outside.parse_entry(entry)["seq"] == seq


@given(st.binary(max_size=300))
def test_any_bytes_are_an_entry_or_break_the_chain(data: bytes) -> None:
    with pytest.raises(BrokenChain):
        entries.parse_entry(data)
    with pytest.raises(BrokenChain):
        list(entries.check_chain([(0, data)]))


@given(st.integers(0, 3), st.integers(0, 250), st.integers(0, 255))
def test_a_chain_with_any_byte_changed_is_refused_by_both(seq: int, at: int, byte: int) -> None:
    chain = the_log().entries[:4]
    changed = bytearray(chain[seq])
    changed[at % len(changed)] = byte
    chain = [*chain[:seq], bytes(changed), *chain[seq + 1 :]]
    expected = merkle.root_of(the_log().rows[0][:4])
    try:
        leaves = list(entries.check_chain(enumerate(chain)))
    except BrokenChain:
        leaves = []
    try:
        foreign = list(outside.check_chain(iter(chain)))
    except outside.Distrusted:
        foreign = []
    assert leaves == foreign
    # Only the last entry has no successor that remembers it: the root does.
    assert (merkle.root_of(leaves) == expected) == (chain == the_log().entries[:4])


readers = st.sampled_from(
    [
        checkpoint.parse_checkpoint,
        checkpoint.parse_verifier_key,
        checkpoint.parse_proof,
        lambda text: checkpoint.open_note(text, [SIGNER.verifier]),
        lambda text: checkpoint.open_checkpoint(text, [SIGNER.verifier]),
        lambda text: checkpoint.open_note(the_log().note(5), [text]),
        lambda text: proof.check_bundle(text.encode("utf-8", "surrogatepass"), [SIGNER.verifier]),
    ]
)
NOTE = the_log().note(5)
PROOF = checkpoint.dump_proof(2, merkle.inclusion_proof(2, 5, the_log().read), NOTE)
pieces = st.lists(
    st.sampled_from([*NOTE.split("\n"), "\n", "\n\n", "—", "+", " ", "\ud800", "index 1", "AAAA", "＝"])
)


@given(readers, st.text(st.characters()) | pieces.map("\n".join) | pieces.map("".join))
@example(checkpoint.parse_proof, PROOF[:-1])
def test_any_text_is_read_or_distrusted(read: Any, text: str) -> None:
    with suppress(Untrusted):
        read(text)


@given(st.text(st.characters()))
def test_any_text_is_a_tile_path_or_unknown(text: str) -> None:
    with suppress(Unknown):
        assert merkle.tile_path(*merkle.parse_tile_path(text)) == text
    with suppress(Unknown):
        path = f"tile/0/{text}"
        assert merkle.tile_path(*merkle.parse_tile_path(path)) == path


@given(st.none() | st.integers(0, 63), st.integers(0, 10**18 - 1), st.integers(1, 256))
def test_every_tile_has_one_path(level: int | None, n: int, width: int) -> None:
    path = merkle.tile_path(level, n, width)
    assert merkle.parse_tile_path(path) == (level, n, width)
    assert outside.tile_name("entries" if level is None else str(level), n, width) == path


@given(
    st.binary(min_size=32, max_size=32),
    st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20),
)
def test_every_key_comes_back_from_its_texts(seed: bytes, name: str) -> None:
    signer = keys.Signer(name, seed)
    assert checkpoint.parse_verifier_key(signer.verifier_key) == signer.verifier
    note = checkpoint.sign_note(checkpoint.dump_checkpoint(name, 7, seed), signer)
    assert checkpoint.open_checkpoint(note, [signer.verifier]) == checkpoint.Checkpoint(name, 7, seed)
    assert outside.open_head(note, signer.verifier_key) == outside.Head(name, 7, seed)
    ascii_signer = keys.Signer("heji.example/log", seed)
    assert keys.restore_signer(keys.recovery_sheet(ascii_signer)) == ascii_signer


sheets = st.permutations(keys.recovery_sheet(WITNESS).split("\n")).map("\n".join)


@given(st.text(st.characters()) | sheets)
def test_any_sheet_is_read_or_refused(text: str) -> None:
    with suppress(Refused):
        assert keys.restore_signer(text) == WITNESS


@given(st.integers(0, 299), st.integers(1, 300), st.sets(st.sampled_from(["/note", "/outputs/0/quantity"])))
def test_every_receipt_is_believed_by_both(seq: int, more: int, pointers: set[str]) -> None:
    size = min(300, seq + more)
    data = proof.dump_bundle(the_log().bundle(size, (seq, sorted(pointers))))
    (shown,) = proof.check_bundle(data, [SIGNER.verifier])
    (from_outside,) = outside.check_receipt(data, SIGNER.verifier_key)
    assert (shown.seq, shown.record, shown.disclosed) == (
        from_outside["seq"],
        from_outside["record"],
        from_outside["disclosed"],
    )
    assert set(shown.disclosed) == pointers
