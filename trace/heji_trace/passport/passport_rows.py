"""What stands in the read tables about a batch, found before its records are proved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from heji_trace.dossier.registry import Registry
from heji_trace.dossier.results import SampleRows, awaited_facts, limit_editions, sample_rows
from heji_trace.dossier.uses import MOST_TOLD, FoundUse, found_uses
from heji_trace.errors import InvalidEvent
from heji_trace.known.state import State
from heji_trace.passport.journey import Way, way_of
from heji_trace.proving import canonical
from heji_trace.store.gather import Asked, Row, read_rows
from heji_trace.store.prepared import Prepared, among
from heji_trace.store.tables import entries, labels, tests
from heji_trace.tracing.trail import Trail, trail_of
from heji_trace.warnings.notices import StoredWarning, stored_notices

PUBLIC_STATUSES = ("reviewed", "final")

_RECORDS = Prepared(select(entries.c.record).where(among(entries.c.seq, "seqs")))
# A warning that was lifted may be caused by a result that was withdrawn, and which nobody was to see.
_EVERY_TEST = Asked(tests, "seq", live_only=False)


@dataclass(frozen=True, slots=True)
class Found:
    """The rows behind a page, and the entries that it rests on.

    `cited` may be shown to anybody; `checked` are proved too, but may hold what is not public. `firsts` are, by the
    entry of a correction in the journey, the entries that said first what it corrects.
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
    firsts: Mapping[int, int]
    cited: frozenset[int]
    checked: frozenset[int]


def find_label(connection: Connection, code: str) -> Row | None:
    """The run of labels with this trace code or telephone code, withdrawn ones included."""
    column = "phone_code" if code.isdecimal() and len(code) == 10 else "trace_code"
    [rows] = read_rows(connection, [(Asked(labels, column, live_only=False), [code])])
    return rows[0] if rows else None


def standing_of(label: Row | None) -> str:
    """What a code leads to: "bound", "unknown", "void" or "unbound"."""
    if label is None:
        return "unknown"
    if label["withdrawn_seq"] is not None or label["voided_seq"] is not None:
        return "void"
    return "bound" if label["batch"] else "unbound"


def find_rows(state: State, label: Row) -> Found:
    """Collect what the page of the label's batch rests on."""
    trail = trail_of(state, label["batch"])
    registry = Registry(state)
    way = way_of(state, trail, registry)
    samples = sample_rows(state, trail.base)
    uses = found_uses(state, list(trail.rows))
    results = [row for each in samples for row in each.public]
    cited = {label["seq"], trail.row["made_seq"], *way.cited, *(row["seq"] for row in results)}
    cited |= {each.use.seq for each in uses[:MOST_TOLD]} | {label["bound_seq"]} - {None}
    registry.find(product=[trail.row["product"]])
    _read_events(state, trail, cited | set(registry.seqs()))
    firsts = {seq: row["rank"] for seq in way.cited if (row := state.event_at(seq)) and row["rank"] != seq}
    stored = stored_notices(state, trail)
    causes = {each.row["cause_seq"] for each in stored}
    tested = _tests_at(state.connection, causes)
    hidden = {row["seq"] for row in tested if row["status"] not in PUBLIC_STATUSES or row["released"] != 1}
    cited |= causes - hidden
    results += [row for row in tested if row["seq"] not in hidden]
    holders = _look_up(state, registry, trail, label, cited, results)
    certificates = registry.held_by(holders)
    registry.find(certificate=certificates)
    lifts = {each.row["lifted_seq"] for each in stored} - {None}
    awaited = {fact.seq for fact in awaited_facts(samples)}
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
        firsts,
        frozenset(cited | set(registry.seqs())),
        frozenset({*causes, *lifts, *awaited, *firsts.values()}),
    )


def _read_events(state: State, trail: Trail, seqs: Collection[int]) -> None:
    """Read the events of these entries, and of those that the stored warnings of the batch name."""
    named = ("cause_seq", "raised_seq", "lifted_seq")
    warned = [row[name] for row in state.warnings.of("batch", trail.batch) for name in named]
    state.events.load("seq", [*seqs, *(seq for seq in warned if seq is not None)])


def _tests_at(connection: Connection, seqs: Collection[int]) -> list[Row]:
    """The steps of testing among these entries, withdrawn ones included."""
    return read_rows(connection, [(_EVERY_TEST, list(seqs))])[0] if seqs else []


def _look_up(
    state: State,
    registry: Registry,
    trail: Trail,
    label: Row,
    cited: Collection[int],
    results: Sequence[Row],
) -> frozenset[str]:
    """Find the registered facts that the entries name; the organisations that can hold a certificate for the batch."""
    product_seq = registry.seq("product", trail.row["product"] or "")
    owner = state.event_at(product_seq) if product_seq is not None else None
    events = [row for seq in {*cited, *registry.seqs()} if (row := state.event_at(seq))]
    makers = set(trail.makers)
    registry.find(
        site=[row["site"] for row in (*events, *trail.rows.values())],
        organisation=[
            *(row["organisation"] for row in events),
            *makers,
            *(row["laboratory"] for row in results),
            label["organisation"],
        ],
    )
    registry.find_editions(_editions(state.connection, {row["seq"] for row in results}))
    return frozenset(makers if owner is None else {*makers, owner["organisation"]})


def _editions(connection: Connection, seqs: Collection[int]) -> set[str]:
    """The editions that the results name; read unproved, as it only decides which further entry to prove."""
    named: set[str] = set()
    for record in _RECORDS.run(connection, seqs=list(seqs)).scalars() if seqs else ():
        try:
            named.update(limit_editions(canonical.load(record)))
        except InvalidEvent:
            continue  # what does not read is told when it is proved
    return named
