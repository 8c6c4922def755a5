"""The way a batch came: what it was made from, of which batches it is only a part, and from which sources it is mixed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from operator import itemgetter

from heji_trace.known.state import State, load_together
from heji_trace.rights.concern import entrusted
from heji_trace.store.gather import Row
from heji_trace.store.lineage import Edge, ancestors


@dataclass(frozen=True)
class Ancestry:
    """Batches and everything they were made from, read together: `parents` are the edges that end in each.

    What a batch gathers from above is worked out for all at once: batch by batch, a chain of ten thousand would be
    walked ten thousand times.
    """

    rows: Mapping[str, Row]
    parents: Mapping[str, Sequence[Edge]]

    @cached_property
    def makers(self) -> Mapping[str, Collection[str]]:
        """The organisations that made each batch and what it was made from."""
        return self._gathered("organisation")

    @cached_property
    def kinds(self) -> Mapping[str, Collection[str]]:
        """The kinds of event that made each batch and what it was made from."""
        return self._gathered("kind")

    def _gathered(self, column: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for name, row in self.rows.items():
            found[name].add(row[column])
        children: dict[str, list[str]] = defaultdict(list)
        for child, edges in self.parents.items():
            for edge in edges:
                children[edge.parent].append(child)
        waiting = deque(found)
        while waiting:
            parent = waiting.popleft()
            for child in children[parent]:
                if not found[parent] <= found[child]:
                    found[child] |= found[parent]
                    waiting.append(child)
        return found


@dataclass(frozen=True)
class Trail:
    """A batch with everything it was made from, a part of what was read together."""

    batch: str
    ancestry: Ancestry

    @property
    def row(self) -> Row:
        """The batch's own row."""
        return self.ancestry.rows[self.batch]

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """The rows of all that it was made from, the batch itself first."""
        reached, waiting = {self.batch}, [self.batch]
        while waiting:
            for edge in self.parents(waiting.pop()):
                if edge.parent not in reached:
                    reached.add(edge.parent)
                    waiting.append(edge.parent)
        own, rows = [self.batch, *sorted(reached - {self.batch})], self.ancestry.rows
        return {name: rows[name] for name in own if name in rows}

    @cached_property
    def base(self) -> tuple[str, ...]:
        """The batch and those it is only a split of, nearest first: what was found about them holds for it."""
        return tuple(_walk_base(self.batch, self.ancestry.parents))

    @property
    def makers(self) -> Collection[str]:
        """The organisations that made it and what it was made from."""
        return self.ancestry.makers[self.batch]

    @property
    def kinds(self) -> Collection[str]:
        """The kinds of event that made it and what it was made from."""
        return self.ancestry.kinds[self.batch]

    def parents(self, batch: str) -> Sequence[Edge]:
        """The edges that end in a batch of the trail."""
        return self.ancestry.parents.get(batch, ())


@dataclass(frozen=True, slots=True)
class Move:
    """A line of the event of entry `seq` that moved, kept, returned or sold a batch, with what the event says of it."""

    seq: int
    role: str
    holder: str
    to_organisation: str | None
    kind: str
    occurred_ms: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the batches that something was mixed from are tested, and their share by weight, 0 to 1.

    `share` is None where the amounts cannot be compared.
    """

    sources: int
    tested: int
    share: float | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What one parent contributes to a mixture; `mixture` is the one it stands for, None for a source."""

    parent: str
    share: float | None
    mixture: str | None


def trail_of(state: State, batch: str) -> Trail:
    """The trail of a batch that stands in the ledger; what its passport asks further is read with it, table by table."""
    return Trail(batch, read_ancestry(state, [batch]))


def read_ancestry(state: State, batches: Sequence[str]) -> Ancestry:
    """What many batches were made from, read together."""
    wanted = dict.fromkeys(batches)
    names = [*wanted, *(each for each in ancestors(state.connection, wanted) if each not in wanted)]
    load_together(
        state.connection,
        [
            *((shelf, "batch", names) for shelf in (state.batches, state.harvests, state.conformity)),
            *((shelf, "batch", wanted) for shelf in (state.warnings, state.conditions)),
            (state.edges, "child", names),
            (state.samples, "target", names),
            (state.editions, "kind", ["edition"]),
        ],
    )
    rows = {name: row for name in names if (row := state.find_batch(name))}
    parents = {
        name: [_edge(row) for row in found] for name in names if (found := state.edges.of("child", name))
    }
    _read_behind(state, rows, _bases(wanted, parents))
    return Ancestry(rows, parents)


def moves_of(state: State, batches: Sequence[str], roles: Collection[str] = ("moved",)) -> list[Move]:
    """How the batches moved, in ledger order: the lines in these roles, of those whom the goods came to hand to hand.

    Anybody can say that he sold or stored what a package names. It stands on record, and says nothing about the whole.
    """
    lines = [row for batch in batches for row in _trusted_lines(state, batch) if row["role"] in roles]
    state.events.load("seq", [row["seq"] for row in lines])
    return [
        Move(
            row["seq"],
            row["role"],
            row["holder"],
            row["to_organisation"],
            event["kind"],
            event["occurred_ms"],
        )
        for row in sorted(lines, key=itemgetter("seq"))
        if (event := state.event_at(row["seq"]))
    ]


