from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from pathlib import Path
from uuid import UUID

import pytest

from heji_scanners.entries import EVENT, Draft, KeptFile, Put, State
from heji_scanners.outbox import Outbox
from heji_trace.errors import Conflict, Misconfigured, Unknown
from heji_trace.proving import canonical
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from scanners.conftest import Machine


def draft(number: int, says: str = "") -> Draft:
    event_id = str(UUID(int=number))
    return Draft(event_id, EVENT, "harvest", canonical.dump({"id": event_id, "note": says}))


def receipt(number: int) -> dict[str, object]:
    return {"seq": number, "event_id": str(UUID(int=number)), "entry_hash": "ab" * 32}


def test_what_was_put_is_there_for_the_next_process(machine: Machine) -> None:
    assert machine.outbox.put([draft(1), draft(2)]) == [Put.NEW, Put.NEW]
    other = machine.open_outbox()
    assert [entry.body for entry in other.list_entries()] == [draft(1).body, draft(2).body]
    assert other.counts()[State.WAITING] == 2


def test_every_write_is_synced(machine: Machine) -> None:
    database = sqlite3.connect(machine.folder / "outbox.db")
    assert database.execute("PRAGMA journal_mode").fetchone() == (
        "delete",
    )  # what a file without a mark opens as
    database.close()
    own = machine.outbox._db
    assert own.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    assert own.execute("PRAGMA synchronous").fetchone() == (2,)


def test_only_its_owner_may_look_into_the_folder(machine: Machine) -> None:
    assert stat.S_IMODE(machine.folder.stat().st_mode) == 0o700


def test_the_same_content_is_known_and_other_content_replaces_what_no_ledger_has(machine: Machine) -> None:
    outbox = machine.outbox
    assert outbox.put([draft(1)]) == [Put.NEW]
    assert outbox.put([draft(1)]) == [Put.KNOWN]
    assert outbox.put([draft(1, "better")]) == [Put.REPLACED]
    assert outbox.entry_of("1").event["note"] == "better"
    assert [step.step for step in outbox.steps_of(1)] == ["put", "replaced"]


def test_what_a_ledger_may_have_keeps_its_id(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1), draft(2)])
    outbox.mark_begun([1])
    with pytest.raises(Conflict) as refused:
        outbox.put([draft(3), draft(1, "other")])
    assert refused.value.code == "scan-id-in-use"
    assert sum(outbox.counts().values()) == 2, "all or none"
    outbox.deliver([(1, receipt(1))])
    with pytest.raises(Conflict):
        outbox.put([draft(1, "other")])
    # Refused, it certainly is in no ledger.
    outbox.mark_begun([2])
    outbox.park(2, 422, {"code": "invalid-event"})
    assert outbox.put([draft(2, "mended")]) == [Put.REPLACED]
    assert outbox.entry_of("2").state == State.WAITING


def test_what_is_due_comes_in_order_and_within_its_bounds(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(number) for number in range(1, 8)])
    size = len(draft(1).body)
    assert outbox.due(3, 10**6) == [1, 2, 3]
    assert outbox.due(10, 2 * size) == [1, 2]
    assert outbox.due(10, 1) == [1], "one that is larger goes alone"
    outbox.defer(1, machine.now.clock.now_ms() + 1000, 500, {"code": "internal"})
    assert outbox.due(2, 10**6) == [2, 3]
    machine.now.seconds += 2
    assert outbox.due(2, 10**6) == [1, 2]


def test_only_what_still_waits_is_begun(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1), draft(2)])
    outbox.discard(1, "twice on paper")
    assert [entry.number for entry in outbox.mark_begun([1, 2, 99])] == [2]
    assert (outbox.entry_of("1").attempts, outbox.entry_of("2").attempts) == (0, 1)


def test_an_entry_that_may_be_recorded_is_not_given_up(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1)])
    outbox.mark_begun([1])
    with pytest.raises(Conflict) as refused:
        outbox.discard(1, "wrong")
    assert refused.value.code == "scan-maybe-recorded"


def test_a_discarded_draft_is_kept_with_its_reason_and_can_come_back(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1)])
    outbox.discard(1, "写重了")
    assert outbox.entry_of("1").body == draft(1).body
    assert (outbox.steps_of(1)[-1].step, outbox.steps_of(1)[-1].said) == ("discarded", "写重了")
    assert outbox.put([draft(1)]) == [Put.KNOWN]
    assert outbox.entry_of("1").state == State.DISCARDED
    outbox.resume(1, "retried")
    assert outbox.due(1, 1) == [1]


def test_a_receipt_counts_whatever_was_decided_meanwhile(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1)])
    outbox.park(1, 403, {"code": "not-allowed"})
    outbox.discard(1, "not ours")
    outbox.deliver([(1, receipt(7))])
    entry = outbox.entry_of("1")
    assert (entry.state, entry.receipt) == (State.DELIVERED, receipt(7))


def test_what_is_delivered_is_not_parked_by_a_late_answer(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1)])
    outbox.deliver([(1, receipt(1))])
    outbox.park(1, 409, {"code": "conflict"})
    assert outbox.entry_of("1").state == State.DELIVERED


