"""The list of erasures beside the remembered head, and erasing again after a restore."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from county import County
from heji_trace.backups.erase_again import erase_again
from heji_trace.effects import erasing
from heji_trace.errors import LedgerBusy, Misconfigured
from heji_trace.ledger import ledger
from heji_trace.ledger.erasure_list import ErasureList
from heji_trace.recording.recorder import Receipt
from heji_trace.store import tables
from heji_web.service.service import Service, open_service
from ledger_check import check_ledger
from web.doors import CHEAP

SECRET = "李小红 13900139000"


def erase(county: County, event_ids: Sequence[str]) -> Receipt:
    values = [{"event": each, "pointers": ["/note"]} for each in event_ids]
    details = {"values": values, "ground": "consent_withdrawn", "request": SECRET}
    return county.record("erasure", "operator", details=details)


def listed(county: County) -> ErasureList:
    return ErasureList(county.service.settings.head)


def reopened(county: County) -> Service:
    service = open_service(county.service.settings, county.now.clock, passwords=CHEAP)
    service.start()
    return service


def test_an_erasure_is_listed_by_ids_and_pointers_before_anybody_hears_of_it(county: County) -> None:
    receipt = county.harvest("A1", note=SECRET)
    gone = erase(county, [receipt.event_id])
    [found] = listed(county).read()
    assert (found.erasure, found.organisation, found.ground, found.swept) == (
        gone.event_id,
        county.code("operator"),
        "consent_withdrawn",
        True,
    )
    assert found.values == ((receipt.event_id, ("/note",)),)
    text = (county.service.settings.head / "erasures").read_text("utf-8")
    assert "李小红" not in text
    assert "13900139000" not in text


def test_the_list_grows_and_names_each_erasure_once(county: County) -> None:
    receipts = [county.harvest(f"A{number}", note=SECRET) for number in range(3)]
    gone = [erase(county, [each.event_id]) for each in receipts]
    listed(county).add(listed(county).read())
    assert [each.erasure for each in listed(county).read()] == [each.event_id for each in gone]


@pytest.mark.parametrize("text", [b"{", b'{"erasure":"x"}\n', b"[]\n", b'{"a":1,"a":1}\n', b"\xff\n"])
def test_a_list_that_is_none_stops_writing_until_the_operator_looks(county: County, text: bytes) -> None:
    erase(county, [county.harvest("A1", note=SECRET).event_id])
    county.service.close()
    (county.service.settings.head / "erasures").write_bytes(text)
    with pytest.raises(Misconfigured) as refused:
        listed(county).read()
    assert refused.value.code == "erasure-list-unreadable"
    with closing(reopened(county)) as service:
        assert service.recorder.fault is not None
        assert service.recorder.fault.code == "erasure-list-unreadable"


def test_a_list_in_whose_place_a_folder_stands_is_not_taken_for_an_empty_one(county: County) -> None:
    (county.service.settings.head / "erasures").mkdir()
    with pytest.raises(Misconfigured) as refused:
        listed(county).read()
    assert refused.value.code == "erasure-list-unreadable"


def test_a_list_that_cannot_be_written_leaves_the_erasure_unanswered_until_it_can(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = county.harvest("A1", note=SECRET)
    event = county.event(
        "erasure",
        "operator",
        details={"values": [{"event": receipt.event_id, "pointers": ["/note"]}], "ground": "law"},
    )

    def full(_self: ErasureList, _new: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(ErasureList, "add", full)
        with pytest.raises(LedgerBusy) as refused:
            county.recorder.submit(event, county.authors["operator"])
    assert refused.value.code == "erasures-not-durable"
    assert listed(county).read() == []
    # Others are served meanwhile, and the same erasure again brings it to an end.
    county.harvest("A2")
    assert county.recorder.submit(event, county.authors["operator"]).repeated
    assert [(each.erasure, each.swept) for each in listed(county).read()] == [(event.id, True)]


def test_what_a_crash_left_undone_is_taken_up_at_the_next_start(county: County) -> None:
    gone = erase(county, [county.harvest("A1", note=SECRET).event_id])
    county.service.close()
    (county.service.settings.head / "erasures").unlink()
    with closing(reopened(county)) as service:
        assert service.recorder.fault is None
        assert [(each.erasure, each.swept) for each in listed(county).read()] == [(gone.event_id, True)]


def test_a_start_that_cannot_list_what_a_crash_left_is_tried_again(county: County) -> None:
    gone = erase(county, [county.harvest("A1", note=SECRET).event_id])
    county.service.close()
    folder = county.service.settings.head
    (folder / "erasures").unlink()
    in_the_way = folder / f"erasures.{os.getpid()}.{threading.get_ident()}"
    in_the_way.mkdir()
    with closing(open_service(county.service.settings, county.now.clock, passwords=CHEAP)) as service:
        with pytest.raises(LedgerBusy) as refused:
            service.start()
        assert refused.value.code == "erasures-not-durable"
        with pytest.raises(LedgerBusy):
            service.recorder.submit(county.harvesting("A2"), county.authors["producer"])
        in_the_way.rmdir()
        service.start()
        service.recorder.submit(county.harvesting("A2"), county.authors["producer"])
        assert [(each.erasure, each.swept) for each in listed(county).read()] == [(gone.event_id, True)]


@pytest.mark.sqlite_only
def test_a_reader_at_the_start_delays_the_sweeping_and_nothing_else(county: County) -> None:
    erase(county, [county.harvest("A1", note=SECRET).event_id])
    county.service.close()
    (county.service.settings.head / "erasures").unlink()
    with closing(sqlite3.connect(county.service.settings.data / "heji.db")) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM entries").fetchone()
        with closing(reopened(county)) as service:
            assert service.recorder.fault is None
            assert [each.swept for each in listed(county).read()] == [False]
            service.recorder.submit(county.harvesting("A2"), county.authors["producer"])
            reading.execute("ROLLBACK")
    with closing(reopened(county)):
        assert [each.swept for each in listed(county).read()] == [True]


@pytest.mark.sqlite_only
def test_a_reader_of_an_older_state_delays_the_answer_and_no_byte_is_forgotten(county: County) -> None:
    receipt = county.harvest("A1", note=SECRET)
    event = county.event(
        "erasure",
        "operator",
        details={"values": [{"event": receipt.event_id, "pointers": ["/note"]}], "ground": "law"},
    )
    with county.service.store.read() as connection:
        connection.execute(select(tables.entries.c.seq)).all()
        with pytest.raises(LedgerBusy) as refused:
            county.recorder.submit(event, county.authors["operator"])
        assert refused.value.code == "values-not-swept"
        assert [each.swept for each in listed(county).read()] == [False]
    assert county.recorder.submit(event, county.authors["operator"]).repeated
    assert [each.swept for each in listed(county).read()] == [True]
    data = county.service.settings.data
    assert not any(SECRET.encode() in path.read_bytes() for path in data.glob("heji.db*"))


def backup(county: County, folder: Path) -> None:
    """A copy of the database as it stands, taken while nothing writes."""
    county.service.store.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(county.service.settings.data / "heji.db", folder / "backup.db")


def restore(county: County, folder: Path) -> None:
    """Put the backup in place, with the head that fits it: what a restore under a new origin arrives at."""
    county.service.close()
    for each in county.service.settings.data.glob("heji.db*"):
        each.unlink()
    shutil.copy(folder / "backup.db", county.service.settings.data / "heji.db")
    with county.service.store.read() as connection:
        newest = ledger.newest_note(connection)
    assert newest is not None
    (county.service.settings.head / "head").unlink()
    county.service.head.write(newest[1])
    county.service.store.close()


@pytest.mark.sqlite_only
def test_a_restored_backup_erases_again_and_once(county: County, tmp_path: Path) -> None:
    old = county.harvest("A1", note=SECRET)
    other = county.harvest("A2", note="留下的话")
    backup(county, tmp_path)
    late = county.harvest("A3", note=SECRET)
    erase(county, [old.event_id, late.event_id])
    restore(county, tmp_path)
    with closing(reopened(county)) as service:
        assert service.recorder.fault is None
        with service.store.read() as connection:
            assert "/note" in ledger.read_disclosures(connection, old.seq)
            assert erasing.returned(connection, listed(county).read())
        made = erase_again(service.recorder, service.store, county.authors["operator"], county.at())
        assert len(made) == 1
        with service.store.read() as connection:
            assert "/note" not in ledger.read_disclosures(connection, old.seq)
            assert "/note" in ledger.read_disclosures(connection, other.seq)
        assert erase_again(service.recorder, service.store, county.authors["operator"], county.at()) == []
        assert all(each.swept for each in listed(county).read())
        check_ledger(service)
