from __future__ import annotations

import inspect
import re
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from county import County
from heji_trace import sentences
from heji_trace.errors import LedgerBusy
from heji_trace.ledger import ledger, verify
from heji_trace.ledger.faults import Fault
from heji_trace.ledger.verify import Report
from heji_trace.projection import replay
from heji_trace.proving import keys
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.entries import commit_record, dump_entry, parse_entry
from heji_trace.proving.merkle import leaf_hash
from heji_web.service.service import Service
from ledger_check import change, tamper, tampering, verified


@pytest.fixture
def small(county: County) -> Service:
    """Twenty-odd entries, the last three in one group."""
    county.harvest("A1")
    county.make("packaging", {"A1": "60"}, {"P1": "58"})
    county.recorder.submit_all(
        [county.harvesting(batch) for batch in ("A2", "A3", "A4")], county.authors["producer"]
    )
    assert verified(county.service) == verified(county.service, hash_only=True)
    assert verified(county.service).faults == ()
    return county.service


@pytest.fixture
def large(small: Service, county: County) -> Service:
    """More than two tiles, so that there are nodes."""
    county.recorder.submit_all(
        [county.harvesting(f"B{number}") for number in range(600)], county.authors["producer"]
    )
    return small


def first(report: Report) -> Fault:
    assert report.faults
    return report.faults[0]


def size_of(service: Service) -> int:
    with service.store.read() as connection:
        return ledger.size_of(connection)


def found(service: Service) -> set[tuple[str, str | int | None]]:
    return {(fault.kind, fault.row if fault.seq is None else fault.seq) for fault in verified(service).faults}


def test_a_ledger_that_has_just_begun_has_no_fault(service: Service) -> None:
    report = verified(service)
    assert (report.size, report.faults) == (0, ())


def test_the_head_and_the_end_of_an_honest_ledger_fit(small: Service) -> None:
    report = verified(small)
    head = small.head.read()
    assert head is not None
    assert (head.size, head.root) == (report.size, report.root)


@pytest.mark.parametrize("hash_only", [False, True])
@pytest.mark.parametrize("member", ["commitment", "prev", "recorded_at", "seq"])
def test_one_changed_character_of_an_entry_is_found_and_the_entry_named(
    small: Service, member: str, hash_only: bool
) -> None:
    url, size = small.settings.database_url, size_of(small)
    for seq in (0, 1, 5, 12, size - 5, size - 4, size - 3, size - 2, size - 1):
        with tampering(url) as connection:
            query = "SELECT entry FROM entries WHERE seq = ?"
            entry = connection.execute(query, (seq,)).fetchone()[0]
            at = re.search(f'"{member}":"?'.encode(), entry).end()  # type: ignore[union-attr]
            changed = entry[:at] + (b"1" if entry[at] != ord("1") else b"2") + entry[at + 1 :]
            connection.execute("UPDATE entries SET entry = ? WHERE seq = ?", (changed, seq))
        assert first(verified(small, hash_only=hash_only)).seq == seq
        tamper(small, "UPDATE entries SET entry = ? WHERE seq = ?", entry, seq)
    assert verified(small).faults == ()


@pytest.mark.parametrize("seq", [0, 7])
def test_a_missing_entry_is_named(small: Service, seq: int) -> None:
    tamper(small, "DELETE FROM entries WHERE seq = ?", seq)
    assert first(verified(small)) == Fault("entry-missing", seq, names={"seq": seq})


def test_a_cut_tail_is_named_by_its_first_missing_entry(small: Service) -> None:
    size = size_of(small)
    tamper(small, "DELETE FROM entries WHERE seq = ?", size - 1)
    assert ("entries-behind-head", size - 1) in found(small)
    assert ("checkpoint-beyond", str(size)) in found(small)


def test_a_tail_cut_with_everything_that_belongs_to_it_is_shown_by_the_remembered_head(
    small: Service,
) -> None:
    size = size_of(small)
    for statement in (
        "DELETE FROM entries WHERE seq >= ?",
        "DELETE FROM disclosures WHERE seq >= ?",
        "DELETE FROM checkpoints WHERE size > ?",
    ):
        tamper(small, statement, size - 3)
    assert found(small) == {("entries-behind-head", size - 3)}


