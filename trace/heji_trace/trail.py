"""The way a batch came: what it was made from, of which batches it is only a part, and from which sources it is mixed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from heji_trace.lineage import Edge, ancestors, edges_within
from heji_trace.state import Row, State


@dataclass(frozen=True, slots=True)
class Trail:
    """A batch with everything it was made from.

    `base` are the batch and those it is only a split of, nearest first: what was found about them holds for it.
    `mixed_from` are the batches that went into the last of these, where it was mixed or processed.
    """

    batch: str
    rows: Mapping[str, Row]
    parents: Mapping[str, Sequence[Edge]]
    base: tuple[str, ...]

    @property
    def row(self) -> Row:
        """The batch's own row."""
        return self.rows[self.batch]

    @property
    def mixed_from(self) -> Sequence[Edge]:
        """The edges into the batch of `base` at which a pass no longer flows."""
        return self.parents.get(self.base[-1], ())


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the batches that something was mixed from are tested, and their share by weight.

    `share` is None where the amounts cannot be compared.
    """

    sources: int
    tested: int
    share: Fraction | None


def trail_of(state: State, batch: str) -> Trail:
    """The trail of a batch that stands in the ledger."""
    names = [batch, *(each for each in ancestors(state.connection, [batch]) if each != batch)]
    state.batches.load("batch", names)
    parents: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges_within(state.connection, names):
        parents[edge.child].append(edge)
    rows = {name: row for name in names if (row := state.find_batch(name))}
    return Trail(batch, rows, parents, _base(batch, parents))


def _base(batch: str, parents: Mapping[str, Sequence[Edge]]) -> tuple[str, ...]:
    base = [batch]
    while True:
        edges = parents.get(base[-1], ())
        sources = {edge.parent for edge in edges}
        if len(sources) != 1 or any(edge.flow != "split" for edge in edges) or sources & set(base):
            return tuple(base)
        base.append(sources.pop())


def coverage_of(trail: Trail, is_tested: Callable[[Sequence[str]], bool]) -> Coverage | None:
    """How far the sources behind a mixing or processing are tested; None for a batch that is all of one source.

    `is_tested` is asked for a source with all that it is only a split of. A source that is itself mixed and not
    tested is told by its own sources.
    """
    if not trail.mixed_from:
        return None
    found: dict[str, tuple[bool, Fraction | None]] = {}
    _weigh(trail, trail.mixed_from, Fraction(1), is_tested, found, {*trail.base})
    shares = [share for tested, share in found.values() if tested]
    known = all(share is not None for _, share in found.values())
    return Coverage(
        len(found), len(shares), sum((share or Fraction(0) for share in shares), Fraction(0)) if known else None
    )


def _weigh(
    trail: Trail,
    edges: Sequence[Edge],
    whole: Fraction | None,
    is_tested: Callable[[Sequence[str]], bool],
    found: dict[str, tuple[bool, Fraction | None]],
    above: set[str],
) -> None:
    amounts: dict[str, int] = defaultdict(int)
    for edge in edges:
        amounts[edge.parent] += edge.amount
    total = sum(amounts.values())
    comparable = len({edge.dimension for edge in edges}) == 1 and total > 0
    for parent, amount in amounts.items():
        share = whole * Fraction(amount, total) if comparable and whole is not None else None
        base = _base(parent, trail.parents)
        deeper = trail.parents.get(base[-1], ())
        if is_tested(base) or not deeper or above & set(base):
            tested, before = found.get(base[-1], (False, Fraction(0)))
            both = None if share is None or before is None else before + share
            found[base[-1]] = (tested or is_tested(base), both)
        else:
            _weigh(trail, deeper, share, is_tested, found, above | set(base))
