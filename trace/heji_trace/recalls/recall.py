"""Recalls: opening one, and reading what it reaches, who has the goods, and by when it must be done.

The deadlines are those of the food recall rules (食品召回管理办法, 2020 revision): the recall starts within 24, 48 or
72 hours and ends within 10, 20 or 30 working days, by level, counted by the editions of the table `holidays`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, select

from heji_trace.errors import Unknown
from heji_trace.events.event import Event
from heji_trace.events.posting import parse_short
from heji_trace.judging.facts import HOUR_MS
from heji_trace.known.state import State
from heji_trace.known.statements import standing_of
from heji_trace.people.parties import Author
from heji_trace.recalls.recall_updates import Update, newest_level, newest_status, updates_of
from heji_trace.rights.disclosure import body_of
from heji_trace.rights.reading import own_batches, seq_of
from heji_trace.rights.rights import may_oversee
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import batches, recall_scope
from heji_trace.tracing.tracing import Holding, Recovered, Sold, holdings_of, recovered_of, sales_of
from heji_trace.vocabulary.times import beijing_date, dump_ms
from heji_trace.vocabulary.working_days import Calendar, parse_calendar

START_HOURS: Final[Mapping[int, int]] = MappingProxyType({1: 24, 2: 48, 3: 72})
FINISH_WORKING_DAYS: Final[Mapping[int, int]] = MappingProxyType({1: 10, 2: 20, 3: 30})

_DETAILS: Final = ("level", "ordered", "reason", "scope", "document")
_ENVELOPE: Final = ("id", "occurred_at", "organisation", "performed_by", "batches", "acknowledged", "note")


@dataclass(frozen=True, slots=True)
class ScopeRow:
    """One batch in a recall: `frozen` on opening, `later` made or found, `upstream` under review."""

    batch: str
    standing: str
    seq: int
    product: str | None
    organisation: str
    holdings: tuple[Holding, ...]
    sold: tuple[Sold, ...]
    recovered: tuple[Recovered, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """A recall that has a batch in its scope, and the batch's standing there as in `ScopeRow`.

    `is_finished` says that whoever conducts it has stated its end; the batch stays recalled.
    """

    event_id: str
    standing: str
    is_finished: bool


@dataclass(frozen=True, slots=True)
class Consignee:
    """Who has or had recalled goods, all batches together: amounts in millionths of the dimension's unit.

    `returned` is what the organisation gave back to whoever it had it from, or took back from buyers.
    """

    organisation: str
    dimension: str
    batches: tuple[str, ...]
    held: int
    transit: int
    sold: int
    returned: int
    disposed: int


@dataclass(frozen=True, slots=True)
class RecallReport:
    """A recall as its reader sees it; `is_whole` says whether the scope is shown to him in full.

    `holidays_known` says whether an edition names the holidays between opening and `finish_by`, else weekends alone are
    left out. `level` is the one in force. `body` is the event's body without what is sealed to him; `withdrawn_seq` the
    correction that took it back.
    """

    event_id: str
    seq: int
    body: Mapping[str, Any]
    opened_ms: int
    start_by_ms: int
    finish_by: date
    holidays_known: bool
    level: int
    scope: tuple[ScopeRow, ...]
    consignees: tuple[Consignee, ...]
    withdrawn_seq: int | None
    is_whole: bool
    updates: tuple[Update, ...] = ()

    @property
    def status(self) -> str:
        """What the newest update says, "" before the first; one's own word of a consignee counts for its part alone."""
        return newest_status(self.updates)

    def sales(self) -> list[tuple[str, Sold]]:
        """What of the recalled goods left the chain, each with its batch, in ledger order."""
        sold = [(row.batch, sale) for row in self.scope if row.standing != "upstream" for sale in row.sold]
        return sorted(sold, key=lambda each: (each[1].seq, each[0]))

    def on_hand(self) -> dict[str, int]:
        """What of the recalled goods is still held by anybody shown or on its way, by dimension."""
        total: dict[str, int] = defaultdict(int)
        for each in self.consignees:
            total[each.dimension] += each.held + each.transit
        return dict(total)


def parse_recall(raw: object, author: Author, event_id: str, now_ms: int) -> Event:
    """The `recall` event that a short statement asks for: batches, level, ordered, reason, scope, document.

    What it leaves out of id, time and organisation is filled in. Raises InvalidEvent with pointers into `raw`.
    """
    blank = {
        "id": event_id,
        "kind": "recall",
        "occurred_at": dump_ms(now_ms),
        "organisation": author.organisation,
    }
    return parse_short(raw, blank, _ENVELOPE, _DETAILS)


