from __future__ import annotations

import os

import pytest
from sqlalchemy import delete, exc, insert, text, update

from county import County
from heji_trace.errors import BadProof, BrokenChain, LedgerBusy
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.ledger.ledger import Stored
from heji_trace.proving import canonical, merkle
from heji_trace.proving.checkpoint import open_checkpoint
from heji_trace.proving.entries import commit_field, commit_record, parse_entry
from heji_trace.store import tables
from heji_web.service.service import Service
from ledger_check import tamper, tampering


def stored(county: County, seq: int) -> Stored:
    with county.service.store.read() as connection:
        return ledger.read_stored(connection, [seq])[0]


def test_the_record_shows_only_commitments_of_what_is_sealed(county: County) -> None:
    receipt = county.harvest("A1", "123.45", note="下雨")
    entry = stored(county, receipt.seq)
    assert b"123.45" not in entry.record
    assert "下雨".encode() not in entry.record
    record = canonical.load(entry.record)
    assert record["actor"] == county.authors["producer"].account
    assert set(record["sealed"]) == {"/note", "/outputs/0/quantity", "/outputs/0/unit"}
    assert entry.event.body["outputs"][0]["quantity"] == "123.45"


def test_entry_record_and_values_are_bound_by_their_salts(county: County) -> None:
    entry = stored(county, county.harvest("A1").seq)
    assert parse_entry(entry.entry).commitment == commit_record(entry.record_salt, entry.record)
    sealed = canonical.load(entry.record)["sealed"]
    with county.service.store.read() as connection:
        disclosed = ledger.read_disclosures(connection, entry.seq)
    assert {pointer: commit_field(*pair).hex() for pointer, pair in disclosed.items()} == sealed
    salts = [salt for salt, _ in disclosed.values()]
    assert len({*salts, entry.record_salt}) == len(salts) + 1


def test_each_entry_names_its_predecessor(county: County) -> None:
    with county.service.store.read() as connection:
        entries = ledger.read_entry_bytes(connection, 0, county.size)
    prev = bytes(32)
    for seq, entry in enumerate(entries):
        parsed = parse_entry(entry, seq)
        assert (parsed.seq, parsed.prev) == (seq, prev)
        prev = merkle.leaf_hash(entry)


def test_every_group_leaves_a_checkpoint_that_proves_each_entry(county: County) -> None:
    with county.service.store.read() as connection:
        read = ledger.hash_reader(connection)
        for size in (1, 5, county.size):
            note = ledger.find_note(connection, size)
            assert note is not None
            head = open_checkpoint(note, [county.service.signer.verifier])
            for seq, entry in enumerate(ledger.read_entry_bytes(connection, 0, size)):
                path = merkle.inclusion_proof(seq, size, read)
                merkle.verify_inclusion(seq, size, merkle.leaf_hash(entry), path, head.root)


def test_a_draft_that_is_not_written_changes_nothing(county: County) -> None:
    with county.service.store.read() as connection:
        tip = ledger.load_tip(connection)
        draft = ledger.Draft(tip, tip.recorded_ms, os.urandom)
        draft.add(county.harvesting("A1"), "somebody")
        assert (draft.size, tip.frontier.size) == (tip.size + 1, tip.size)
        assert ledger.load_tip(connection).frontier.root() == tip.frontier.root()


def test_recorded_moments_are_not_before_the_tip(county: County) -> None:
    with county.service.store.read() as connection:
        tip = ledger.load_tip(connection)
    assert ledger.Draft(tip, tip.recorded_ms - 1000, os.urandom).recorded_ms == tip.recorded_ms


def test_what_is_not_there_is_not_found(county: County) -> None:
    with county.service.store.read() as connection:
        assert ledger.find_note(connection, 10**6) is None
        assert ledger.find_seq(connection, "no such id") is None
        assert ledger.read_stored(connection, [10**6]) == []


