from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from county import CYCLE, PACKED, PLOT, County
from heji_scanners.deciding import confirm
from heji_scanners.entries import EVENT, FILE, Draft, State
from heji_scanners.sending import _cut, drain
from heji_trace.errors import Misconfigured
from heji_trace.proving import canonical
from heji_trace.proving.keys import generate_signer
from scanners.answering import KEY, Answering, answering
from scanners.conftest import Machine, send_until_still
from web.sent_files import RAPID17

D, P, W = State.DELIVERED, State.PARKED, State.WAITING
REFUSAL = {"code": "invalid-event", "detail_zh": "有误", "detail_en": "wrong"}


@pytest.fixture
def other() -> Iterator[Answering]:
    with answering() as other:
        yield other


def harvest(county: County, batch: str, **parts: Any) -> dict[str, Any]:
    return dict(county.harvesting(batch, **parts).body)


def packing(county: County, source: str, quantity: str, batch: str) -> dict[str, Any]:
    return dict(
        county.event(
            "packaging",
            site=PLOT,
            inputs=[{"batch": source, "quantity": quantity, "unit": "kg"}],
            outputs=[{"batch": batch, "quantity": "10", "unit": "kg", "product": PACKED}],
        ).body
    )


def weeding(county: County) -> dict[str, Any]:
    event = county.event("field_operation", cycles=[CYCLE], details={"operation": "weeding"})
    return dict(event.body)


def plain(number: int) -> dict[str, Any]:
    return {"id": str(UUID(int=number)), "kind": "harvest", "note": f"No. {number}"}


def record(_path: str, body: bytes) -> tuple[int, Any]:
    """Answer as a service does that records everything."""
    sent = json.loads(body)
    receipts = [
        {"seq": UUID(each["id"]).int, "event_id": each["id"], "entry_hash": "ab" * 32}
        for each in (sent if isinstance(sent, list) else [sent])
    ]
    return 201, {"receipts": receipts} if isinstance(sent, list) else receipts[0]


def recorded(county: County, event: dict[str, Any]) -> dict[str, Any]:
    answer = county.get(f"/api/v1/events/{event['id']}")
    assert answer.status_code == 200
    return dict(answer.get_json()["event"])


# --- with a real service ---------------------------------------------------------------------------------------------


def test_many_go_together_and_their_receipts_are_kept(county: County, address: str, machine: Machine) -> None:
    events = [harvest(county, f"S{number}") for number in range(40)]
    before = county.size
    machine.put(*events)
    assert send_until_still(machine.sender(address, county.tokens["producer"])) == 1
    assert machine.states(*events) == [D] * 40
    for event in events[::13]:
        # The receipt is the one that anybody gets who sends the event again.
        assert county.post("/api/v1/events", event).get_json() == machine.entry(event).receipt
    assert county.size == before + 40


def test_bad_rows_are_parked_for_their_own_reasons_and_hold_nobody_up(
    county: County, address: str, machine: Machine
) -> None:
    events = [harvest(county, f"S{number}") for number in range(60)]
    events[7] = harvest(county, "S6")  # the batch is made already
    events[20] = harvest(county, "S20") | {"cycles": ["no-such-cycle"]}
    events[21] = packing(county, "S19", "500", "PK1")  # more than there is
    events[40] = weeding(county) | {"organisation": county.code("neighbour")}
    machine.put(*events)
    requests = send_until_still(machine.sender(address, county.tokens["producer"]))
    expected = [P if at in (7, 20, 21, 40) else D for at in range(60)]
    assert machine.states(*events) == expected
    assert {at: machine.entry(events[at]).status for at in (7, 20, 21, 40)} == {
        7: 409,
        20: 422,
        21: 409,
        40: 403,
    }
    assert machine.entry(events[21]).questions[0]["code"] == "OVER_CONSUMPTION"
    assert machine.entry(events[21]).questions[0]["zh"]
    assert machine.entry(events[7]).answer is not None
    assert requests <= 10, "4 rows alone, 4 runs together, and the first try"


