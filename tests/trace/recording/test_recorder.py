from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from threading import Thread

import pytest
from sqlalchemy import select

from county import CYCLE, PRODUCT, County
from heji_trace.errors import (
    BulkRefused,
    Conflict,
    HejiError,
    InvalidEvent,
    LedgerBusy,
    Misconfigured,
    NeedsAcknowledgement,
    NotAllowed,
)
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.ledger.ledger import newest_note
from heji_trace.projection import project
from heji_trace.recording.enter import MOST_REFUSED
from heji_trace.recording.groups import Wanted
from heji_trace.recording.imported import Origin, imports_of, standing_ids
from heji_trace.recording.recorder import Receipt
from heji_trace.store.tables import checkpoints
from heji_trace.vocabulary.times import Clock, dump_ms
from heji_web.service.service import open_service
from ledger_check import check_ledger, tamper
from web.doors import CHEAP, Now

MINUTE = 60


@pytest.fixture(autouse=True)
def nothing_is_broken(county: County) -> Iterator[None]:
    """After each test of this file the ledger is whole."""
    yield
    if county.recorder.fault is None and county.recorder.is_alive:
        check_ledger(county.service)


Submission = tuple[Event, str]


def together(
    county: County, submissions: Sequence[Submission], *, then_close: bool = False
) -> list[Future[Receipt]]:
    """Let all of these wait while the store is held, so that the recorder finds them in one group."""
    recorder = county.recorder
    answers: list[Future[list[Receipt]]] = []

    def wait(event: Event, who: str) -> None:
        wanted = Wanted([event], county.authors[who])
        answers.append(wanted.answer)
        recorder.groups.put(wanted)

    with county.service.store.write():
        # The recorder takes the first by itself, and then waits for the store.
        wait(county.harvesting("OPENER"), "producer")
        while recorder.groups.waiting:
            time.sleep(0.001)
        for event, who in submissions:
            wait(event, who)
        assert recorder.groups.waiting == len(submissions)
        closing = Thread(target=recorder.close)
        if then_close:
            closing.start()
    for answer in answers:
        answer.exception(timeout=30)
    if then_close:
        closing.join()
    return [_first(answer) for answer in answers[1:]]


def _first(answer: Future[list[Receipt]]) -> Future[Receipt]:
    first: Future[Receipt] = Future()
    error = answer.exception()
    if error is None:
        first.set_result(answer.result()[0])
    else:
        first.set_exception(error)
    return first


def test_a_receipt_says_where_the_entry_stands(county: County) -> None:
    size = county.size
    receipt = county.harvest("A1")
    assert receipt.seq == size
    assert receipt.recorded_at == dump_ms(county.service.clock.now_ms())
    assert not receipt.repeated
    assert county.recorder.durable_size == size + 1


def test_the_same_again_gets_the_same_receipt_and_writes_nothing(county: County) -> None:
    event = county.harvesting("A1", hours_ago=100)
    first = county.recorder.submit(event, county.authors["producer"])
    size = county.size
    again = county.recorder.submit(event, county.authors["producer"])
    assert again.repeated
    assert first.warnings == again.warnings == ("LATE_RECORD",)
    assert (again.seq, again.entry_hash, again.recorded_at) == (
        first.seq,
        first.entry_hash,
        first.recorded_at,
    )
    assert county.size == size


def test_a_repeat_is_told_by_its_content_and_not_by_what_was_acknowledged(county: County) -> None:
    county.harvest("A1", "10")
    raw = county.raw(
        "sale",
        moves=[{"batch": "A1", "quantity": "11", "unit": "kg"}],
        acknowledged=["OVER_CONSUMPTION"],
    )
    first = county.recorder.submit(parse_event(raw), county.authors["producer"])
    raw.pop("acknowledged")
    assert county.recorder.submit(parse_event(raw), county.authors["producer"]).seq == first.seq


