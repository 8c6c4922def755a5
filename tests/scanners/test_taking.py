from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from heji_scanners.deciding import confirm
from heji_scanners.entries import Entry, State
from heji_scanners.files import ReadFile, read_file
from heji_scanners.taking import Taken, take_file
from heji_trace.errors import Conflict
from scanners.conftest import Machine
from web.sent_files import HARVEST_HEADINGS, csv_file, harvest_rows

COOP = "fg-litchi-coop"
D, P, W, X = State.DELIVERED, State.PARKED, State.WAITING, State.DISCARDED
INPUTS = Path(__file__).parents[1] / "inputs"
PATH = Path("/instrument/采收.csv")


def sheet(*rows: tuple[str, str]) -> ReadFile:
    """A file of harvests: batch and quantity."""
    lines = [line for batch, quantity in rows for line in harvest_rows(batch, quantity=quantity)]
    return read_file(csv_file(HARVEST_HEADINGS, lines), PATH.name, None, COOP)


def take(machine: Machine, file: ReadFile, *, versions: bool = True) -> Taken:
    machine.now.seconds += 1
    return take_file(machine.outbox, file, PATH, versions=versions)


def deliver_all(machine: Machine) -> None:
    waiting = machine.outbox.mark_begun(machine.outbox.due(100, 10**6))
    machine.outbox.deliver((each.number, {"seq": each.number, "event_id": each.id}) for each in waiting)


def entries(machine: Machine, *states: State) -> list[Entry]:
    return list(machine.outbox.list_entries(states or list(State)))


def states(machine: Machine) -> list[State]:
    return [entry.state for entry in entries(machine)]


def said(found: Sequence[Entry]) -> list[tuple[str, str]]:
    return [(each.event["outputs"][0]["batch"], each.event["outputs"][0]["quantity"]) for each in found]


def test_the_same_content_is_taken_once_whatever_it_is_called(machine: Machine) -> None:
    file = sheet(("A", "1"), ("B", "2"))
    assert (take(machine, file).new, take(machine, file).new) == (2, 0)
    other = take_file(machine.outbox, file, Path("/elsewhere/copy.csv"))
    assert (other.new, other.known) == (0, 2)
    assert len(entries(machine)) == 2


def test_rows_added_to_a_file_are_put_and_the_others_are_not_doubled(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "2")))
    deliver_all(machine)
    taken = take(machine, sheet(("A", "1"), ("B", "2"), ("C", "3")))
    assert (taken.version, taken.new, taken.known, taken.asked, taken.gone) == (2, 1, 2, 0, 0)
    assert said(entries(machine, W)) == [("C", "3")]
    # And a third time, with a row in between: what moved down is the same row still.
    deliver_all(machine)
    taken = take(machine, sheet(("A", "1"), ("AA", "9"), ("B", "2"), ("C", "3")))
    assert (taken.new, taken.known, taken.asked) == (1, 3, 0)


def test_two_rows_that_say_the_same_are_two(machine: Machine) -> None:
    rows = [("2026-05-28 08:00", "2026-litchi-031", "除草")] * 2
    headings = ("时间", "生产周期", "操作")
    first = read_file(csv_file(headings, rows), "农事操作.csv", None, COOP)
    assert take(machine, first).new == 2
    taken = take(machine, read_file(csv_file(headings, rows * 2), "农事操作.csv", None, COOP))
    assert (taken.new, taken.known) == (2, 2)


def test_a_corrected_row_gives_way_where_no_server_has_seen_it(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "20")))
    taken = take(machine, sheet(("A", "1"), ("B", "2")))
    assert (taken.new, taken.asked, taken.gone) == (1, 0, 1)
    assert states(machine) == [W, X, W]
    assert said(entries(machine, W)) == [("A", "1"), ("B", "2")]
    assert "第 2 版" in machine.outbox.steps_of(2)[-1].said


def test_a_row_taken_out_before_it_was_sent_is_given_up(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "2")))
    assert take(machine, sheet(("A", "1"))).gone == 1
    assert states(machine) == [W, X]


def test_a_corrected_row_of_what_was_sent_is_asked_about_and_goes_as_its_correction(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "20")))
    deliver_all(machine)
    taken = take(machine, sheet(("A", "1"), ("B", "2")))
    assert (taken.new, taken.asked, taken.gone) == (1, 1, 1)
    (asked,) = entries(machine, P)
    assert asked.questions[0]["code"] == "CORRECTED_ROW"
    earlier = machine.outbox.entry_of("2")
    assert asked.replaces == earlier.id
    confirm(machine.outbox, asked, ["CORRECTED_ROW"], machine.now.clock.now_ms())
    (correction,) = entries(machine, W)
    details = correction.event["details"]
    assert (correction.kind, details["corrects"]) == ("correction", [earlier.id])
    assert details["replacement"] == asked.event
    assert "acknowledged" not in details["replacement"]
    assert states(machine) == [D, D, X, W]


def test_what_is_asked_about_can_be_sent_as_another_event(machine: Machine) -> None:
    take(machine, sheet(("B", "20")))
    deliver_all(machine)
    take(machine, sheet(("C", "2")))
    (asked,) = entries(machine, P)
    machine.outbox.resume(asked.number, "retried")
    (entry,) = entries(machine, W)
    assert (entry.kind, entry.event) == ("harvest", asked.event)


