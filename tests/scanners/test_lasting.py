from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from conftest import Founded, NewDatabase
from county import CYCLE, County, begun_again
from heji_scanners.entries import State
from heji_scanners.lasting import Place, is_lost, newest_place
from heji_scanners.sending import Restored
from heji_scanners.server import Server
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from scanners.answering import Answering, answering
from scanners.conftest import Machine, answered, send_until_still

D = State.DELIVERED
LOG = "log.heji.example"


def harvest(county: County, batch: str) -> dict[str, Any]:
    return dict(county.harvesting(batch).body)


@pytest.fixture
def behind(founded: Founded, database: NewDatabase, tmp_path: Path) -> Iterator[County]:
    """The county as an older backup has it, restored under its own name by somebody who knew of nothing later."""
    folder = tmp_path / "restored"
    folder.mkdir()
    founded.copy(folder)
    with database(folder, founded.url) as url:
        settings = read_settings({"HEJI_DATA": str(folder), "HEJI_DATABASE_URL": url})
        county = begun_again(founded.county, settings)
        yield county
        county.service.close()


@pytest.mark.parametrize("others", [0, 300])
def test_what_a_ledger_lost_that_kept_its_name_is_sent_once_more(
    county: County, address: str, behind: County, machine: Machine, others: int
) -> None:
    token = county.tokens["producer"]
    events = [harvest(county, f"S{number}") for number in range(5)]
    machine.put(*events)
    send_until_still(machine.sender(address, token))
    behind.made += 1000
    # Other stations were there first: the log is as long again, and longer.
    behind.service.recorder.submit_all(
        [
            behind.event("field_operation", cycles=[CYCLE], details={"operation": "weeding"})
            for _ in range(others)
        ],
        behind.authors["producer"],
    )
    later = harvest(county, "S9")
    machine.put(later)
    with answered(behind) as there:
        sender = machine.sender(there, token)
        send_until_still(sender)
        assert sender.take_restored() == Restored(LOG, LOG, 5)
        assert machine.states(*events, later) == [D] * 6
        size = behind.size
        seqs = [(machine.entry(each).receipt or {})["seq"] for each in (*events, later)]
        assert seqs == list(range(size - 6, size))
        # It is told once, and nothing is sent for ever.
        machine.put(harvest(county, "S10"))
        send_until_still(sender)
        assert (sender.take_restored(), behind.size) == (None, size + 1)
    check_ledger(behind.service)


def test_an_outbox_in_which_nothing_waits_asks_every_hour(
    county: County, address: str, behind: County, machine: Machine
) -> None:
    token = county.tokens["producer"]
    events = [harvest(county, f"S{number}") for number in range(3)]
    machine.put(*events)
    send_until_still(machine.sender(address, token))
    with answered(behind) as there:
        sender = machine.sender(there, token)
        machine.now.seconds += 3599
        assert sender.step() is None
        machine.now.seconds += 1
        assert send_until_still(sender) == 2
        assert sender.take_restored() == Restored(LOG, LOG, 3)
        assert machine.states(*events) == [D] * 3
    # Where nobody answers nothing is lost, and nothing waits for it.
    machine.now.seconds += 3600
    assert (sender.step(), sender.trouble.error, machine.states(*events)) == (None, None, [D] * 3)


def test_a_line_that_breaks_and_comes_back_is_asked_once_a_minute(
    county: County, address: str, machine: Machine, other: Answering
) -> None:
    first, second = harvest(county, "S1"), harvest(county, "S2")
    machine.put(first)
    send_until_still(machine.sender(address, county.tokens["producer"]))
    receipt, path = machine.entry(first).receipt or {}, f"/api/v1/events/{first['id']}"
    other.found[path] = (200, {part: receipt[part] for part in ("seq", "entry_hash")})
    other.status = 503
    machine.put(second)
    sender = machine.sender(other.address)
    send_until_still(sender)
    other.found |= {path: (404, UNKNOWN), "/log/checkpoint": (200, note(0))}
    for seconds, restored in ((59, None), (1, Restored(LOG, LOG, 1))):
        machine.now.seconds += seconds
        send_until_still(sender)
        assert sender.take_restored() == restored


def test_where_the_ledger_has_everything_nothing_is_sent_again(
    county: County, address: str, machine: Machine
) -> None:
    for batch in ("S1", "S2"):
        machine.put(harvest(county, batch))
        sender = machine.sender(address, county.tokens["producer"])
        send_until_still(sender)
        assert sender.take_restored() is None
    # Who may not read the event is answered as if it were not there; the open log has it.
    machine.put(
        dict(
            county.event(
                "field_operation", who := "neighbour", cycles=[CYCLE], details={"operation": "weeding"}
            ).body
        )
    )
    sender = machine.sender(address, county.tokens[who])
    send_until_still(sender)
    assert sender.take_restored() is None


@pytest.fixture
def other() -> Iterator[Answering]:
    with answering() as other:
        yield other


PLACE = Place("9b5f", 3, "ab" * 32)
HERE = {"seq": 3, "entry_hash": "ab" * 32}
UNKNOWN = {"code": "unknown"}


def note(size: int) -> bytes:
    return f"{LOG}\n{size}\n{'A' * 43}=\n\n".encode()


@pytest.mark.parametrize(
    "event, checkpoint, tile, lost",
    [
        ((200, HERE), b"", b"", False),
        ((200, HERE | {"seq": 4}), b"", b"", True),
        ((200, HERE | {"entry_hash": "cd" * 32}), b"", b"", True),
        ((200, {}), b"", b"", False),
        ((404, UNKNOWN), note(3), b"", True),
        ((404, UNKNOWN), note(4), b"\xab" * 128, False),
        ((404, UNKNOWN), note(4), b"\xab" * 96 + b"\xcd" * 32, True),
        ((404, UNKNOWN), note(4), b"\xab" * 96, False),
        ((404, UNKNOWN), b"<html>", b"", False),
        ((404, UNKNOWN), b"\xff", b"", False),
        ((404, {}), note(3), b"", False),
        ((401, UNKNOWN), note(3), b"", False),
        ((503, UNKNOWN), note(3), b"", False),
    ],
)
def test_only_what_the_ledger_certainly_lacks_is_lost(
    other: Answering, event: tuple[int, Any], checkpoint: bytes, tile: bytes, lost: bool
) -> None:
    other.found = {
        "/api/v1/events/9b5f": event,
        "/log/checkpoint": (200, checkpoint),
        "/log/tile/0/000.p/4": (200, tile),
    }
    with closing(Server(other.address, "secret", monotonic)) as server:
        assert is_lost(server, PLACE) is lost


def test_the_newest_place_is_the_furthest_of_all_receipts_and_rows() -> None:
    def row(seq: int) -> dict[str, Any]:
        return {"event_id": str(seq), "seq": seq, "entry_hash": "ab" * 32}

    assert newest_place([]) is None
    assert newest_place([{"matched": []}, {"event_id": "1"}]) is None
    assert newest_place([row(4), row(7), row(5)]) == Place("7", 7, "ab" * 32)
    assert newest_place([row(4), {"matched": [row(8), row(9)], "parked": []}]) == Place("9", 9, "ab" * 32)
