"""Stock against a second telling of its rules, whatever is said in whatever order and corrected afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from heji_trace.effects.book import Entered
from heji_trace.effects.suspect import suspicions
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from heji_trace.projection.project import apply
from heji_trace.projection.replay import compare_table
from heji_trace.store import tables
from heji_trace.store.db import memory_database
from heji_trace.tracing.balance import Account, balance_of

KG = 1_000 * 10**6
HOLDERS = ("a", "b", "c")
AT = "2026-06-12T08:00:00+08:00"
JUDGED = {"OVER_CONSUMPTION", "COUNT_BELOW", "COUNT_ABOVE", "CHAIN_BROKEN"}


@dataclass(frozen=True)
class Said:
    """A statement: of `kind`, by `who`, about so many kg, given `to` somebody."""

    kind: str
    who: str
    to: str | None
    amount: int
    rejected: int = 0


@dataclass(frozen=True)
class Corrected:
    """That statement `at` was wrong; `amount` is right instead, or nothing of it."""

    at: int
    amount: int | None


@dataclass
class Receipt:
    at: int
    said: Said
    took: int = 0
    back: int = 0


@dataclass
class Telling:
    """The rules told a second time: what stands when these statements were made one after the other."""

    stock: Counter[tuple[str, str]] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    found: set[tuple[int, str]] = field(default_factory=set)
    receipts: list[Receipt] = field(default_factory=list)

    def tell(self, at: int, said: Said) -> None:
        held = (said.who, "held")
        had = self.stock[held]
        if said.kind == "harvest":
            self.stock[held] += said.amount
        elif said.kind == "receiving":
            self.stock[held] += said.amount
            receipt = Receipt(at, said)
            self.take(receipt)
            self.receipts.append(receipt)
            if not receipt.took:
                self.found.add((at, "CHAIN_BROKEN"))
        elif said.kind == "stock_count":
            self.stock[held] = said.amount
            self.figures["counted"] += said.amount - had
            if abs(said.amount - had) > max(had, 0) * 0.03:
                self.found.add((at, "COUNT_BELOW" if said.amount < had else "COUNT_ABOVE"))
        elif said.kind == "return" and said.to is None:
            self.stock[held] += said.amount
            self.figures["returned"] += said.amount
        else:
            if said.amount > had:
                self.found.add((at, "OVER_CONSUMPTION"))
            if said.kind != "storage":
                self.stock[held] -= said.amount
            if said.kind in ("sale", "disposal"):
                self.figures["left" if said.kind == "sale" else "disposed"] += said.amount
            if said.to is not None:
                self.stock[said.to, "transit"] += said.amount
                self.cover(said.to, said.who)

    def told_figures(self) -> Counter[str]:
        told = Counter(self.figures)
        for receipt in self.receipts:
            gained = receipt.said.amount - receipt.took + receipt.back
            told["arrived" if gained > 0 else "left"] += abs(gained)
        return told

    def cover(self, taker: str, sender: str) -> None:
        for receipt in self.receipts:
            if receipt.said.who == taker and receipt.took < receipt.said.amount:
                self.take(receipt, sender)

    def take(self, receipt: Receipt, sender: str | None = None) -> None:
        said = receipt.said
        came = min(self.stock[said.who, "transit"], said.amount + said.rejected - receipt.took)
        self.stock[said.who, "transit"] -= came
        receipt.took += came
        if receipt.took >= said.amount:
            self.found.discard((receipt.at, "CHAIN_BROKEN"))
        if sender is not None and receipt.took > said.amount:
            # Nobody was named in the receipt, so what was rejected goes back to whoever is known to have sent.
            receipt.back = receipt.took - said.amount
            self.stock[sender, "transit"] += receipt.back
            self.cover(sender, sender)


holder = st.sampled_from(HOLDERS)
quantity = st.integers(1, 40)
STATEMENTS = st.one_of(
    st.builds(Said, st.just("shipping"), holder, holder, quantity),
    st.builds(Said, st.just("receiving"), holder, st.none(), quantity, st.sampled_from([0, 0, 5])),
    st.builds(Said, st.just("sale"), holder, st.none(), quantity),
    st.builds(Said, st.just("return"), holder, st.none(), quantity),
    st.builds(Said, st.just("return"), holder, holder, quantity),
    st.builds(Said, st.just("disposal"), holder, st.none(), quantity),
    st.builds(Said, st.just("storage"), holder, st.none(), quantity),
    st.builds(Said, st.just("stock_count"), holder, st.none(), st.integers(0, 40)),
    st.builds(Corrected, st.integers(0, 12), st.one_of(st.none(), quantity)),
)
DETAILS: dict[str, dict[str, Any]] = {
    "return": {"reason": "退货"},
    "disposal": {"reason": "腐损", "method": "destruction"},
}


def event_id(seq: int) -> str:
    return str(UUID(int=seq + 1, version=4))


def raw(seq: int, said: Said) -> dict[str, Any]:
    line = {"batch": "B", "quantity": str(said.amount), "unit": "kg"}
    if said.to is not None:
        line["to_organisation"] = said.to
    event = {"id": event_id(seq), "kind": said.kind, "occurred_at": AT, "organisation": said.who}
    if said.kind == "harvest":
        return event | {"cycles": ["c"], "outputs": [line | {"product": "p"}]}
    details = dict(DETAILS.get(said.kind, {}))
    if said.rejected:
        details["rejected"] = [{"batch": "B", "quantity": str(said.rejected), "unit": "kg"}]
    return event | {"moves": [line]} | ({"details": details} if details else {})


class History:
    """Statements one after the other, each in a group of its own."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self.standing: dict[int, Said] = {}
        self.places: dict[int, int] = {}
        self.kept: dict[int, Event] = {}
        """What is remembered of entries, which here are in no ledger."""

    def say(self, what: Said | Corrected) -> None:
        seq = len(self.events)
        if isinstance(what, Said):
            self.standing[seq], self.places[seq] = what, seq
            self._enter(raw(seq, what))
        elif what.at in self.standing:
            self._correct(seq, what)

    def _correct(self, seq: int, what: Corrected) -> None:
        wrong = self.standing[what.at]
        if what.amount is None and wrong.kind == "harvest":
            return
        details: dict[str, Any] = {"corrects": [event_id(self.places[what.at])], "reason": "录错"}
        if what.amount is None:
            del self.standing[what.at]
        else:
            self.standing[what.at] = replace(wrong, amount=what.amount)
            details["replacement"] = raw(seq + 1000, self.standing[what.at])
        self.places[what.at] = seq
        event = {"id": event_id(seq), "kind": "correction", "occurred_at": AT, "organisation": wrong.who}
        self._enter(event | {"details": details})

    def _enter(self, body: dict[str, Any]) -> None:
        state = State(self.connection)
        state.said = self.kept
        self.events.append(parse_event(body))
        enter(state, len(self.events) - 1, self.events[-1])
        state.write()

    def told_again(self) -> Telling:
        telling = Telling()
        for at, said in sorted(self.standing.items()):
            telling.tell(at, said)
        return telling

    def found(self) -> set[tuple[int, str]]:
        firsts = {seq: at for at, seq in self.places.items()}
        rows = State(self.connection).findings.of("batch", "B")
        return {(firsts[row["seq"]], row["code"]) for row in rows if row["code"] in JUDGED}

    def stock(self) -> dict[tuple[str, str], int]:
        rows = State(self.connection).stock.of("batch", "B")
        return {(row["holder"], row["state"]): row["amount"] // KG for row in rows if row["amount"]}


def enter(state: State, seq: int, event: Event) -> None:
    apply(state, Entered(seq, 1_781_222_400_000, "t", event), suspicions(state, event))


@contextmanager
def begun() -> Iterator[History]:
    with memory_database() as connection:
        tables.metadata.create_all(connection)
        history = History(connection)
        history.say(Said("harvest", "a", None, 100))
        yield history


def figures(account: Account) -> dict[str, int]:
    return {
        name: getattr(account, name) // KG for name in ("arrived", "left", "returned", "disposed", "counted")
    }


def without_nothing(stock: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {place: amount for place, amount in stock.items() if amount}


@settings(deadline=None, max_examples=100)
@given(st.lists(STATEMENTS, max_size=14))
def test_no_stock_appears_or_vanishes(statements: list[Said | Corrected]) -> None:
    with begun() as history:
        for each in statements:
            history.say(each)
        told = history.told_again()
        [account] = balance_of(history.connection, "B").accounts
        assert history.stock() == without_nothing(told.stock)
        assert history.found() == told.found
    assert figures(account) == {name: told.told_figures()[name] for name in figures(account)}
    came = account.made + account.arrived + account.returned + account.counted
    assert came == account.consumed + account.left + account.disposed + account.held + account.transit


@settings(deadline=None, max_examples=60)
@given(st.lists(STATEMENTS, max_size=14))
def test_the_same_statements_in_one_group_make_the_same_tables(statements: list[Said | Corrected]) -> None:
    with begun() as history, memory_database() as connection:
        for each in statements:
            history.say(each)
        tables.metadata.create_all(connection)
        state = State(connection)
        for seq, event in enumerate(history.events):
            enter(state, seq, event)
        state.write()
        for table in tables.PROJECTIONS:
            assert list(compare_table(table, history.connection, connection)) == []


@settings(deadline=None, max_examples=60)
@given(st.lists(STATEMENTS, max_size=12), st.integers(0, 12), quantity)
def test_a_correction_that_is_corrected_back_has_changed_nothing(
    statements: list[Said | Corrected], at: int, amount: int
) -> None:
    with begun() as history:
        for each in statements:
            history.say(each)
        if at not in history.standing:
            return
        right = history.standing[at].amount
        before = history.stock(), history.found()
        history.say(Corrected(at, amount))
        history.say(Corrected(at, right))
        assert (history.stock(), history.found()) == before


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(holder, holder, quantity), max_size=6), st.randoms(use_true_random=False))
def test_what_was_sent_and_received_is_never_more_than_what_was_made(
    sent: list[tuple[str, str, int]], random: Any
) -> None:
    """In whatever order the sendings and the receipts, which may come from two outboxes, were recorded."""
    statements = [Said("shipping", who, to, amount) for who, to, amount in sent]
    statements += [Said("receiving", to, None, amount) for _, to, amount in sent]
    random.shuffle(statements)
    with begun() as history:
        for each in statements:
            history.say(each)
        stock = history.stock()
        assert sum(stock.values()) == 100
        assert not [place for place in stock if place[1] == "transit"]
        assert not [code for _, code in history.found() if code == "CHAIN_BROKEN"]
