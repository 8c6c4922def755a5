from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from county import CYCLE, County, begun_again
from heji_trace.ledger.structure import check_structure
from heji_trace.ledger.verify import Report
from ledger_check import verified


def report_of(county: County) -> tuple[Report, list[str]]:
    with county.service.store.read() as connection:
        faults = check_structure(connection)
    return verified(county.service), [str(fault.names["reason"]) for fault in faults]


def test_a_whole_database_has_no_fault_of_structure(county: County) -> None:
    county.harvest("A1")
    report, found = report_of(county)
    assert (report.faults, found) == ((), [])


@pytest.mark.sqlite_only
def test_an_index_that_lost_an_event_is_named_although_every_hash_fits(county: County) -> None:
    event = county.event("field_operation", cycles=[CYCLE], details={"operation": "weeding"})
    recorder, author = county.recorder, county.authors["producer"]
    first = recorder.submit(event, author)
    county.service.close()
    forget_in_indexes(county, event.id)
    again = begun_again(county, county.service.settings)
    with closing(again.service):
        report, found = report_of(again)
        assert report.faults == ()
        assert any("sqlite_autoindex_entries" in reason for reason in found)
        with again.service.store.read() as connection:
            sentence = check_structure(connection)[0].sentence("zh")
        assert "结构已损坏" in sentence
        # What it is about: the ledger does not know the event any more.
        assert again.recorder.submit(event, author).seq != first.seq


def forget_in_indexes(county: County, event_id: str) -> None:
    """Flip a bit in each copy of the id that an index has."""
    path = county.service.store.path
    assert path is not None
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(event_id.encode(), at + 1)) >= 0:
        # The first byte of a page tells an index from a table.
        if data[at // size * size] in (0x02, 0x0A):
            data[at] ^= 1
    path.write_bytes(data)