def recall_of(connection: Connection, author: Author, event_id: str) -> RecallReport:
    """The recall with this id; raises Unknown where there is none, or none that the author may read.

    Overseers and the organisation that opened it see the whole scope; others their own batches, and what they have.
    """
    recall = standing_of(connection, seq_of(connection, author, event_id))
    if recall.event.kind != "recall":
        raise Unknown
    stored, event_id = recall.stored, recall.first_id
    is_whole = may_oversee(author) or author.organisation == stored.event.organisation
    scope = _scope(connection, author, event_id, is_whole=is_whole)
    if not is_whole:
        scope = tuple(_own_part(row, author.organisation) for row in scope)
    opened_on, calendar = beijing_date(recall.first_ms), _calendar(connection)
    updates = updates_of(connection, event_id, None if is_whole else author.organisation)
    start_by_ms, finish_by = _deadlines(recall.event.details["level"], recall.first_ms, updates, calendar)
    return RecallReport(
        event_id,
        stored.seq,
        body_of(connection, author, stored),
        recall.first_ms,
        start_by_ms,
        finish_by,
        {opened_on.year, finish_by.year} <= calendar.years,
        newest_level(recall.event.details["level"], updates),
        scope,
        _consignees(scope),
        recall.withdrawn_seq,
        is_whole,
        updates,
    )


def _deadlines(level: int, opened_ms: int, updates: Sequence[Update], calendar: Calendar) -> tuple[int, date]:
    """By when the recall starts and ends; one made more urgent counts anew from then, and is never given more time."""

    def counted(from_ms: int) -> tuple[int, date]:
        days = FINISH_WORKING_DAYS[level]
        return from_ms + START_HOURS[level] * HOUR_MS, calendar.after(beijing_date(from_ms), days)

    start_by_ms, finish_by = counted(opened_ms)
    for update in updates:
        if not update.is_of_conductor or update.level in (None, level):
            continue
        is_sharper, level = update.level < level, update.level
        if is_sharper:
            anew = counted(update.recorded_ms)
            start_by_ms, finish_by = min(start_by_ms, anew[0]), min(finish_by, anew[1])
        else:
            start_by_ms, finish_by = counted(opened_ms)
    return start_by_ms, finish_by


def running_recalls(connection: Connection, batch: str) -> tuple[Running, ...]:
    """The recalls that reach the batch and were not taken back: unfinished ones first, then those that recall it."""
    query = select(recall_scope.c.event_id, recall_scope.c.standing, recall_scope.c.seq).where(
        recall_scope.c.batch == batch, known_at(recall_scope, None)
    )
    rows = sorted(connection.execute(query), key=lambda row: (row.standing != "frozen", -row.seq))
    found = [
        Running(
            row.event_id,
            row.standing,
            newest_status(updates_of(connection, row.event_id, None)) == "finished",
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: each.is_finished))


def _calendar(connection: Connection) -> Calendar:
    state = State(connection)
    codes = state.edition_codes("holidays")
    state.register.load("code", codes)
    editions = [state.find_registered("edition", code) for code in codes]
    return parse_calendar(row for facts in editions if facts for row in facts["rows"])


def _scope(connection: Connection, author: Author, event_id: str, *, is_whole: bool) -> tuple[ScopeRow, ...]:
    """The rows as they stand, or stood when the recall was taken back."""
    query = (
        select(recall_scope.c.batch, recall_scope.c.standing, recall_scope.c.seq)
        .where(recall_scope.c.event_id == event_id)
        .order_by(recall_scope.c.standing, recall_scope.c.batch)
    )
    rows = list(connection.execute(query.where(known_at(recall_scope, None))))
    names = [row.batch for row in rows]
    own = set(names) if is_whole else own_batches(connection, author, names)
    names = [name for name in names if name in own]
    facts: dict[str, Any] = {}
    for start in range(0, len(names), 1000):
        found = select(batches).where(batches.c.batch.in_(names[start : start + 1000]))
        facts |= {row.batch: row for row in connection.execute(found)}
    held, sold = holdings_of(connection, names), sales_of(connection, names)
    recovered = recovered_of(connection, names)
    return tuple(
        ScopeRow(
            row.batch,
            row.standing,
            row.seq,
            facts[row.batch].product,
            facts[row.batch].organisation,
            held.get(row.batch, ()),
            sold.get(row.batch, ()),
            recovered.get(row.batch, ()),
        )
        for row in rows
        if row.batch in facts
    )


def _own_part(row: ScopeRow, own: str) -> ScopeRow:
    """The row with what one organisation itself holds and sold."""
    holdings = tuple(each for each in row.holdings if each.holder == own)
    sold = tuple(each for each in row.sold if each.seller == own)
    recovered = tuple(each for each in row.recovered if each.organisation == own)
    return replace(row, holdings=holdings, sold=sold, recovered=recovered)


def _consignees(scope: tuple[ScopeRow, ...]) -> tuple[Consignee, ...]:
    """Holders and sellers of the recalled goods; what is only under review upstream is not recalled."""
    amounts: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    named: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in scope:
        if row.standing == "upstream":
            continue
        for holding in row.holdings:
            key = (holding.holder, holding.dimension)
            amounts[key][holding.state] += holding.amount
            named[key].add(row.batch)
        for sale in row.sold:
            key = (sale.seller, sale.dimension)
            amounts[key]["sold"] += sale.amount
            named[key].add(row.batch)
        for back in row.recovered:
            key = (back.organisation, back.dimension)
            amounts[key][back.manner] += back.amount
            named[key].add(row.batch)
    return tuple(
        Consignee(
            organisation,
            dimension,
            tuple(sorted(named[organisation, dimension])),
            found["held"],
            found["transit"],
            found["sold"],
            found["returned"],
            found["disposed"],
        )
        for (organisation, dimension), found in sorted(amounts.items())
    )