def test_two_swapped_entries_are_named_by_the_first(small: Service) -> None:
    with tampering(small.settings.database_url) as connection:
        for old, new in ((3, -1), (5, 3), (-1, 5)):
            connection.execute("UPDATE entries SET seq = ? WHERE seq = ?", (new, old))
    assert first(verified(small)).kind == "entry-seq"
    assert first(verified(small)).seq == 3


def test_an_entry_put_in_a_second_time_is_named(small: Service) -> None:
    size = size_of(small)
    tamper(
        small,
        "INSERT INTO entries SELECT CAST(? AS BIGINT), 'another-id', entry, record, record_salt FROM entries WHERE seq = 4",
        size,
    )
    assert first(verified(small)).seq == size


def test_a_well_chained_entry_without_signature_is_an_unsigned_tail(small: Service) -> None:
    size = size_of(small)
    with small.store.read() as connection:
        tip = ledger.load_tip(connection)
        stored = ledger.read_stored(connection, [size - 1])[0]
    entry = dump_entry(size, tip.last_leaf, commit_record(bytes(32), stored.record), tip.recorded_ms)
    tamper(
        small,
        "INSERT INTO entries VALUES (?, 'forged', ?, ?, ?)",
        size,
        entry,
        stored.record,
        bytes(32),
    )
    assert ("unsigned-tail", size) in found(small)


@pytest.mark.parametrize(
    "record",
    [
        b"no JSON",
        b"[]",
        b'{"actor":"x"}',
        b'{"actor":"x","event":{"id":"forged","kind":"harvest"},"sealed":3}',
    ],
)
def test_a_signed_entry_whose_record_is_none_is_named(small: Service, record: bytes) -> None:
    size = size_of(small)
    with small.store.read() as connection:
        tip = ledger.load_tip(connection)
    entry = dump_entry(size, tip.last_leaf, commit_record(bytes(32), record), tip.recorded_ms)
    tip.frontier.append(leaf_hash(entry))
    note = sign_note(dump_checkpoint(small.signer.name, size + 1, tip.frontier.root()), small.signer)
    tamper(small, "INSERT INTO entries VALUES (?, 'forged', ?, ?, ?)", size, entry, record, bytes(32))
    tamper(small, "INSERT INTO checkpoints VALUES (?, ?, ?)", size + 1, size, note)
    assert verified(small).faults == (Fault("record-form", size),)
    assert verified(small, hash_only=True).faults == ()


def test_of_a_broken_link_the_end_that_was_changed_is_told_by_the_next_signature_that_holds(
    small: Service,
) -> None:
    def changed(entry: bytes) -> bytes:
        at = len(b'{"commitment":"')
        return entry[:at] + (b"1" if entry[at] != ord("1") else b"2") + entry[at + 1 :]

    def blamed() -> list[int | None]:
        return [fault.seq for fault in verified(small).faults if fault.kind == "entry-prev"]

    change(small, "entries", "entry", 9, changed)
    tamper(small, "UPDATE checkpoints SET note = 'none of ours' WHERE size = 10")
    assert blamed() == [9]
    # Where no signature is left it can only be said which entry does not fit the one before it.
    tamper(small, "UPDATE checkpoints SET note = 'none of ours' WHERE size > 10")
    assert blamed() == [10]


def test_a_rewritten_tail_is_named_by_the_first_entry_that_no_signed_root_covers(small: Service) -> None:
    size = size_of(small)
    start = size - 3
    with tampering(small.settings.database_url) as connection:
        before = connection.execute("SELECT entry FROM entries WHERE seq = ?", (start - 1,)).fetchone()[0]
        prev = leaf_hash(before)
        for seq in range(start, size):
            salt, record, entry = connection.execute(
                "SELECT record_salt, record, entry FROM entries WHERE seq = ?", (seq,)
            ).fetchone()
            record = record.replace(b'"kind":"harvest"', b'"kind":"Harvest"')
            moment = parse_entry(entry, seq).recorded_ms
            changed = dump_entry(seq, prev, commit_record(salt, record), moment)
            connection.execute(
                "UPDATE entries SET entry = ?, record = ? WHERE seq = ?", (changed, record, seq)
            )
            prev = leaf_hash(changed)
    for hash_only in (False, True):
        fault = first(verified(small, hash_only=hash_only))
        assert (fault.kind, fault.seq) == ("root-differs", start)


@pytest.mark.parametrize("column", ["record", "record_salt"])
def test_a_changed_record_is_named(small: Service, column: str) -> None:
    change(small, "entries", column, 9, lambda old: bytes([old[0] ^ 1]) + old[1:])
    assert verified(small).faults == (Fault("record-differs", 9),)
    assert verified(small, hash_only=True).faults == ()


