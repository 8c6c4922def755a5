"""The ledger as a state machine: whatever people say in whatever order, through restarts and crashes, it stays whole."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from conftest import Founded, NewDatabase
from county import CYCLE, PACKED, PRODUCT, County, begun_again
from heji_trace.errors import LedgerBusy, NeedsAcknowledgement, Refused
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.recording.recorder import Receipt
from heji_trace.store import tables
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from web.doors import CHEAP, Now

kilograms = st.sampled_from(["0.5", "3", "10", "40.25", "100"])


def line(batch: str, quantity: str, **more: str) -> dict[str, Any]:
    return {"batch": batch, "quantity": quantity, "unit": "kg", **more}


class LedgerMachine(RuleBasedStateMachine):
    batches = Bundle("batches")
    said = Bundle("said")
    holds = Bundle("holds")

    def __init__(self, database: NewDatabase, founded: Founded) -> None:
        super().__init__()
        self._database, self._founded = database, founded
        self._kept = ExitStack()

    @initialize()
    def begin(self) -> None:
        folder = Path(self._kept.enter_context(TemporaryDirectory(prefix="heji-machine-")))
        self._founded.copy(folder)
        url = self._kept.enter_context(self._database(folder, self._founded.url))
        self.settings = read_settings({"HEJI_DATA": str(folder), "HEJI_DATABASE_URL": url})
        self.now = Now()
        self.county: County = begun_again(self._founded.county, self.settings, self.now)
        self.receipts: dict[str, Receipt] = {}

    def teardown(self) -> None:
        with self._kept:
            if not hasattr(self, "county"):
                return
            try:
                check_ledger(self.county.service)
                self.check_receipts()
            finally:
                self.county.service.close()

    def check_receipts(self) -> None:
        """Every acknowledged event stands where its receipt says."""
        with self.county.service.store.read() as connection:
            stored = {row.event_id: row.seq for row in connection.execute(select(tables.entries))}
        for event_id, receipt in self.receipts.items():
            assert stored[event_id] == receipt.seq

    def say(self, event: Event, who: str = "producer") -> Event | None:
        """Record it, confirming what is asked; None where it is refused, which writes nothing."""
        self.now.seconds += 61
        size = self.county.size
        author = self.county.authors[who]
        try:
            receipt = self.county.recorder.submit(event, author)
        except NeedsAcknowledgement as asked:
            codes = [question.code for question in asked.questions]
            event = parse_event({**event.body, "acknowledged": codes})
            receipt = self.county.recorder.submit(event, author)
        except Refused:
            assert self.county.size == size
            return None
        assert receipt.seq == size
        self.receipts[event.id] = receipt
        return event

    @rule(target=said, other=batches, quantity=kilograms)
    def harvest_again(self, other: str, quantity: str) -> Any:
        """A second maker of a batch is refused, unless the first was withdrawn or unknown."""
        return self.told(self.say(self.county.harvesting(other, quantity)))

    def told(self, event: Event | None) -> Any:
        return multiple() if event is None else event

    @rule(target=batches, quantity=kilograms)
    def harvest(self, quantity: str) -> str:
        batch = f"H{self.county.made}"
        assert self.say(self.county.harvesting(batch, quantity))
        return batch

    @rule(target=said, days=st.integers(0, 30), ago=st.integers(0, 200))
    def treat(self, days: int, ago: int) -> Any:
        details = {"input_type": "veterinary", "name": "土霉素", "withdrawal_days": days}
        event = self.county.event("input_application", hours_ago=ago, cycles=[CYCLE], details=details)
        return self.told(self.say(event))

    @rule(
        target=batches,
        sources=st.lists(batches, min_size=1, max_size=3, unique=True),
        quantity=kilograms,
        kind=st.sampled_from(["packaging", "grading", "processing"]),
    )
    def make(self, sources: list[str], quantity: str, kind: str) -> Any:
        batch = f"M{self.county.made}"
        event = self.county.event(
            kind,
            "packer",
            inputs=[line(source, quantity) for source in sources],
            outputs=[line(batch, quantity, product=PACKED)],
        )
        return batch if self.say(event, "packer") else multiple()

    @rule(target=said, early=batches, late=batches, quantity=kilograms)
    def make_in_a_circle(self, early: str, late: str, quantity: str) -> Any:
        """An older batch said to be made from a younger one: refused unless it is of unknown origin, then a loop."""
        event = self.county.event(
            "packaging",
            "packer",
            inputs=[line(late, quantity)],
            outputs=[line(early, quantity, product=PACKED)],
        )
        return self.told(self.say(event, "packer"))

    @rule(target=batches, quantity=kilograms)
    def receive_from_nowhere(self, quantity: str) -> str:
        batch = f"U{self.county.made}"
        assert self.say(
            self.county.event("receiving", "packer", moves=[line(batch, quantity, product=PRODUCT)]), "packer"
        )
        return batch

    @rule(target=said, batch=batches, quantity=kilograms, rejected=st.booleans())
    def hand_over(self, batch: str, quantity: str, rejected: bool) -> Any:
        to = self.county.code("shop")
        sent = self.say(self.county.event("shipping", moves=[line(batch, quantity, to_organisation=to)]))
        if sent is None:
            return multiple()
        details: dict[str, Any] = {"shipping": sent.id}
        if rejected:
            details["rejected"] = [line(batch, "0.25")]
        got = self.say(
            self.county.event("receiving", "shop", moves=[line(batch, quantity)], details=details), "shop"
        )
        return multiple(*(each for each in (sent, got) if each))

    @rule(target=said, batch=batches, quantity=kilograms)
    def sell(self, batch: str, quantity: str) -> Any:
        return self.told(self.say(self.county.event("sale", moves=[line(batch, quantity)])))

    @rule(target=said, batch=batches, conclusion=st.sampled_from(["positive", "negative"]))
    def screen(self, batch: str, conclusion: str) -> Any:
        sample = f"S{self.county.made}"
        drawn = self.say(
            self.county.event(
                "sampling",
                "laboratory",
                batches=[batch],
                details={"purpose": "monitoring", "samples": [{"sample": sample, "batch": batch}]},
            ),
            "laboratory",
        )
        details = {
            "sample": sample,
            "laboratory": self.county.code("laboratory"),
            "method": "酶抑制率法",
            "method_class": "rapid",
            "status": "final",
            "conclusion": conclusion,
            "results": [{"analyte": "有机磷和氨基甲酸酯类农药", "value": "13.12", "unit": "%"}],
        }
        tested = self.say(self.county.event("testing", "laboratory", details=details), "laboratory")
        return multiple(*(each for each in (drawn, tested) if each))

    @rule(target=holds, batch=batches)
    def hold(self, batch: str) -> Any:
        event = self.county.event("hold", "regulator", batches=[batch], details={"reason": "核查"})
        return self.told(self.say(event, "regulator"))

    @rule(target=said, held=consumes(holds))
    def release(self, held: Event) -> Any:
        details = {"hold": held.id, "reason": "核查完毕"}
        return self.told(self.say(self.county.event("release", "regulator", details=details), "regulator"))

    @rule(target=said, batch=batches)
    def recall(self, batch: str) -> Any:
        details = {"level": 2, "ordered": True, "reason": "超标"}
        event = self.county.event("recall", "regulator", batches=[batch], details=details)
        return self.told(self.say(event, "regulator"))

    @rule(target=said, wrong=st.one_of(said, holds))
    def withdraw(self, wrong: Event) -> Any:
        who = next(
            who for who, author in self.county.authors.items() if author.organisation == wrong.organisation
        )
        details = {"corrects": [wrong.id], "reason": "录入错误"}
        return self.told(self.say(self.county.event("correction", who, details=details), who))

    @rule(batch=batches, quantity=kilograms)
    def correct_the_making(self, batch: str, quantity: str) -> None:
        """What made a batch is replaced by a harvest of another quantity."""
        with self.county.service.store.read() as connection:
            row = connection.execute(select(tables.batches).where(tables.batches.c.batch == batch)).one()
            made = connection.execute(select(tables.events).where(tables.events.c.seq == row.made_seq)).one()
        if made.organisation != self.county.code("producer") or made.withdrawn_seq is not None:
            return
        replacement = self.county.harvesting(batch, quantity).body
        details = {"corrects": [made.event_id], "reason": "重量录入错误", "replacement": replacement}
        self.say(self.county.event("correction", details=details))

    @rule(event=said)
    def repeat(self, event: Event) -> None:
        first, size = self.receipts[event.id], self.county.size
        who = next(
            who for who, author in self.county.authors.items() if author.organisation == event.organisation
        )
        again = self.county.recorder.submit(event, self.county.authors[who])
        assert again.repeated
        assert (again.seq, again.entry_hash, again.recorded_at, again.warnings) == (
            first.seq,
            first.entry_hash,
            first.recorded_at,
            first.warnings,
        )
        assert self.county.size == size

    @rule(quantity=kilograms)
    def try_dry(self, quantity: str) -> None:
        size = self.county.size
        event = self.county.harvesting(f"D{self.county.made}", quantity, acknowledged=["VET_WITHDRAWAL"])
        self.county.recorder.submit_all([event], self.county.authors["producer"], dry_run=True)
        assert self.county.size == size

    @rule()
    def restart(self) -> None:
        self.county.service.close()
        self.county.service = open_service(self.settings, self.now.clock, passwords=CHEAP)
        self.county.service.start()
        assert self.county.recorder.fault is None

    @rule(target=batches, quantity=kilograms)
    def crash_between_commit_and_head(self, quantity: str) -> str:
        batch = f"C{self.county.made}"
        event = self.county.harvesting(batch, quantity, acknowledged=["VET_WITHDRAWAL"])
        size, folder = self.county.size, self.settings.head
        aside = folder.with_name("aside")
        folder.rename(aside)
        folder.write_text("in the way")
        with pytest.raises(LedgerBusy, match="remembered head"):
            self.county.recorder.submit(event, self.county.authors["producer"])
        folder.unlink()
        aside.rename(folder)
        self.restart()
        again = self.county.recorder.submit(event, self.county.authors["producer"])
        assert (again.seq, again.repeated) == (size, True)
        self.receipts[event.id] = again
        return batch


def test_the_ledger_stays_whole_whatever_is_said_and_through_restarts_and_crashes(
    database: NewDatabase, founded: Founded
) -> None:
    run_state_machine_as_test(
        partial(LedgerMachine, database, founded),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            phases=[Phase.generate],
            report_multiple_bugs=False,
        ),
    )
