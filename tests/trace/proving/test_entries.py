from __future__ import annotations

from hashlib import sha256

import pytest

from heji_trace.errors import BrokenChain
from heji_trace.proving import canonical, entries
from heji_trace.proving.merkle import leaf_hash

START = 1_767_225_600_000
COMMITMENT = sha256(b"record").digest()


def chain(count: int, step: int = 400) -> list[tuple[int, bytes]]:
    rows: list[tuple[int, bytes]] = []
    prev = entries.FIRST_PREV
    for seq in range(count):
        entry = entries.dump_entry(seq, prev, sha256(b"%d" % seq).digest(), START + seq * step)
        rows.append((seq, entry))
        prev = leaf_hash(entry)
    return rows


def test_commitments_are_of_the_specified_form() -> None:
    salt = b"s" * 32
    assert entries.commit_field(salt, b'"12.5"') == sha256(b"heji.field.v1\n" + salt + b'"12.5"').digest()
    assert entries.commit_record(salt, b"{}") == sha256(b"heji.record.v1\n" + salt + b"{}").digest()


def test_an_entry_is_canonical_json() -> None:
    entry = entries.dump_entry(7, b"\xab" * 32, COMMITMENT, START + 5)
    assert entry == canonical.dump(
        {
            "commitment": COMMITMENT.hex(),
            "prev": "ab" * 32,
            "recorded_at": "2026-01-01T00:00:00.005Z",
            "seq": 7,
            "v": 1,
        }
    )
    assert entries.parse_entry(entry) == entries.Entry(7, b"\xab" * 32, COMMITMENT, START + 5)


GOOD = entries.dump_entry(7, b"\xab" * 32, COMMITMENT, START)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}",
        GOOD + b"\n",
        b" " + GOOD,
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v":1,"w":1'),
        GOOD.replace(b":7,", b":07,"),
        GOOD.replace(b":7,", b":-7,"),
        GOOD.replace(b":7,", b": 7,"),
        GOOD.replace(b":7,", b':"7",'),
        GOOD.replace(b":7,", b":9007199254740992,"),
        GOOD.replace(b"abab", b"ABAB"),
        GOOD.replace(b'"abab', b'"ab'),
        GOOD.replace(b"abab", b"ab b", 1),
        GOOD.replace(b".000Z", b"Z"),
        GOOD.replace(b".000Z", b".00Z0"),
        GOOD.replace(b".000Z", b",000Z"),
        GOOD.replace(b"T", b" "),
        GOOD.replace(b"2026-01-01", b"2026-02-30"),
        GOOD.replace(b"T00:00:00", b"T24:00:00"),
        GOOD.replace(b"T00:00:00", b"T00:00:60"),
        GOOD.replace(b"2026-", b"1969-"),
        GOOD.replace(b"2026-", b"0000-"),
        GOOD.replace(b"2026-", "２".encode() + b"6-"),
    ],
)
def test_any_other_bytes_are_no_entry(entry: bytes) -> None:
    with pytest.raises(BrokenChain) as refusal:
        entries.parse_entry(entry, 3)
    assert (refusal.value.seq, refusal.value.code) == (3, "entry-form")
    rows = chain(9)
    rows[7] = (7, entry)
    with pytest.raises(BrokenChain) as refusal:
        list(entries.check_chain(rows))
    assert (refusal.value.seq, refusal.value.code) == (7, "entry-form")


def test_an_honest_chain_gives_its_leaf_hashes() -> None:
    rows = chain(300)
    assert list(entries.check_chain(rows)) == [leaf_hash(entry) for _, entry in rows]


def test_entries_of_one_moment_are_in_order() -> None:
    assert len(list(entries.check_chain(chain(5, step=0)))) == 5


def test_a_chain_is_checked_from_any_place() -> None:
    rows = chain(20)
    prev = leaf_hash(rows[9][1])
    assert len(list(entries.check_chain(rows[10:], 10, prev, START + 9 * 400))) == 10
    with pytest.raises(BrokenChain) as refusal:
        list(entries.check_chain(rows[10:], 10, bytes(32), START))
    assert (refusal.value.seq, refusal.value.code) == (10, "entry-prev")
    with pytest.raises(BrokenChain) as refusal:
        list(entries.check_chain(rows[10:], 10, prev, START + 10 * 400 + 1))
    assert (refusal.value.seq, refusal.value.code) == (10, "entry-clock")


def test_every_flipped_bit_breaks_the_chain_there_or_at_the_next_entry() -> None:
    rows = chain(4)
    for at in range(len(rows[2][1])):
        for bit in range(8):
            changed = bytearray(rows[2][1])
            changed[at] ^= 1 << bit
            with pytest.raises(BrokenChain) as refusal:
                list(entries.check_chain([*rows[:2], (2, bytes(changed)), rows[3]]))
            assert refusal.value.seq in {2, 3}


def replaced(at: int, **names: int | bytes) -> list[tuple[int, bytes]]:
    rows = chain(10)
    entry = entries.parse_entry(rows[at][1])._replace(**names)  # type: ignore[arg-type]
    rows[at] = (at, entries.dump_entry(*entry))
    return rows


@pytest.mark.parametrize(
    "rows, seq, code",
    [
        (chain(10)[1:], 0, "entry-missing"),
        (chain(10)[:4] + chain(10)[5:], 4, "entry-missing"),
        (chain(10)[:5] + chain(10)[4:], 4, "entry-seq"),
        ([*chain(10)[:4], chain(10)[5], chain(10)[4]], 4, "entry-missing"),
        ([*chain(10)[:4], (4, chain(10)[5][1])], 4, "entry-seq"),
        (replaced(6, seq=7), 6, "entry-seq"),
        (replaced(6, prev=bytes(32)), 6, "entry-prev"),
        (replaced(0, prev=b"\1" * 32), 0, "entry-prev"),
        (replaced(6, recorded_ms=START), 6, "entry-clock"),
        (replaced(6, commitment=COMMITMENT), 7, "entry-prev"),
        (replaced(6, recorded_ms=START + 6 * 400 + 1), 7, "entry-prev"),
    ],
)
def test_what_does_not_fit_is_named(rows: list[tuple[int, bytes]], seq: int, code: str) -> None:
    with pytest.raises(BrokenChain) as refusal:
        list(entries.check_chain(rows))
    assert (refusal.value.seq, refusal.value.code) == (seq, code)
    assert str(seq) in refusal.value.sentence("zh")


def test_what_an_entry_names_as_the_leaf_before_it_is_found_without_reading_the_rest() -> None:
    prev = bytes(range(32))
    entry = entries.dump_entry(7, prev, bytes(32), 1_780_000_000_000)
    place = entry[entries.PREV]
    assert entries.find_prevs(place) == [prev]
    assert entries.find_prevs(place * 3) == [prev] * 3
    for wrong in (place.replace(b'"prev"', b'"perv"'), place[:20] + b"g" + place[21:], place[1:], b""):
        assert entries.find_prevs(wrong) is None
        assert entries.find_prevs(place + wrong + place) is None or not wrong
