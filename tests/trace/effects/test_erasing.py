"""Erasing a person's sealed values: what is refused, what vanishes, and what still holds afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from county import County
from heji_trace.effects import erasing
from heji_trace.errors import BulkRefused, Conflict, InvalidEvent, NotAllowed
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust
from heji_trace.projection import project
from heji_trace.proving import canonical, proof
from heji_trace.proving.entries import commit_field
from heji_trace.recording.recorder import Receipt
from heji_trace.rights.receipts import receipt_bundle
from heji_trace.store import tables
from ledger_check import check_ledger, tamper, verified

FARMER = "陈大文 13800138000 荔枝岭 31 号"


@pytest.fixture(autouse=True)
def nothing_is_broken(county: County) -> Iterator[None]:
    """After each test of this file the ledger is whole."""
    yield
    check_ledger(county.service)


def household(county: County) -> Receipt:
    details = {
        "code": "fg-household-7",
        "name": "陈大文",
        "subject_type": "farm_household",
        "roles": ["producer"],
        "contact": FARMER,
    }
    return county.record("organisation", "operator", details=details, note="经村委会登记，陈大文本人到场")


def erase(county: County, event_id: str, pointers: Sequence[str], **parts: Any) -> Receipt:
    values = [{"event": event_id, "pointers": list(pointers)}]
    details = {"values": values, "ground": "consent_withdrawn"}
    return county.record("erasure", "operator", details=details, **parts)


def refusals(county: County, event_id: str, pointers: Sequence[str]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as refused:
        erase(county, event_id, pointers)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def test_the_values_their_salts_and_their_copies_are_gone(county: County) -> None:
    receipt = household(county)
    taken = ["/details/name", "/details/contact", "/note"]
    gone = erase(county, receipt.event_id, taken)
    with county.service.store.read() as connection:
        assert ledger.read_disclosures(connection, receipt.seq) == {}
        assert ledger.read_erasures(connection, receipt.seq) == dict.fromkeys(taken, gone.seq)
        row = connection.execute(select(tables.register).where(tables.register.c.seq == receipt.seq)).one()
    assert json.loads(row.data) == {
        "code": "fg-household-7",
        "subject_type": "farm_household",
        "roles": ["producer"],
    }


def test_a_receipt_issued_before_still_verifies_and_its_commitments_stay(county: County) -> None:
    receipt = household(county)
    trust = Trust(county.service.signer.verifier, county.service.head.read())
    with county.service.store.read() as connection:
        before = receipt_bundle(connection, county.authors["operator"], receipt.seq, trust)
    erase(county, receipt.event_id, ["/details/name", "/details/contact", "/note"])
    proof.check_bundle(proof.dump_bundle(before), [county.service.signer.verifier])
    with county.service.store.read() as connection:
        [stored] = ledger.read_stored(connection, [receipt.seq])
    sealed = canonical.load(stored.record)["sealed"]
    shown = {each.pointer: each for each in before.items[0].disclosed}
    for pointer, each in shown.items():
        assert commit_field(each.salt, canonical.dump(each.value)).hex() == sealed[pointer]


def test_what_is_not_there_or_must_stay_is_refused(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    assert refusals(county, county.new_id(), ["/note"]) == [("/details/values/0/event", "unknown-event")]
    assert refusals(
        county, receipt.event_id, ["/details/contact", "/kind", "/outputs", "note", "/note/x"]
    ) == [(f"/details/values/0/pointers/{place}", "no-such-sealed-value") for place in range(5)]
    assert refusals(county, receipt.event_id, ["/outputs/0/quantity", "/outputs/0/unit"]) == [
        ("/details/values/0/pointers/0", "value-kept"),
        ("/details/values/0/pointers/1", "value-kept"),
    ]
    erase(county, receipt.event_id, ["/note"])
    assert refusals(county, receipt.event_id, ["/note"]) == [
        ("/details/values/0/pointers/0", "value-gone-already")
    ]


def test_what_comes_in_the_same_import_cannot_be_erased_by_it(county: County) -> None:
    plot = {"code": "fg-plot-9", "name": "地", "site_type": "plot", "organisation": county.code("producer")}
    noted = county.event("site", "operator", details=plot, note=FARMER)
    values = [{"event": noted.id, "pointers": ["/note"]}]
    erasure = county.event("erasure", "operator", details={"values": values, "ground": "law"})
    size = county.size
    with pytest.raises(BulkRefused) as refused:
        county.recorder.submit_all([noted, erasure], county.authors["operator"])
    [(row, error)] = refused.value.rows
    assert isinstance(error, InvalidEvent)
    assert (row, [(each.pointer, each.code) for each in error.problems]) == (
        1,
        [("/details/values/0/event", "unknown-event")],
    )
    assert county.size == size


def test_every_text_inside_a_value_is_looked_for_in_the_storage() -> None:
    value = {"a": ["陈大文", {"b": '他说："好"'}, 5, None, True], "c": "13800138000"}
    assert set(erasing.texts_of(canonical.dump(value))) == {
        "陈大文".encode(),
        '他说：\\"好\\"'.encode(),
        b"13800138000",
    }


def test_nothing_goes_when_one_of_the_values_may_not(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    refusals(county, receipt.event_id, ["/note", "/outputs/0/quantity"])
    with county.service.store.read() as connection:
        assert "/note" in ledger.read_disclosures(connection, receipt.seq)


@pytest.mark.parametrize("who", ["producer", "regulator", "laboratory", "station"])
def test_only_the_operator_erases(county: County, who: str) -> None:
    receipt = county.harvest("A1", note=FARMER)
    values = [{"event": receipt.event_id, "pointers": ["/note"]}]
    with pytest.raises(NotAllowed):
        county.record("erasure", who, details={"values": values, "ground": "law"})


def test_an_erasure_cannot_be_corrected(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    gone = erase(county, receipt.event_id, ["/note"])
    with pytest.raises(Conflict) as refused:
        county.record("correction", "operator", details={"corrects": [gone.event_id], "reason": "误删"})
    assert refused.value.code == "erasure-not-undone"


def test_a_repeat_of_an_erased_event_gets_the_same_receipt(county: County) -> None:
    event = county.harvesting("A1", note=FARMER)
    first = county.recorder.submit(event, county.authors["producer"])
    erase(county, first.event_id, ["/note"])
    again = county.recorder.submit(event, county.authors["producer"])
    assert (again.seq, again.entry_hash, again.repeated) == (first.seq, first.entry_hash, True)
    with county.service.store.read() as connection:
        assert "/note" not in ledger.read_disclosures(connection, first.seq)
    body = {name: value for name, value in event.body.items() if name != "note"}
    with pytest.raises(Conflict):
        county.recorder.submit(parse_event(body), county.authors["producer"])


def test_an_erased_event_is_corrected_like_any_other(county: County) -> None:
    receipt = household(county)
    erase(county, receipt.event_id, ["/details/name", "/details/contact", "/note"])
    replacement = county.raw(
        "organisation",
        "operator",
        details={
            "code": "fg-household-7",
            "name": "某某",
            "subject_type": "farm_household",
            "roles": ["producer"],
        },
    )
    details = {"corrects": [receipt.event_id], "reason": "户主变更", "replacement": replacement}
    corrected = county.record("correction", "operator", details=details)
    erase(county, corrected.event_id, ["/details/replacement/details/name"])
    with county.service.store.read() as connection:
        rows = connection.execute(
            select(tables.register.c.data).where(tables.register.c.code == "fg-household-7")
        )
        assert all("name" not in json.loads(data) for data in rows.scalars())


def test_what_was_erased_before_a_withdrawal_stays_erased(county: County) -> None:
    receipt = household(county)
    county.record("correction", "operator", details={"corrects": [receipt.event_id], "reason": "重复登记"})
    erase(county, receipt.event_id, ["/details/contact"])
    with county.service.store.read() as connection:
        row = connection.execute(select(tables.register).where(tables.register.c.seq == receipt.seq)).one()
    assert FARMER not in row.data
    assert row.withdrawn_seq is not None


def test_uploads_that_wait_are_dropped_and_a_recorded_import_loses_its_file_s_name(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    values = {"account": "a", "file_name": "陈大文.csv", "sha256": "0" * 64, "kind": "harvest"}
    with county.service.store.write() as connection:
        connection.execute(
            tables.imports.insert().values(
                import_id="waiting",
                account="a",
                file_name="陈大文.csv",
                data=FARMER.encode(),
                choices="{}",
                created_ms=0,
            )
        )
        places = {"row_count": 1, "first_seq": receipt.seq, "end_seq": receipt.seq + 1, "recorded_ms": 0}
        connection.execute(
            tables.imported.insert().values(
                import_id="recorded", organisation="fg-litchi-coop", **values, **places
            )
        )
    erase(county, receipt.event_id, ["/note"])
    with county.service.store.read() as connection:
        assert connection.execute(select(tables.imports)).all() == []
        assert connection.execute(select(tables.imported.c.file_name)).scalars().all() == [""]


# --- what SQL may do -------------------------------------------------------------------------------------------------


def test_no_disclosure_is_deleted_by_sql_unless_an_erasure_names_it(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    other = county.harvest("A2", note=FARMER)
    gone = erase(county, receipt.event_id, ["/note"])
    for statement in (
        f"DELETE FROM disclosures WHERE seq = {other.seq} AND pointer = '/note'",
        f"DELETE FROM disclosures WHERE seq = {receipt.seq}",
        f"INSERT INTO erasures (seq, pointer, by_seq) VALUES ({other.seq}, '/note', {gone.seq})",
        f"INSERT INTO erasures (seq, pointer, by_seq) VALUES ({receipt.seq}, '/outputs/0/unit', {gone.seq})",
        f"INSERT INTO erasures (seq, pointer, by_seq) VALUES ({other.seq}, '/note', {receipt.seq})",
        f"DELETE FROM erasures WHERE seq = {receipt.seq}",
        f"UPDATE erasures SET by_seq = {receipt.seq}",
    ):
        with pytest.raises(DatabaseError), county.service.store.write() as connection:
            connection.execute(text(statement))
    with county.service.store.read() as connection:
        assert "/note" in ledger.read_disclosures(connection, other.seq)


def found(county: County) -> set[tuple[str, object]]:
    return {
        (fault.kind, fault.seq if fault.seq is not None else fault.row)
        for fault in verified(county.service).faults
    }


def test_what_was_tampered_with_around_an_erasure_is_named(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    other = county.harvest("A2", note=FARMER)
    with county.service.store.read() as connection:
        salt, value = ledger.read_disclosures(connection, receipt.seq)["/note"]
        kept = ledger.read_disclosures(connection, other.seq)["/note"]
    gone = erase(county, receipt.event_id, ["/note"])
    service, place = county.service, (receipt.seq, "/note")

    tamper(service, "DELETE FROM disclosures WHERE seq = ? AND pointer = '/note'", other.seq)
    assert found(county) == {("value-missing", other.seq)}
    tamper(service, "INSERT INTO disclosures VALUES (?, '/note', ?, ?)", other.seq, *kept)

    tamper(service, "INSERT INTO disclosures VALUES (?, ?, ?, ?)", *place, salt, value)
    assert found(county) == {("value-back", receipt.seq)}
    # And what came back may go again: the erasure stands.
    with service.store.write() as connection:
        connection.execute(
            text("DELETE FROM disclosures WHERE seq = :seq AND pointer = '/note'"), {"seq": receipt.seq}
        )

    tamper(service, "DELETE FROM erasures")
    assert found(county) == {("erasure-missing", f"{receipt.seq},/note")}
    tamper(service, "INSERT INTO erasures VALUES (?, ?, ?)", *place, receipt.seq)
    assert found(county) == {("erasure-unfounded", f"{receipt.seq},/note")}
    tamper(service, "UPDATE erasures SET by_seq = ?", gone.seq)
    tamper(service, "INSERT INTO erasures VALUES (?, '/note', ?)", other.seq, gone.seq)
    assert found(county) == {("erasure-unfounded", f"{other.seq},/note")}
    tamper(service, "DELETE FROM erasures WHERE seq = ?", other.seq)


def test_a_break_before_an_erasure_is_what_verifying_names_first(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    broken = county.harvest("A2")
    erase(county, receipt.event_id, ["/note"])
    with county.service.store.read() as connection:
        entry = connection.execute(
            select(tables.entries.c.entry).where(tables.entries.c.seq == broken.seq)
        ).scalar_one()
    tamper(
        county.service,
        "UPDATE entries SET entry = ? WHERE seq = ?",
        entry.replace(b'"v":1', b'"v":2'),
        broken.seq,
    )
    assert verified(county.service).faults[0].seq == broken.seq
    assert not any(fault.kind == "value-missing" for fault in verified(county.service).faults)
    tamper(county.service, "UPDATE entries SET entry = ? WHERE seq = ?", entry, broken.seq)


# --- what the operator is shown --------------------------------------------------------------------------------------


def test_the_preview_shows_what_would_vanish_and_what_would_stay(county: County) -> None:
    receipt = county.harvest("A1", note=FARMER)
    with county.service.store.read() as connection:
        shown = erasing.preview(connection, [receipt.event_id, county.new_id()])
    assert [(each.pointer, each.erasable) for each in shown] == [
        ("/note", True),
        ("/outputs/0/quantity", False),
        ("/outputs/0/unit", False),
    ]
    assert shown[0].value == FARMER


def test_a_name_is_found_wherever_it_is_sealed(county: County) -> None:
    first, second = household(county), county.harvest("A1", note='他说："陈大文"')
    county.harvest("A2", note="无关")
    with county.service.store.read() as connection:
        shown = erasing.find_texts(connection, "陈大文")
        assert [(each.seq, each.pointer) for each in shown] == [
            (first.seq, "/details/contact"),
            (first.seq, "/details/name"),
            (first.seq, "/note"),
            (second.seq, "/note"),
        ]
        assert erasing.find_texts(connection, '："陈') != []
        assert erasing.find_texts(connection, "李四") == []


def test_the_read_tables_are_the_same_when_made_again(county: County) -> None:
    receipt = household(county)
    county.harvest("A1", note=FARMER)
    erase(county, receipt.event_id, ["/details/name", "/details/contact"])
    with county.service.store.read() as connection:
        before = {table.name: connection.execute(select(table)).all() for table in tables.PROJECTIONS}
        size = ledger.size_of(connection)
    with county.service.store.write() as connection:
        project.rebuild(connection, ledger.read_all(connection, size), lambda _done: None)
    with county.service.store.read() as connection:
        after = {table.name: connection.execute(select(table)).all() for table in tables.PROJECTIONS}
    assert {name: set(rows) for name, rows in after.items()} == {
        name: set(rows) for name, rows in before.items()
    }