def test_other_content_under_the_same_id_is_a_conflict(county: County) -> None:
    event = county.harvesting("A1")
    county.recorder.submit(event, county.authors["producer"])
    outputs = [{**event.body["outputs"][0], "quantity": "101"}]
    with pytest.raises(Conflict, match="other content"):
        county.recorder.submit(parse_event({**event.body, "outputs": outputs}), county.authors["producer"])


def test_somebody_elses_id_is_a_conflict_even_with_the_same_content(county: County) -> None:
    event = county.harvesting("A1")
    county.recorder.submit(event, county.authors["producer"])
    with pytest.raises(Conflict):
        county.recorder.submit(event, county.authors["neighbour"])


def test_what_waits_together_is_one_group_and_each_hears_of_its_own(county: County) -> None:
    size = county.size
    made = [(county.harvesting(f"A{number}"), "producer") for number in range(8)]
    asked = county.event("sale", moves=[{"batch": "A0", "quantity": "101", "unit": "kg"}])
    foreign = county.harvesting("N1", who="neighbour")
    futures = together(county, [*made, (asked, "producer"), (foreign, "producer")])
    assert [future.result().seq for future in futures[:8]] == list(range(size + 1, size + 9))
    # Judged on what its group had already made.
    assert isinstance(futures[8].exception(), NeedsAcknowledgement)
    assert isinstance(futures[9].exception(), NotAllowed)
    with county.service.store.read() as connection:
        sizes = connection.execute(select(checkpoints.c.size).order_by(checkpoints.c.size)).scalars().all()
    assert [each for each in sizes if each > size] == [size + 1, size + 9]


def test_the_same_id_twice_at_once_is_recorded_once(county: County) -> None:
    event = county.harvesting("A1")
    receipts = [future.result() for future in together(county, [(event, "producer")] * 6)]
    assert len({receipt.seq for receipt in receipts}) == 1
    assert [receipt.repeated for receipt in receipts] == [False] + [True] * 5


def test_what_breaks_a_group_is_answered_to_its_cause_alone(county: County) -> None:
    taken = county.harvesting("A1")
    county.recorder.submit(taken, county.authors["producer"])
    # As if another process had just been first with the id: the read table does not know it yet.
    tamper(county.service, "DELETE FROM events WHERE event_id = ?", taken.id)
    again = county.harvesting("A9")
    again = replace(again, id=taken.id, body={**again.body, "id": taken.id})
    made = [(county.harvesting(f"B{number}"), "producer") for number in range(4)]
    futures = together(county, [*made[:2], (again, "producer"), *made[2:]])
    assert [type(future.exception()) for future in futures] == [
        type(None),
        type(None),
        LedgerBusy,
        type(None),
        type(None),
    ]
    with county.service.store.write() as connection:
        project.rebuild(
            connection, ledger.read_all(connection, ledger.size_of(connection)), lambda _done: None
        )


def test_a_bulk_is_recorded_in_its_order(county: County) -> None:
    size = county.size
    events = [county.harvesting(f"A{number}") for number in range(30)]
    receipts = county.recorder.submit_all(events, county.authors["producer"])
    assert [receipt.seq for receipt in receipts] == list(range(size, size + 30))


def test_a_bulk_of_several_chunks_is_one_group_whose_rows_know_each_other(county: County) -> None:
    size, told = county.size, list[int]()
    events = [county.harvesting(f"A{number}", "1") for number in range(1200)]
    whole = [{"batch": each.outputs[0].batch, "quantity": "1", "unit": "kg"} for each in events[::400]]
    events.append(county.event("sale", moves=whole))
    receipts = county.recorder.submit_all(iter(events), county.authors["producer"], progress=told.append)
    assert [receipt.seq for receipt in receipts] == list(range(size, size + 1201))
    assert told == [500, 1000, 1201]
    with county.service.store.read() as connection:
        assert ledger.newest_note(connection) == (size + 1201, county.service.head.read_note())
    check_ledger(county.service)