def test_rows_beyond_those_that_vanished_are_asked_about_too(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "20")))
    deliver_all(machine)
    taken = take(machine, sheet(("A", "1"), ("N", "5"), ("B", "2")))
    assert (taken.asked, taken.gone) == (2, 1)
    codes = [entry.questions[0]["code"] for entry in entries(machine, P)]
    assert sorted(codes) == ["ADDED_ROW", "CORRECTED_ROW"]
    for entry in entries(machine, P):
        if entry.replaces is None:
            confirm(machine.outbox, entry, ["ADDED_ROW"], machine.now.clock.now_ms())
            assert machine.outbox.entry_of(entry.id).event == entry.event, "our own codes go to no server"


def test_an_earlier_version_that_comes_back_is_told(machine: Machine) -> None:
    first = sheet(("A", "1"))
    take(machine, first)
    take(machine, sheet(("A", "2")))
    with pytest.raises(Conflict) as refused:
        take(machine, first)
    assert refused.value.code == "scan-earlier-version"


def test_under_a_name_that_is_used_again_another_content_is_another_file(machine: Machine) -> None:
    take(machine, sheet(("A", "1")))
    deliver_all(machine)
    taken = take(machine, sheet(("B", "2")), versions=False)
    assert (taken.new, taken.asked) == (1, 0)


def test_a_sheet_that_was_renamed_and_added_to_is_a_version_of_what_it_was(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "2")))
    deliver_all(machine)
    file = sheet(("A", "1"), ("B", "2"), ("C", "3"))
    taken = take_file(machine.outbox, file, Path("/elsewhere/采收2.csv"))
    assert (taken.version, taken.new, taken.known, taken.asked, taken.earlier) == (2, 1, 2, 0, "采收.csv")
    assert said(entries(machine, W)) == [("C", "3")]
    # From here on both go their own ways, and neither sends again what the other has sent.
    deliver_all(machine)
    assert take(machine, sheet(("A", "1"), ("B", "2"), ("D", "4"))).new == 1
    taken = take_file(machine.outbox, sheet(("A", "1"), ("B", "2"), ("C", "7")), Path("/elsewhere/采收2.csv"))
    assert (taken.version, taken.asked, taken.earlier) == (2, 1, None)


def test_a_row_that_another_file_said_already_is_asked_about(machine: Machine) -> None:
    take(machine, sheet(("A", "1"), ("B", "2"), ("C", "3")))
    deliver_all(machine)
    file = sheet(("X", "1"), ("B", "2"), ("Y", "3"))
    taken = take_file(machine.outbox, file, Path("/elsewhere/采收2.csv"))
    assert (taken.version, taken.new, taken.asked, taken.earlier) == (1, 3, 1, None)
    (asked,) = entries(machine, P)
    assert said([asked]) == [("B", "2")]
    (question,) = asked.questions
    assert (question["code"], "采收.csv" in question["zh"]) == ("REPEATED_ROW", True)
    confirm(machine.outbox, asked, ["REPEATED_ROW"], machine.now.clock.now_ms())
    assert said(entries(machine, W)) == [("X", "1"), ("B", "2"), ("Y", "3")], "as the event that it is"


def test_the_same_row_twice_in_one_file_is_not_what_another_file_said(machine: Machine) -> None:
    take(machine, sheet(("A", "1")))
    deliver_all(machine)
    taken = take(machine, sheet(("A", "1"), ("A", "1")))
    assert (taken.version, taken.new, taken.known, taken.asked) == (2, 1, 1, 0)


def test_an_id_that_stands_for_something_else_refuses_the_whole_file(machine: Machine) -> None:
    event_id = sheet(("A", "1")).statements[0].id
    rows = [(event_id, *row) for row in harvest_rows("A", "Z")]
    rows[1] = ("", *rows[1][1:])
    take(machine, sheet(("A", "1")))
    deliver_all(machine)
    file = read_file(csv_file(("单号", *HARVEST_HEADINGS), rows), "采收二.csv", None, COOP)
    with pytest.raises(Conflict):
        take_file(machine.outbox, file, Path("/elsewhere/采收二.csv"))
    assert len(entries(machine)) == 1


def test_an_instrument_s_file_is_one_entry_and_its_revision_is_asked_about(machine: Machine) -> None:
    data = (INPUTS / "rapid17-gb18030.txt").read_bytes()
    path = Path("/instrument/results.txt")
    first = read_file(data, "results.txt", None, COOP)
    assert take_file(machine.outbox, first, path).new == 1
    assert take_file(machine.outbox, first, path).new == 0
    (entry,) = entries(machine)
    assert (entry.body, entry.name) == (data, "results.txt")
    # Not sent yet, it gives way; afterwards a person decides.
    second = read_file(data + b"\r\n", "results.txt", None, COOP)
    assert take_file(machine.outbox, second, path).asked == 0
    assert states(machine) == [X, W]
    machine.outbox.mark_begun([2])
    machine.outbox.deliver([(2, {"matched": [], "parked": [], "refused": []})])
    third = read_file(data + b"\r\n\r\n", "results.txt", None, COOP)
    assert take_file(machine.outbox, third, path).asked == 1
    (asked,) = entries(machine, P)
    confirm(machine.outbox, asked, ["REVISED_FILE"], machine.now.clock.now_ms())
    (entry,) = entries(machine, W)
    assert entry.acknowledged == ()
