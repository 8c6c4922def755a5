"""The outbox as a state machine: whatever is done to it, by two processes, nothing gets lost and no receipt is undone."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from faults.length import lasting
from heji_scanners.entries import EVENT, Draft, Put, State
from heji_scanners.outbox import Outbox
from heji_trace.errors import Conflict, Unknown
from heji_trace.proving import canonical
from web.doors import Now

ids = st.integers(1, 8).map(lambda number: str(UUID(int=number)))
sides = st.sampled_from([0, 1])


class OutboxMachine(RuleBasedStateMachine):
    """`model` is what is known of each id: its content, its receipt, and whether a server may have seen it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = Now()
        self.boxes = [Outbox(Path(self.folder.name), self.now.clock) for _ in range(2)]
        self.content: dict[str, str] = {}
        self.begun: set[str] = set()
        self.receipts: dict[str, int] = {}

    def teardown(self) -> None:
        for box in self.boxes:
            box.close()
        self.folder.cleanup()

    def number(self, event_id: str) -> int:
        entry = self.boxes[0].find_entry(event_id)
        return 99 if entry is None else entry.number

    @rule(side=sides, event_id=ids, says=st.sampled_from("ab"))
    def put(self, side: int, event_id: str, says: str) -> None:
        draft = Draft(event_id, EVENT, "harvest", canonical.dump({"id": event_id, "note": says}))
        try:
            (outcome,) = self.boxes[side].put([draft])
        except Conflict:
            assert event_id in self.receipts or event_id in self.begun
            assert self.content[event_id] != says
            return
        assert (outcome == Put.NEW) == (event_id not in self.content)
        self.content[event_id] = says

    @rule(side=sides, most=st.integers(1, 5))
    def begin(self, side: int, most: int) -> None:
        for entry in self.boxes[side].mark_begun(self.boxes[side].due(most, 10**6)):
            self.begun.add(entry.id)

    @rule(side=sides, event_id=ids, seq=st.integers(0, 1000))
    def deliver(self, side: int, event_id: str, seq: int) -> None:
        if event_id in self.begun and event_id not in self.receipts:
            self.boxes[side].deliver([(self.number(event_id), {"seq": seq})])
            self.receipts[event_id] = seq

    @rule(side=sides, event_id=ids, status=st.sampled_from([403, 409, 422]))
    def park(self, side: int, event_id: str, status: int) -> None:
        self.boxes[side].park(self.number(event_id), status, {"code": "x"})
        self.settle_begun(event_id)

    @rule(side=sides, event_id=ids)
    def resume(self, side: int, event_id: str) -> None:
        try:
            self.boxes[side].resume(self.number(event_id), "retried", ["CODE"])
        except (Conflict, Unknown):
            return
        assert event_id not in self.receipts

    @rule(side=sides, event_id=ids)
    def discard(self, side: int, event_id: str) -> None:
        try:
            self.boxes[side].discard(self.number(event_id), "no")
        except (Conflict, Unknown):
            return
        assert event_id not in self.receipts

    @rule(side=sides)
    def prune(self, side: int) -> None:
        self.now.seconds += 1
        assert self.boxes[side].prune(self.now.clock.now_ms()) == len(self.receipts)
        for event_id in self.receipts:
            del self.content[event_id]
        self.begun -= self.receipts.keys()
        self.receipts.clear()

    def settle_begun(self, event_id: str) -> None:
        """A refusal says that no ledger has it."""
        entry = self.boxes[0].find_entry(event_id)
        if entry is not None and entry.state == State.PARKED:
            self.begun.discard(event_id)

    @invariant()
    def everything_is_there_with_what_it_says(self) -> None:
        found = {entry.id: entry for entry in self.boxes[1].list_entries()}
        assert {event_id: each.event["note"] for event_id, each in found.items()} == self.content
        delivered = {each.id: each.receipt for each in found.values() if each.state == State.DELIVERED}
        assert delivered == {event_id: {"seq": seq} for event_id, seq in self.receipts.items()}


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=lasting(25, 1000), stateful_step_count=25, deadline=None)
