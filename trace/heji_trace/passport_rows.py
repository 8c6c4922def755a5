"""What stands in the read tables about a batch, found before its records are proved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from heji_trace import canonical
from heji_trace.errors import InvalidEvent
from heji_trace.gather import Row
from heji_trace.journey import Way, way_of
from heji_trace.notices import StoredWarning, stored_notices
from heji_trace.registry import Registry
from heji_trace.results import SampleRows, awaited_facts, limit_editions, sample_rows
from heji_trace.state import State
from heji_trace.tables import entries, events, labels, tests
from heji_trace.trail import Trail, trail_of
from heji_trace.uses import MOST_TOLD, FoundUse, found_uses

PUBLIC_STATUSES = ("reviewed", "final")


@dataclass(frozen=True, slots=True)
class Found:
    """The rows behind a page, and the entries that it rests on.

    `cited` may be shown to anybody; `checked` are proved too, but may hold what is not public.
    """

    label: Row
    trail: Trail
    way: Way
    samples: Sequence[SampleRows]
    stored: Sequence[StoredWarning]
    uses: Sequence[FoundUse]
    registry: Registry
    certificates: Sequence[str]
    holders: frozenset[str]
    cited: frozenset[int]
    checked: frozenset[int]


def find_label(connection: Connection, code: str) -> Row | None:
    """The run of labels with this trace code or telephone code, withdrawn ones included."""
    column = labels.c.phone_code if code.isdecimal() and len(code) == 10 else labels.c.trace_code
    row = connection.execute(select(labels).where(column == code)).mappings().first()
    return None if row is None else dict(row)


def standing_of(label: Row | None) -> str:
    """What a code leads to: "bound", "unknown", "void" or "unbound"."""
    if label is None:
        return "unknown"
    if label["withdrawn_seq"] is not None or label["voided_seq"] is not None:
        return "void"
    return "bound" if label["batch"] else "unbound"


def find_rows(state: State, label: Row) -> Found:
    """Collect what the page of the label's batch rests on."""
    connection = state.connection
    registry = Registry(connection)
    trail = trail_of(state, label["batch"])
    way = way_of(state, trail, registry)
    samples = sample_rows(state, trail.base)
    stored = stored_notices(state, trail.batch)
    uses = found_uses(state, list(trail.rows))
    told = uses[:MOST_TOLD]
    results = {row["seq"] for each in samples for row in each.public}
    causes = {each.row["cause_seq"] for each in stored}
    awaited = {fact.seq for fact in awaited_facts(samples)}
    lifts = {each.row["lifted_seq"] for each in stored} - {None}
    cited = {label["seq"], trail.row["made_seq"], *way.cited, *results, *(each.use.seq for each in told)}
    cited |= {label["bound_seq"]} - {None}
    cited |= _public(connection, causes)
    holders = _look_up(connection, registry, trail, label, cited)
    certificates = registry.find_held(holders)
    return Found(
        label,
        trail,
        way,
        samples,
        stored,
        uses,
        registry,
        certificates,
        holders,
        frozenset(cited | set(registry.seqs())),
        frozenset(causes | lifts | awaited),
    )


def _public(connection: Connection, seqs: Collection[int]) -> set[int]:
    """Those entries that anybody may see: all but results that are not reviewed, or official and not released."""
    results = select(tests.c.seq).where(tests.c.seq.in_(seqs))
    hidden = results.where(~(tests.c.status.in_(PUBLIC_STATUSES) & (tests.c.released == 1)))
    return set(seqs) - set(connection.execute(hidden).scalars())


def _look_up(
    connection: Connection, registry: Registry, trail: Trail, label: Row, cited: Collection[int]
) -> frozenset[str]:
    """Find the registered facts that the entries name; the organisations that can hold a certificate for the batch."""
    registry.find("product", [trail.row["product"]])
    rows = connection.execute(
        select(events.c.organisation, events.c.site).where(events.c.seq.in_({*cited, *registry.seqs()}))
    ).all()
    makers = {row["organisation"] for row in trail.rows.values()}
    product_seq = registry.seq("product", trail.row["product"] or "")
    owner = connection.execute(select(events.c.organisation).where(events.c.seq == product_seq)).scalar()
    laboratories = connection.execute(select(tests.c.laboratory).where(tests.c.seq.in_(cited))).scalars()
    registry.find("site", [*(row.site for row in rows), *(row["site"] for row in trail.rows.values())])
    registry.find("organisation", {*(row.organisation for row in rows), *makers, *laboratories})
    registry.find("organisation", [label["organisation"]])
    registry.find("edition", _editions(connection, cited))
    return frozenset({*makers, owner} - {None})


def _editions(connection: Connection, cited: Collection[int]) -> list[str]:
    """The editions that the results name; read unproved, as it only decides which further entry to prove."""
    query = select(entries.c.record).join(tests, tests.c.seq == entries.c.seq).where(tests.c.seq.in_(cited))
    named = []
    for record in connection.execute(query).scalars():
        try:
            named += limit_editions(canonical.load(record))
        except InvalidEvent:
            continue  # what does not read is told when it is proved
    return named