def test_a_bulk_that_falls_in_its_last_chunk_leaves_nothing(county: County) -> None:
    size = county.size
    events = [county.harvesting(f"A{number}") for number in range(1100)]
    with pytest.raises(BulkRefused) as refused:
        county.recorder.submit_all([*events, events[3]], county.authors["producer"])
    assert [
        (row, error.problems[0].code) for row, error in refused.value.rows if isinstance(error, InvalidEvent)
    ] == [(1100, "id-twice-in-one-import")]
    assert county.size == size
    assert len(county.recorder.submit_all(events, county.authors["producer"])) == 1100
    check_ledger(county.service)


def test_a_bulk_of_refusals_stops_being_judged_after_a_thousand(county: County) -> None:
    events = [county.harvesting(f"A{number}", who="neighbour") for number in range(1700)]
    told: list[int] = []
    with pytest.raises(BulkRefused) as refused:
        county.recorder.submit_all(events, county.authors["producer"], progress=told.append)
    assert [row for row, _ in refused.value.rows] == list(range(MOST_REFUSED))
    assert told[-1] < len(events)


def test_codes_confirmed_for_a_bulk_answer_the_rows_that_are_asked_and_no_others(county: County) -> None:
    county.harvest("A1", "10")
    events = [
        county.event("sale", moves=[{"batch": "A1", "quantity": each, "unit": "kg"}]) for each in ("8", "8")
    ]
    with pytest.raises(BulkRefused):
        county.recorder.submit_all(events, county.authors["producer"], acknowledged=frozenset({"HELD_MOVED"}))
    receipts = county.recorder.submit_all(
        events, county.authors["producer"], acknowledged=frozenset({"OVER_CONSUMPTION"})
    )
    with county.service.store.read() as connection:
        stored = ledger.read_stored(connection, [receipt.seq for receipt in receipts])
    assert [each.event.acknowledged for each in stored] == [(), ("OVER_CONSUMPTION",)]


def test_an_import_is_known_by_its_origin_and_a_repeat_of_it_is_none(county: County) -> None:
    producer, origin = county.authors["producer"], Origin("i-1", "采收.csv", "ab" * 32, "harvest")
    events = [county.harvesting(f"A{number}") for number in range(3)]
    county.recorder.submit(events[0], producer)
    county.recorder.submit_all(events, producer, origin=origin, dry_run=True)
    county.recorder.submit_all(events, producer, origin=origin)
    county.recorder.submit_all(events, producer, origin=replace(origin, import_id="i-2"))
    with county.service.store.read() as connection:
        [found] = imports_of(connection, producer)
        assert imports_of(connection, county.authors["neighbour"]) == []
        assert standing_ids(connection, found) == {producer.organisation: [event.id for event in events[1:]]}
    assert (found.import_id, found.rows, found.entries, found.state) == ("i-1", 3, 2, "live")


def test_an_empty_bulk_is_nothing(county: County) -> None:
    assert county.recorder.submit_all([], county.authors["producer"]) == []


def test_a_bulk_with_bad_rows_is_not_recorded_and_all_its_rows_are_told_at_once(county: County) -> None:
    size = county.size
    sold = county.event("sale", moves=[{"batch": "A0", "quantity": "200", "unit": "kg"}])
    unknown = county.event("sale", moves=[{"batch": "A7", "quantity": "1", "unit": "kg"}])
    foreign = county.harvesting("A2", who="neighbour")
    events = [county.harvesting("A0"), sold, unknown, foreign, county.harvesting("A3")]
    with pytest.raises(BulkRefused) as refused:
        county.recorder.submit_all(events, county.authors["producer"])
    assert [(row, type(error)) for row, error in refused.value.rows] == [
        (1, NeedsAcknowledgement),
        (2, InvalidEvent),
        (3, NotAllowed),
    ]
    assert county.size == size
    assert county.harvest("A0").seq == size