def test_what_is_confirmed_is_recorded_with_that_and_wakes_what_waited_for_it(
    county: County, address: str, machine: Machine
) -> None:
    first, second = packing(county, "S1", "500", "PK1"), packing(county, "PK1", "10", "PK2")
    events = [harvest(county, "S1"), first, second]
    machine.put(*events)
    sender = machine.sender(address, county.tokens["producer"])
    send_until_still(sender)
    assert machine.states(*events) == [D, P, P]
    confirm(machine.outbox, machine.entry(first), ["OVER_CONSUMPTION"], machine.now.clock.now_ms())
    send_until_still(sender)
    assert machine.states(*events) == [D, D, D]
    assert recorded(county, first)["acknowledged"] == ["OVER_CONSUMPTION"]
    receipt = machine.entry(first).receipt
    assert receipt is not None
    assert "OVER_CONSUMPTION" in receipt["warnings"]


def test_a_token_that_is_not_accepted_parks_nothing(county: County, address: str, machine: Machine) -> None:
    machine.put(harvest(county, "S1"))
    sender = machine.sender(address, "wrong")
    send_until_still(sender)
    assert machine.outbox.counts()[W] == 1
    assert sender.trouble.error is not None
    assert sender.trouble.error.code == "scan-token-refused"
    # With a new token it goes out.
    send_until_still(machine.sender(address, county.tokens["producer"]))
    assert machine.outbox.counts()[D] == 1


def test_an_instrument_s_file_goes_as_it_is_between_its_neighbours(
    county: County, address: str, machine: Machine, rapid17: bytes
) -> None:
    events = [harvest(county, "S1"), harvest(county, "S2")]
    machine.put(events[0])
    machine.outbox.put([Draft("f" * 64, FILE, "rapid17", rapid17, "f" * 64)])
    machine.put(events[1])
    send_until_still(machine.sender(address, county.tokens["producer"]))
    assert machine.states(*events) == [D, D]
    receipt = machine.outbox.entry_of("f" * 64).receipt
    assert receipt is not None
    assert receipt["import_id"], "the server keeps the rows whose samples it does not know"
    # A second sending leads to the same parked file.
    again = county.client.post("/api/v1/lab/imports", data=rapid17, headers=county.headers())
    assert again.get_json()["import_id"]


@pytest.fixture
def rapid17() -> bytes:
    said = (
        "快检室",
        "果园",
        "",
        "荔枝",
        "毒死蜱",
        "0.02",
        "阴性",
        "合格",
        "李一",
        "2026-05-28 09:00",
        "王二",
    )
    row = (*said, *("", "仪器", "", "胶体金", "", ""))
    return "\r\n".join("\t".join(cells) for cells in (RAPID17, row)).encode()


def test_two_machines_may_send_the_same(
    county: County, address: str, machine: Machine, tmp_path: Path
) -> None:
    event = harvest(county, "S1")
    before = county.size
    machine.put(event)
    send_until_still(machine.sender(address, county.tokens["producer"]))
    second = Machine(tmp_path / "second")
    with second.opened:
        second.put(event)
        send_until_still(second.sender(address, county.tokens["producer"]))
        assert second.entry(event).receipt == machine.entry(event).receipt
    assert county.size == before + 1


def test_an_outbox_does_not_go_to_another_ledger(
    county: County, address: str, machine: Machine, other: Answering
) -> None:
    machine.put(harvest(county, "S1"))
    send_until_still(machine.sender(address, county.tokens["producer"]))
    other.key = b"elsewhere.example+0a0b0c0d+AXs="
    machine.put(harvest(county, "S2"))
    sender = machine.sender(other.address)
    send_until_still(sender)
    assert sender.trouble.error is not None, "that was no key at all"
    other.key = generate_signer("elsewhere.example", lambda size: b"\x08" * size).verifier_key.encode()
    machine.now.seconds += 100
    with pytest.raises(Misconfigured) as refused:
        sender.step()
    assert refused.value.code == "scan-other-ledger"
    assert other.asked == []
    assert machine.outbox.counts()[W] == 1