def test_an_erased_value_compares_by_its_presence(county: County) -> None:
    event = county.harvesting("A1", "50")
    county.recorder.submit(event, county.authors["producer"])
    entry = stored(county, county.size - 1)
    where = "WHERE seq = ? AND pointer = '/outputs/0/quantity'"
    tamper(county.service, f"DELETE FROM disclosures {where}", entry.seq)
    erased = stored(county, entry.seq)
    assert "quantity" not in erased.event.body["outputs"][0]
    assert ledger.says_the_same(erased, event)
    body = event.body
    without = [{name: value for name, value in body["outputs"][0].items() if name != "site"}]
    assert ledger.says_the_same(erased, parse_event({**body, "outputs": without}))
    assert not ledger.says_the_same(erased, parse_event({**body, "note": "more"}))
    assert not ledger.says_the_same(entry, county.harvesting("A1", "51", id=event.id))


@pytest.mark.parametrize("record", [b"{", b"[]", b"{}", b'{"actor":"a","event":{},"sealed":{}}'])
def test_a_record_that_cannot_be_read_breaks_the_chain_there(county: County, record: bytes) -> None:
    with tampering(county.service.settings.database_url) as connection:
        connection.execute("UPDATE entries SET record = ? WHERE seq = 3", (record,))
    with pytest.raises(BrokenChain) as broken:
        stored(county, 3)
    assert broken.value.seq == 3


@pytest.mark.parametrize("text_signed", ["", "x", "heji.foundation.v1\n[]\n", "heji.foundation.v1\n{\n"])
def test_only_fixed_facts_are_read_as_such(text_signed: str) -> None:
    with pytest.raises(BadProof):
        ledger.parse_foundation(text_signed)


def test_fixed_facts_are_read_back() -> None:
    facts = {"origin": "a/log", "signature": "not signed itself"}
    assert ledger.parse_foundation(ledger.foundation_text(facts)) == {"origin": "a/log"}


# --- the database itself refuses -------------------------------------------------------------------------------------


def test_the_database_refuses_to_change_or_delete_the_ledger(county: County) -> None:
    county.harvest("A1")
    with county.service.store.write() as connection:
        connection.execute(insert(tables.nodes), {"level": 1, "position": 0, "hash": bytes(32)})
    # What guards erasures is told where something is erased.
    for table in (table for table in tables.LEDGER if table is not tables.erasures):
        key = next(iter(table.primary_key))
        with (
            pytest.raises(exc.IntegrityError, match="append-only"),
            county.service.store.write() as connection,
        ):
            connection.execute(update(table).values({key.name: key}))
        if table is tables.disclosures:
            continue
        with (
            pytest.raises(exc.IntegrityError, match="append-only"),
            county.service.store.write() as connection,
        ):
            connection.execute(delete(table))


@pytest.mark.postgresql_only
def test_the_database_refuses_to_empty_a_table_of_the_ledger(county: County) -> None:
    for table in tables.LEDGER:
        with (
            pytest.raises(exc.IntegrityError, match="append-only"),
            county.service.store.write() as connection,
        ):
            connection.execute(text(f"TRUNCATE {table.name}"))


@pytest.mark.sqlite_only
def test_the_database_refuses_to_replace_an_entry(county: County) -> None:
    entry = stored(county, 3)
    values = {
        "seq": 3,
        "event_id": "another",
        "entry": entry.entry,
        "record": entry.record,
        "record_salt": entry.record_salt,
    }
    with pytest.raises(exc.IntegrityError, match="append-only"), county.service.store.write() as connection:
        connection.execute(insert(tables.entries).prefix_with("OR REPLACE"), values)
    same_id = {**values, "seq": 10**6, "event_id": entry.event.id}
    with pytest.raises(exc.IntegrityError, match="append-only"), county.service.store.write() as connection:
        connection.execute(insert(tables.entries).prefix_with("OR REPLACE"), same_id)


def test_readers_cannot_write(service: Service) -> None:
    with pytest.raises(LedgerBusy, match="does not answer"), service.store.read() as connection:
        connection.execute(text("DELETE FROM disclosures"))