def test_the_same_bulk_again_gets_the_same_receipts(county: County) -> None:
    events = [county.harvesting(f"A{number}") for number in range(5)]
    first = county.recorder.submit_all(events, county.authors["producer"])
    more = [*events, county.harvesting("B1")]
    again = county.recorder.submit_all(more, county.authors["producer"])
    assert [receipt.entry_hash for receipt in again[:5]] == [receipt.entry_hash for receipt in first]
    assert [receipt.repeated for receipt in again] == [True] * 5 + [False]


def test_an_id_twice_in_one_bulk_is_refused(county: County) -> None:
    event = county.harvesting("A1")
    with pytest.raises(BulkRefused) as refused:
        county.recorder.submit_all([event, event], county.authors["producer"])
    assert [row for row, _ in refused.value.rows] == [1]


def test_a_dry_run_tells_what_would_happen_and_writes_nothing(county: County) -> None:
    events = [county.harvesting("A1"), county.harvesting("A2", hours_ago=200)]
    size, head = county.size, county.service.head.read_note()
    receipts = county.recorder.submit_all(events, county.authors["producer"], dry_run=True)
    assert [receipt.warnings for receipt in receipts] == [(), ("LATE_RECORD",)]
    assert (county.size, county.service.head.read_note()) == (size, head)
    check_ledger(county.service)
    assert county.recorder.submit_all(events, county.authors["producer"])[0].seq == size


def test_a_dry_run_is_refused_like_the_real_one(county: County) -> None:
    with pytest.raises(BulkRefused):
        county.recorder.submit_all(
            [county.harvesting("A1", who="neighbour")], county.authors["producer"], dry_run=True
        )


def test_acknowledged_questions_are_recorded_and_warned_about(county: County) -> None:
    county.harvest("A1", "10")
    moves = [{"batch": "A1", "quantity": "11", "unit": "kg"}]
    with pytest.raises(NeedsAcknowledgement) as asked:
        county.record("sale", moves=moves)
    assert [question.code for question in asked.value.questions] == ["OVER_CONSUMPTION"]
    receipt = county.record("sale", moves=moves, acknowledged=["OVER_CONSUMPTION"])
    assert receipt.warnings == ("OVER_CONSUMPTION",)


# --- clocks ----------------------------------------------------------------------------------------------------------


def test_recorded_times_never_decrease(county: County, now: Now) -> None:
    first = county.harvest("A1")
    now.seconds -= 4 * MINUTE
    assert county.harvest("A2").recorded_at == first.recorded_at


def test_a_clock_behind_the_ledger_stops_writing_until_it_is_right(county: County, now: Now) -> None:
    size = county.size
    now.seconds -= 6 * MINUTE
    with pytest.raises(Misconfigured, match="behind the ledger"):
        county.harvest("A1")
    assert county.size == size
    now.seconds += 6 * MINUTE
    assert county.harvest("A2").seq == size


@pytest.mark.parametrize("jump", [-24 * 60, 6, 365 * 24 * 60])
def test_a_wall_clock_that_jumps_stops_writing(county: County, now: Now, jump: int) -> None:
    county.service.close()
    wall = Now(now.seconds)
    clock = Clock(wall.clock.wall, now.clock.monotonic)
    service = open_service(county.service.settings, clock, passwords=CHEAP)
    service.start()
    size = county.size
    wall.seconds += jump * MINUTE
    for _ in range(2):
        with pytest.raises(Misconfigured, match="clock"):
            service.recorder.submit(county.harvesting("A1"), county.authors["producer"])
    assert county.size == size
    wall.seconds -= jump * MINUTE
    assert service.recorder.submit(county.harvesting("A1"), county.authors["producer"]).seq == size
    service.close()


def test_a_slow_drift_of_the_clock_is_followed(county: County, now: Now) -> None:
    for number in range(10):
        now.seconds += 60 * MINUTE
        county.harvest(f"A{number}")


# --- the head file ---------------------------------------------------------------------------------------------------