def _trusted_lines(state: State, batch: str) -> list[Row]:
    row = state.find_batch(batch)
    trusted = entrusted(state, row) if row else set()
    return [line for line in state.lines.of("batch", batch) if line["holder"] in trusted]


def coverage_of(trail: Trail, is_tested: Callable[[Sequence[str]], bool]) -> Coverage | None:
    """How far the sources behind a mixing or processing are tested; None for a batch that is all of one source.

    `is_tested` is asked for a source together with all that it is only a split of. A source that is itself mixed and
    not tested is told by its own sources.
    """
    top = trail.base[-1]
    if not trail.parents(top):
        return None
    mixtures, tested = _mixtures(trail, top, is_tested)
    shares = _shares(mixtures, top)
    sources = {part.parent for parts in mixtures.values() for part in parts if part.mixture is None}
    known = [shares[source] for source in sources if source in tested]
    return Coverage(
        len(sources), len(known), None if None in shares.values() else sum(share or 0 for share in known)
    )


def _read_behind(state: State, rows: Mapping[str, Row], base: Collection[str]) -> None:
    """Read what was grown, used, drawn and tested for the batches of trails, and how those of their base moved."""
    cycles = [row["cycle"] for name in rows for row in state.harvests.of("batch", name)]
    named = [row[column] for row in rows.values() for column in ("product", "organisation", "site")]
    load_together(
        state.connection,
        [
            (state.register, "code", [*cycles, *state.judging_editions(), *filter(None, named)]),
            (state.applications, "cycle", cycles),
            (state.samples, "target", cycles),
            (state.lines, "batch", base),
        ],
    )
    samples = [row["sample"] for each in (*rows, *cycles) for row in state.samples.of("target", each)]
    moves = [row["seq"] for batch in base for row in state.lines.of("batch", batch)]
    load_together(
        state.connection,
        [(state.samples, "sample", samples), (state.tests, "sample", samples), (state.events, "seq", moves)],
    )


def _edge(row: Row) -> Edge:
    return Edge(**{field.name: row[field.name] for field in fields(Edge)})


def _bases(batches: Iterable[str], parents: Mapping[str, Sequence[Edge]]) -> Collection[str]:
    """The batches with all that they are only splits of, each walked once."""
    found: dict[str, None] = {}
    for batch in batches:
        for name in _walk_base(batch, parents):
            if name in found:
                break
            found[name] = None
    return found


def _walk_base(batch: str, parents: Mapping[str, Sequence[Edge]]) -> Iterator[str]:
    at, seen = batch, {batch}
    while True:
        yield at
        edges = parents.get(at, ())
        sources = {edge.parent for edge in edges}
        if len(sources) != 1 or any(edge.flow != "split" for edge in edges) or sources & seen:
            return
        at = sources.pop()
        seen.add(at)


def _mixtures(
    trail: Trail, top: str, is_tested: Callable[[Sequence[str]], bool]
) -> tuple[dict[str, list[_Part]], set[str]]:
    """The mixtures behind `top`, each once and by its parts, and the sources among the parts that are tested."""
    mixtures: dict[str, list[_Part]] = {}
    tested: set[str] = set()
    waiting = [top]
    while waiting:
        mixture = waiting.pop()
        if mixture in mixtures:
            continue
        mixtures[mixture] = []
        for parent, share in _weights(trail.parents(mixture)).items():
            base = Trail(parent, trail.ancestry).base
            is_source = is_tested(base)
            if is_source:
                tested.add(parent)
            below = None if is_source or not trail.parents(base[-1]) else base[-1]
            mixtures[mixture].append(_Part(parent, share, below))
            waiting += [below] if below else []
    return mixtures, tested


def _weights(edges: Sequence[Edge]) -> dict[str, float | None]:
    """The share of each parent; None where the amounts are of different kinds."""
    amounts: dict[str, int] = defaultdict(int)
    for edge in edges:
        amounts[edge.parent] += edge.amount
    total = sum(amounts.values())
    if len({edge.dimension for edge in edges}) != 1 or total <= 0:
        return dict.fromkeys(amounts)
    return {parent: amount / total for parent, amount in amounts.items()}


def _shares(mixtures: Mapping[str, Sequence[_Part]], top: str) -> dict[str, float | None]:
    """The share of each source in `top`; None where one cannot be told, as behind a loop of returns."""
    graph = {name: {part.mixture for part in parts if part.mixture} for name, parts in mixtures.items()}
    try:
        order = [*TopologicalSorter(graph).static_order()][::-1]
    except CycleError:
        return {part.parent: None for parts in mixtures.values() for part in parts if not part.mixture}
    whole: dict[str, float | None] = dict.fromkeys(order, 0.0)
    whole[top] = 1.0
    shares: dict[str, float | None] = {}
    for name in order:
        for part in mixtures[name]:
            into = whole if part.mixture else shares
            key = part.mixture or part.parent
            before, above = into.get(key, 0.0), whole[name]
            known = before is not None and above is not None and part.share is not None
            into[key] = before + above * part.share if known else None  # type: ignore[operator]
    return shares
