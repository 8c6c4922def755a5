"""What a result of an instrument's file is about: the sample or batch that a row names, or those it may mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select

from heji_trace.desks.choices import names_of, product_names, recorded_for, registered_facts
from heji_trace.desks.lookup import batches_named
from heji_trace.desks.suggestions import Suggestion
from heji_trace.judging.wording import day_of_year_said
from heji_trace.people.parties import Author
from heji_trace.rights.concern import OWNING_ROLES, WATCHERS
from heji_trace.sentences import isolated
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import batches, lines, samples, stock, tests
from heji_trace.vocabulary.times import beijing_date

_MOST = 12
_SHORTEST_NAME = 2
# The clock of an instrument may be wrong, and a harvest be told by its evening.
_SLACK_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Target:
    """A sample that was drawn before, or no sample yet, with the batches it is of."""

    sample: str | None
    batches: tuple[str, ...]


Reach = frozenset[str] | None
"""The organisations whose goods a result may be of; None for those of anybody."""


def reach_of(connection: Connection, author: Author, day: date) -> Reach:
    """Of whose goods an author may send results: a laboratory of anybody's, others of those it records tests for.

    What somebody else has is not to be learned from a file that names its codes, or its name.
    """
    if author.roles & WATCHERS:
        return None
    return frozenset(recorded_for(connection, author, day).get("testing", ()))


def find_target(connection: Connection, reach: Reach, text: str) -> Target | None:
    """What a sample's number, a batch or a scanned code names; None where that is nothing, or not one batch alone.

    What lies beyond the `reach` of who asks is nothing.
    """
    drawn = select(samples.c.target, samples.c.target_kind, samples.c.organisation).where(
        samples.c.sample == text, samples.c.withdrawn_seq.is_(None)
    )
    rows = connection.execute(drawn).all()
    drawn_of = tuple(row.target for row in rows if row.target_kind == "batch")
    if rows and (reach is None or rows[0].organisation in reach or _owned(connection, reach, drawn_of)):
        return Target(text, drawn_of)
    named = batches_named(connection, text)
    if reach is not None:
        named = [batch for batch in named if batch in _owned(connection, reach, named)]
    return Target(None, (named[0],)) if len(named) == 1 else None


def suggest_targets(
    connection: Connection,
    author: Author,
    reach: Reach,
    unit: str,
    sample_name: str,
    tested_ms: int,
    language: str,
) -> list[Suggestion]:
    """What a row may mean: the laboratory's own samples that await a result, then batches of the unit named.

    Batches of a product that is called like the sample come first, then those made last before the test; none that
    was made more than a day after it, and none of a unit beyond the author's `reach`.
    """
    found = _awaiting(connection, author)
    names = registered_facts(connection, "organisation").items()
    owners = [
        code
        for code, (_, data) in names
        if (reach is None or code in reach) and _is_called(unit, code, str(data["name"]))
    ]
    return [*found, *_batches(connection, owners, sample_name, tested_ms, language)][:_MOST]


def _owned(connection: Connection, reach: Collection[str], named: Collection[str]) -> set[str]:
    """Those of the batches that the organisations made, used, moved or were sent."""
    query = select(lines.c.batch).where(
        lines.c.batch.in_(named),
        lines.c.role.in_(OWNING_ROLES),
        or_(lines.c.holder.in_(reach), lines.c.to_organisation.in_(reach)),
        known_at(lines, None),
    )
    return set(connection.execute(query).scalars())


def _awaiting(connection: Connection, author: Author) -> list[Suggestion]:
    tested = select(tests.c.sample).where(tests.c.withdrawn_seq.is_(None))
    query = (
        select(samples.c.sample, samples.c.target)
        .where(
            samples.c.organisation == author.organisation,
            samples.c.withdrawn_seq.is_(None),
            samples.c.sample.not_in(tested),
        )
        .order_by(samples.c.seq.desc(), samples.c.sample)
        .limit(_MOST)
    )
    targets: dict[str, list[str]] = {}
    for sample, target in connection.execute(query):
        targets.setdefault(sample, []).append(target)
    return [Suggestion(sample, "、".join(named)) for sample, named in targets.items()]


def _is_called(unit: str, code: str, name: str) -> bool:
    """Whether a unit as an instrument's file names it may be this organisation: people shorten names."""
    if len(unit) < _SHORTEST_NAME:
        return False
    return unit == code or unit in name or name in unit


def _batches(
    connection: Connection, owners: Iterable[str], sample_name: str, tested_ms: int, language: str
) -> list[Suggestion]:
    held = select(stock.c.batch).where(stock.c.holder.in_(owners), stock.c.amount > 0)
    query = (
        select(batches.c.batch, batches.c.product, batches.c.organisation, batches.c.made_ms)
        .where(or_(batches.c.organisation.in_(owners), batches.c.batch.in_(held)))
        .where(batches.c.made_ms <= tested_ms + _SLACK_MS)
        .order_by(batches.c.made_ms.desc(), batches.c.made_seq.desc())
        .limit(5 * _MOST)
    )
    rows = connection.execute(query).all()
    called = product_names(connection, "zh", {row.product for row in rows if row.product})
    shown = product_names(connection, language, called)
    alike = sorted(rows, key=lambda row: sample_name not in called.get(row.product or "", ""))
    makers = names_of(connection, {row.organisation for row in rows})
    return [
        Suggestion(
            row.batch,
            " · ".join(
                isolated(part)
                for part in (
                    shown.get(row.product or "", ""),
                    makers.get(row.organisation, row.organisation),
                    day_of_year_said(beijing_date(row.made_ms))[language],
                )
                if part
            ),
        )
        for row in alike
    ]