def test_nothing_is_answered_while_the_head_cannot_be_made_durable(county: County) -> None:
    event = county.harvesting("A1")
    size, folder = county.size, county.service.settings.head
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("in the way")
    for each in (event, event, county.harvesting("A2")):
        with pytest.raises(LedgerBusy) as busy:
            county.recorder.submit(each, county.authors["producer"])
        assert busy.value.code == "head-not-durable"
    refusal = county.recorder.refusal
    assert refusal is not None
    assert refusal.code == "head-not-durable"
    # The first one is committed; it is not served, and nothing was written behind it.
    assert (county.size, county.recorder.durable_size) == (size + 1, size)
    folder.unlink()
    aside.rename(folder)
    receipt = county.recorder.submit(event, county.authors["producer"])
    assert (receipt.seq, receipt.repeated) == (size, True)
    assert county.recorder.refusal is None
    assert county.recorder.durable_size == size + 1
    assert county.harvest("A3").seq == size + 1


def test_after_a_crash_before_the_head_the_next_start_goes_on(county: County, now: Now) -> None:
    folder = county.service.settings.head
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("in the way")
    event = county.harvesting("A1")
    with pytest.raises(LedgerBusy):
        county.recorder.submit(event, county.authors["producer"])
    county.service.close()
    folder.unlink()
    aside.rename(folder)
    service = open_service(county.service.settings, now.clock, passwords=CHEAP)
    service.start()
    assert service.recorder.durable_size == county.size
    assert service.recorder.submit(event, county.authors["producer"]).repeated
    check_ledger(service)
    service.close()


def test_a_ledger_that_does_not_fit_its_head_is_read_only(county: County, now: Now) -> None:
    county.service.close()
    (county.service.settings.head / "head").unlink()
    service = open_service(county.service.settings, now.clock, passwords=CHEAP)
    service.start()
    assert service.recorder.fault is not None
    for _ in range(3):
        with pytest.raises(HejiError, match="remembered head is missing"):
            service.recorder.submit(county.harvesting("A1"), county.authors["producer"])
    # Raised again and again, it must not gather the frames of everybody who asked.
    depth, trace = 0, service.recorder.fault.__traceback__
    while trace is not None:
        depth, trace = depth + 1, trace.tb_next
    assert depth < 10
    service.close()


# --- beginning and end -----------------------------------------------------------------------------------------------


def test_before_the_start_and_after_the_end_nothing_is_taken(county: County, now: Now) -> None:
    event = county.harvesting("A1")
    county.service.close()
    with pytest.raises(LedgerBusy):
        county.recorder.submit(event, county.authors["producer"])
    county.recorder.close()
    service = open_service(county.service.settings, now.clock, passwords=CHEAP)
    with pytest.raises(LedgerBusy):
        service.recorder.submit(event, county.authors["producer"])
    service.close()


def test_what_waits_at_the_end_is_still_recorded(county: County) -> None:
    size = county.size
    made = [(county.harvesting(f"A{number}"), "producer") for number in range(6)]
    futures = together(county, made, then_close=True)
    assert [future.result().seq for future in futures] == list(range(size + 1, size + 7))
    assert not county.recorder.is_alive


def test_a_product_is_known_within_its_own_group(county: County) -> None:
    details = {"code": "longan", "name": "龙眼", "commodity": "荔枝"}
    product = county.event("product", "operator", details=details)
    county.recorder.submit_all([product], county.authors["operator"])
    outputs = [{"batch": "L1", "product": "longan", "quantity": "1", "unit": "kg"}]
    made = county.event("harvest", cycles=[CYCLE], outputs=outputs)
    consumed = county.event(
        "packaging",
        inputs=[{"batch": "L1", "quantity": "1", "unit": "kg"}],
        outputs=[{"batch": "L2", "product": PRODUCT, "quantity": "1", "unit": "kg"}],
    )
    receipts = county.recorder.submit_all([made, consumed], county.authors["producer"])
    assert len(receipts) == 2
    with county.service.store.read() as connection:
        newest = newest_note(connection)
    assert newest is not None
    assert newest[0] == county.size