def test_what_is_sent_again_is_answered_with_the_same_receipt_and_not_doubled(
    county: County, address: str, machine: Machine
) -> None:
    first, second = harvest(county, "S1"), harvest(county, "S2")
    machine.put(first, second)
    sender = machine.sender(address, county.tokens["producer"])
    send_until_still(sender)
    before, receipts = county.size, [machine.entry(each).receipt for each in (first, second)]
    assert machine.outbox.send_again() == 2
    assert machine.states(first, second) == [W, W]
    assert not machine.entry(first).is_unsent, "a ledger may have it: it is not to be discarded or replaced"
    send_until_still(sender)
    assert [machine.entry(each).receipt for each in (first, second)] == receipts
    assert (county.size, sender.take_restored()) == (before, None)


def test_a_ledger_that_goes_on_under_a_new_name_is_given_everything_once_more(
    machine: Machine, other: Answering
) -> None:
    other.answer = record
    machine.put(plain(1), plain(2))
    sender = machine.sender(other.address)
    send_until_still(sender)
    machine.outbox.discard(_parked(machine, plain(4)), "written twice")
    # Restored behind what it had said: it may lack what was delivered, and nobody else has that.
    other.key = generate_signer("log.heji.example-2", lambda size: b"\x08" * size).verifier_key.encode()
    machine.put(plain(3))
    other.asked.clear()
    send_until_still(sender)
    restored = sender.take_restored()
    assert restored is not None
    assert (restored.known, restored.found, restored.again) == ("log.heji.example", "log.heji.example-2", 2)
    sent = [each["id"] for _, body in other.asked for each in json.loads(body)]
    assert sent == [plain(number)["id"] for number in (1, 2, 3)], "in order, and not what was given up"
    assert machine.outbox.counts()[D] == 3
    # From then on it belongs to that name; the one before it is refused, as a stale copy of the server would be.
    assert sender.take_restored() is None
    other.key = KEY.encode()
    machine.put(plain(5))
    with pytest.raises(Misconfigured) as refused:
        machine.sender(other.address).step()
    assert refused.value.code == "scan-other-ledger"


def _parked(machine: Machine, event: dict[str, Any]) -> int:
    machine.outbox.put([Draft(event["id"], EVENT, event["kind"], canonical.dump(event), asked={"code": "X"})])
    return machine.entry(event).number


# --- with answers that no healthy service gives ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, document",
    [
        (401, REFUSAL),
        (404, REFUSAL),
        (405, REFUSAL),
        (429, REFUSAL),
        (302, {}),
        (400, REFUSAL),
        (500, b"<html>gateway</html>"),
        (502, b"<html>gateway</html>"),
        (503, REFUSAL),
        (504, {}),
        (403, b"<html>a portal</html>"),
        (409, {"error": "somebody else's"}),
        (200, b"<html>a portal</html>"),
        (200, {}),
        (201, {"receipts": []}),
        (201, {"receipts": [1, 2]}),
        (201, {"seq": 1, "event_id": "00000000-0000-0000-0000-000000000000", "entry_hash": "ab" * 32}),
    ],
)
@pytest.mark.parametrize("together", [1, 2])
def test_what_is_neither_receipt_nor_refusal_is_tried_again(
    machine: Machine, other: Answering, status: int, document: Any, together: int
) -> None:
    events = [plain(number) for number in range(1, together + 1)]
    machine.put(*events)
    other.status, other.document = status, document
    sender = machine.sender(other.address)
    send_until_still(sender)
    assert machine.states(*events) == [W] * together
    wait = sender.step()
    assert wait is not None
    assert wait > 0
    asked = len(other.asked)
    sender.step()
    assert len(other.asked) == asked, "not before its time"