def test_delivery_of_what_was_parked_wakes_those_behind_it_that_could_not_be_read(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(number) for number in range(1, 5)])
    outbox.park(1, 422, {"code": "invalid-event"})
    outbox.park(2, 409, {"code": "needs-acknowledgement", "questions": [{"code": "OVER_CONSUMPTION"}]})
    outbox.park(3, 422, {"code": "invalid-event"})
    outbox.park(4, 403, {"code": "not-allowed"})
    outbox.resume(2, "confirmed", ["OVER_CONSUMPTION"])
    outbox.deliver([(2, receipt(2))])
    assert [entry.state for entry in outbox.list_entries()] == [
        State.PARKED,
        State.DELIVERED,
        State.WAITING,
        State.PARKED,
    ]


def test_pruning_forgets_delivered_entries_of_long_ago_alone(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(number) for number in range(1, 6)])
    outbox.deliver([(1, receipt(1))])
    outbox.park(2, 422, {"code": "invalid-event"})
    outbox.discard(3, "no")
    machine.now.seconds += 1000
    outbox.deliver([(4, receipt(4))])
    assert outbox.prune(machine.now.clock.now_ms() - 500_000) == 1
    assert [entry.number for entry in outbox.list_entries()] == [2, 3, 4, 5]
    assert outbox.prune(machine.now.clock.now_ms() + 1) == 1
    assert [entry.number for entry in outbox.list_entries()] == [2, 3, 5]
    assert outbox.steps_of(1) == []
    # A number that somebody wrote down never names another entry.
    outbox.put([draft(1)])
    assert outbox.entry_of(str(UUID(int=1))).number == 6


def test_an_unknown_entry_is_told(machine: Machine) -> None:
    for name in ("7", "x", str(UUID(int=9))):
        with pytest.raises(Unknown):
            machine.outbox.entry_of(name)
    with pytest.raises(Unknown):
        machine.outbox.resume(7, "retried")


def test_what_is_delivered_cannot_be_decided_about(machine: Machine) -> None:
    machine.outbox.put([draft(1)])
    machine.outbox.deliver([(1, receipt(1))])
    with pytest.raises(Conflict):
        machine.outbox.resume(1, "retried")
    with pytest.raises(Conflict):
        machine.outbox.discard(1, "no")


def test_files_are_known_by_content_and_by_path(machine: Machine) -> None:
    outbox = machine.outbox
    for version in "ab":
        file = KeptFile(version * 64, "/instrument/day.csv", "day.csv", "harvest", [["hash", "id", 2]])
        outbox.put([], file)
        machine.now.seconds += 1
    assert [file.sha256[0] for file in outbox.files_at("/instrument/day.csv")] == ["b", "a"]
    found = outbox.find_file("a" * 64)
    assert found is not None
    assert found.rows == [["hash", "id", 2]]
    assert outbox.find_file("c" * 64) is None


def test_an_outbox_of_a_newer_client_is_left_alone(machine: Machine) -> None:
    machine.outbox._db.execute("PRAGMA user_version=99")
    with pytest.raises(Misconfigured) as refused:
        machine.open_outbox()
    assert refused.value.code == "scan-outbox-newer"


def test_what_is_no_outbox_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(Misconfigured) as refused:
        Outbox(tmp_path, SYSTEM_CLOCK)
    assert refused.value.code == "scan-outbox-unusable"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Misconfigured):
        Outbox(tmp_path / "file", SYSTEM_CLOCK)


def test_a_full_disk_leaves_what_was_there(machine: Machine) -> None:
    outbox = machine.outbox
    outbox.put([draft(1)])
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Misconfigured) as refused:
        outbox.put([draft(number, "x" * 1000) for number in range(2, 100)])
    assert refused.value.code == "scan-outbox-unusable"
    assert [entry.number for entry in machine.open_outbox().list_entries()] == [1]


def put_some(folder: Path, first: int) -> None:
    outbox = Outbox(folder, SYSTEM_CLOCK)
    for number in range(first, first + 20):
        outbox.put([draft(number)])
    outbox.close()


def test_several_processes_put_at_once(tmp_path: Path) -> None:
    # Spawned, not forked: a connection to SQLite must not be carried into a child.
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=put_some, args=(tmp_path / "outbox", first)) for first in (1, 101, 201)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    outbox = Outbox(tmp_path / "outbox", SYSTEM_CLOCK)
    assert outbox.counts()[State.WAITING] == 60
    outbox.close()


def plain(number: int) -> dict[str, object]:
    return {"id": str(UUID(int=number)), "kind": "harvest"}


def test_what_is_sent_again_keeps_its_old_receipt_in_its_history(machine: Machine) -> None:
    machine.put(plain(1), plain(2))
    machine.outbox.mark_begun([1, 2])
    machine.outbox.deliver([(1, {"seq": 41})])
    machine.now.seconds += 100
    machine.outbox.deliver([(2, {"seq": 42})])
    assert machine.outbox.send_again(machine.now.clock.now_ms() - 50_000) == 1
    assert machine.states(plain(1), plain(2)) == [State.DELIVERED, State.WAITING]
    again = machine.outbox.steps_of(2)[-1]
    assert (again.step, again.said) == ("again", '{"seq":42}')
    assert machine.entry(plain(2)).receipt is None


def test_what_a_wrong_clock_put_off_does_not_wait_for_years(machine: Machine) -> None:
    machine.put(plain(1))
    machine.outbox.defer(1, machine.now.clock.now_ms() + 30_000, 500, {})
    assert machine.outbox.due(10, 1000) == []
    assert machine.outbox.find_due_ms() == machine.now.clock.now_ms() + 30_000
    # The clock had been years ahead and is set right.
    machine.now.seconds -= 10**8
    assert machine.outbox.due(10, 1000) == [1]
    assert machine.outbox.find_due_ms() == 0