def test_a_record_that_is_no_json_is_a_fault_and_not_an_exception(small: Service) -> None:
    change(small, "entries", "record", 9, lambda _: b"{\xff\x00")
    assert verified(small).faults == (Fault("record-differs", 9),)


def test_another_event_id_beside_the_record_is_named(small: Service) -> None:
    tamper(small, "UPDATE entries SET event_id = 'x' || event_id WHERE seq = 9")
    assert verified(small).faults == (Fault("event-id-differs", 9),)


@pytest.mark.sqlite_only
def test_an_event_id_that_is_no_text_is_named(small: Service) -> None:
    tamper(small, "UPDATE entries SET event_id = CAST(x'ff' || event_id AS TEXT) WHERE seq = 9")
    assert verified(small).faults == (Fault("event-id-differs", 9),)


def test_a_changed_sealed_value_is_named(small: Service) -> None:
    seq = size_of(small) - 1
    where = "WHERE seq = ? AND pointer = '/outputs/0/quantity'"
    tamper(small, f"UPDATE disclosures SET value = ? {where}", b'"101"', seq)
    assert verified(small).faults == (Fault("value-differs", seq, names={"pointer": "/outputs/0/quantity"}),)


def test_a_sealed_value_that_is_gone_is_named(small: Service) -> None:
    seq = size_of(small) - 1
    tamper(small, "DELETE FROM disclosures WHERE seq = ? AND pointer = '/outputs/0/unit'", seq)
    assert verified(small).faults == (Fault("value-missing", seq, names={"pointer": "/outputs/0/unit"}),)


@pytest.mark.parametrize("seq", [2, 10_000, -1])
def test_a_sealed_value_too_many_is_named(small: Service, seq: int) -> None:
    tamper(small, "INSERT INTO disclosures VALUES (?, '/note', ?, ?)", seq, b"0", b"0")
    assert found(small) == {("disclosure-superfluous", f"{seq},/note")}


def test_a_changed_deleted_or_added_node_is_named(large: Service) -> None:
    tamper(large, "UPDATE nodes SET hash = ? WHERE level = 1 AND position = 1", bytes(32))
    assert found(large) == {("node-differs", "1,1")}
    tamper(large, "DELETE FROM nodes WHERE level = 1 AND position = 1")
    assert found(large) == {("node-missing", "1,1")}
    tamper(large, "INSERT INTO nodes VALUES (1, 2, ?)", bytes(32))
    assert found(large) == {("node-missing", "1,1"), ("node-superfluous", "1,2")}


def test_a_deleted_checkpoint_is_shown_by_the_next(small: Service) -> None:
    tamper(small, "DELETE FROM checkpoints WHERE size = 5")
    assert found(small) == {("checkpoint-gap", "6")}
    tamper(small, "DELETE FROM checkpoints WHERE size = 0")
    assert found(small) == {("checkpoint-gap", "1"), ("checkpoint-gap", "6")}


def test_without_its_newest_checkpoint_the_tail_is_unsigned(small: Service) -> None:
    size = size_of(small)
    tamper(small, "DELETE FROM checkpoints WHERE size = ?", size)
    assert found(small) == {("unsigned-tail", size - 3)}


def test_an_added_checkpoint_is_named(small: Service) -> None:
    size = size_of(small)
    tamper(small, "INSERT INTO checkpoints VALUES (?, ?, 'x')", size + 1, size)
    assert found(small) == {("checkpoint-beyond", str(size + 1))}


def test_a_changed_node_is_named_where_no_head_is_remembered_and_only_hashes_are_checked(
    large: Service,
) -> None:
    (large.settings.head / "head").unlink()
    tamper(large, "UPDATE nodes SET hash = ? WHERE level = 1 AND position = 1", bytes(32))
    faults = verified(large, hash_only=True).faults
    assert [(fault.kind, fault.row) for fault in faults] == [("node-differs", "1,1"), ("head-missing", None)]


def test_a_checkpoint_of_another_key_is_named(small: Service) -> None:
    other = keys.generate_signer(small.signer.name, lambda size: bytes([7]) * size)
    note = sign_note(dump_checkpoint(small.signer.name, 5, bytes(32)), other)
    tamper(small, "UPDATE checkpoints SET note = ? WHERE size = 5", note)
    assert found(small) == {("checkpoint-unsigned", "5")}