def test_pauses_double_up_to_a_minute_and_are_drawn_apart(machine: Machine, other: Answering) -> None:
    machine.put(plain(1))
    other.status = 503
    sender = machine.sender(other.address)
    waits = []
    for _ in range(10):
        assert sender.step() == 0.0
        wait = sender.step()
        assert wait is not None
        waits.append(wait)
        machine.now.seconds += wait
    assert waits[:4] == pytest.approx([0.5, 1.0, 2.0, 4.0])
    assert waits[-1] == pytest.approx(60.0)
    assert all(later >= earlier for earlier, later in pairwise(waits))
    machine.chance = 0.0
    sender.step()
    assert sender.step() == pytest.approx(30.0), "half of it for the luckiest"


def test_a_wait_that_the_server_asks_for_is_kept_within_reason(machine: Machine, other: Answering) -> None:
    machine.put(plain(1))
    other.status, other.headers = 429, {"Retry-After": "17"}
    sender = machine.sender(other.address)
    sender.step()
    assert sender.step() == pytest.approx(17)
    machine.now.seconds += 18
    other.headers = {"Retry-After": "86400"}
    sender.step()
    assert sender.step() == pytest.approx(60)


def test_an_entry_over_which_the_server_fails_lets_the_others_pass(
    machine: Machine, other: Answering
) -> None:
    events = [plain(number) for number in range(9)]

    def answer(path: str, body: bytes) -> tuple[int, Any]:
        if events[4]["id"].encode() in body:
            return 500, {"code": "internal", "detail_zh": "错误", "detail_en": "error"}
        return record(path, body)

    other.answer = answer
    machine.put(*events)
    sender = machine.sender(other.address)
    send_until_still(sender)
    assert machine.states(*events) == [D, D, D, D, W, D, D, D, D]
    assert machine.entry(events[4]).status == 500
    wait = sender.step()
    assert wait is not None
    assert wait > 0
    other.answer = None
    other.status, other.document = 422, REFUSAL
    machine.now.seconds += wait
    send_until_still(sender)
    assert machine.states(events[4]) == [P]


def test_fewer_go_together_after_a_break_and_more_again_when_it_is_over(
    machine: Machine, other: Answering
) -> None:
    events = [plain(number) for number in range(40)]
    machine.put(*events)
    other.raw = b"HTTP/1.1 201 Crea"
    sender = machine.sender(other.address, most=16)
    sizes = []
    for _ in range(3):
        sender.step()
        sizes.append(len(json.loads(other.asked[-1][1])))
        machine.now.seconds += 100
    assert sizes == [16, 8, 4]
    other.raw, other.answer = None, record
    for _ in range(3):
        sender.step()
        sizes.append(len(json.loads(other.asked[-1][1])))
    assert sizes[3:] == [2, 4, 8]


def test_who_has_not_the_turn_waits_and_sends_nothing(machine: Machine, other: Answering) -> None:
    machine.put(plain(1))
    other.status = 503
    first, second = machine.sender(other.address), machine.sender(other.address)
    first.step()
    assert second.step() == 0.5
    assert len(other.asked) == 1
    first.step()  # it pauses, and gives its turn back
    assert second.step() == 0.0
    assert len(other.asked) == 2


def test_draining_ends_when_nothing_gets_through_for_so_long(machine: Machine, other: Answering) -> None:
    machine.put(plain(1))
    other.status = 503
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        machine.now.seconds += seconds

    seen = list(drain(machine.sender(other.address), machine.outbox, machine.now.clock, sleep, 20))
    assert {counts[W] for counts in seen} == {1}
    assert 20 <= sum(slept) < 25
    assert machine.outbox.counts()[W] == 1


@given(st.integers(2, 60).flatmap(lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))))
def test_what_was_refused_together_is_cut_in_order_into_smaller_parts(case: tuple[int, set[int]]) -> None:
    size, named = case
    runs = _cut(range(100, 100 + size), named)
    assert [number for run in runs for number in run] == list(range(100, 100 + size))
    assert all(run and len(run) < size for run in runs)
    assert all([100 + at] in runs for at in named)