def test_a_checkpoint_in_the_place_of_another_is_named(small: Service) -> None:
    tamper(
        small, "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 4) WHERE size = 5"
    )
    assert found(small) == {("checkpoint-differs", "5")}


@pytest.mark.parametrize("name", ["origin", "verifier_key", "signature"])
def test_a_changed_fixed_fact_is_named(small: Service, name: str) -> None:
    tamper(small, "UPDATE foundation SET value = value || 'x' WHERE name = ?", name)
    assert {row for _, row in found(small)} == {name}


def test_a_renamed_or_added_fixed_fact_is_named(small: Service) -> None:
    tamper(small, "UPDATE foundation SET name = 'other' WHERE name = 'origin'")
    assert found(small) == {("foundation-differs", "origin"), ("foundation-differs", "other")}


def test_fixed_facts_of_another_log_are_named_even_where_our_key_signed_them(small: Service) -> None:
    with small.store.read() as connection:
        facts = ledger.founded_facts(connection) | {"origin": "other.example/log"}
    signature = sign_note(ledger.foundation_text(facts), small.signer)
    tamper(small, "UPDATE foundation SET value = 'other.example/log' WHERE name = 'origin'")
    tamper(small, "UPDATE foundation SET value = ? WHERE name = 'signature'", signature)
    assert found(small) == {("foundation-differs", "signature")}


def test_a_ledger_without_its_fixed_facts_is_found(small: Service) -> None:
    tamper(small, "DELETE FROM foundation")
    assert found(small) == {("foundation-unsigned", "signature")}


def test_a_missing_head_is_found(small: Service) -> None:
    (small.settings.head / "head").unlink()
    assert found(small) == {("head-missing", None)}


@pytest.mark.parametrize("cut", [0, 1, 40, -1])
def test_a_torn_head_is_found(small: Service, cut: int) -> None:
    path = small.settings.head / "head"
    path.write_text(path.read_text("utf-8")[:cut], "utf-8")
    assert found(small) == {("head-untrusted", None)}


def test_a_head_of_another_key_is_found(small: Service) -> None:
    other = keys.generate_signer(small.signer.name, lambda size: bytes([7]) * size)
    note = sign_note(dump_checkpoint(small.signer.name, 5, bytes(32)), other)
    (small.settings.head / "head").write_text(note, "utf-8")
    assert found(small) == {("head-untrusted", None)}


@pytest.mark.parametrize("hash_only", [False, True])
def test_a_head_of_another_history_is_found(small: Service, hash_only: bool) -> None:
    note = sign_note(dump_checkpoint(small.signer.name, 5, bytes(32)), small.signer)
    (small.settings.head / "head").write_text(note, "utf-8")
    assert [fault.kind for fault in verified(small, hash_only=hash_only).faults] == ["head-differs"]


@pytest.mark.parametrize("hash_only", [False, True])
def test_a_head_that_is_only_behind_is_what_a_crash_leaves_and_no_fault(
    small: Service, hash_only: bool
) -> None:
    with small.store.read() as connection:
        note = ledger.find_note(connection, 5)
    assert note is not None
    (small.settings.head / "head").write_text(note, "utf-8")
    assert verified(small, hash_only=hash_only).faults == ()


@pytest.mark.sqlite_only
def test_a_damaged_page_is_a_fault_and_not_an_exception(large: Service) -> None:
    # The last connection brings the write-ahead log into the file.
    large.close()
    path = large.settings.data / "heji.db"
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'disclosures'"
        page = connection.execute(query).fetchone()[0] - 1
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with path.open("r+b") as file:
        file.seek(page * size)
        file.write(b"\xff" * 8)
    assert ("table-unreadable", "") in found(large)


def test_a_database_that_does_not_answer_is_no_finding_about_the_ledger(small: Service) -> None:
    with small.store.write() as connection:
        connection.execute(text("ALTER TABLE erasures RENAME TO set_aside"))
    with pytest.raises(LedgerBusy):
        verified(small)


def test_every_kind_of_fault_has_its_sentence() -> None:
    kinds: set[str] = set()
    for module in (verify, replay):
        source = inspect.getsource(module)
        kinds |= set(re.findall(r'(?:Fault|row_fault)\(\s*"([a-z-]+)"', source))
    assert len(kinds) > 15
    assert kinds <= sentences.catalogue().keys()
