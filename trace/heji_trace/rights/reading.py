"""Reading rights: whose events and batches an author sees.

An organisation reads what it recorded, performed or was party to, and one step up and down from it: what the one who
sent it a batch did with that batch, and what the one whom it sent a batch to did with it. A laboratory reads what it
sampled or tested; a producer all tests of its own goods, other holders those that are reviewed and released.
Regulators and the operator read everything. All else is answered as if it did not exist.

Sealed values are shown to fewer people than the events themselves: see `heji_trace.rights.disclosure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, tuple_, union

from heji_trace.errors import Unknown
from heji_trace.ledger.ledger import Stored, read_stored
from heji_trace.people.parties import Author
from heji_trace.proving import canonical
from heji_trace.rights.concern import OWNING_ROLES
from heji_trace.rights.rights import may_oversee
from heji_trace.store.lineage import known_at
from heji_trace.store.tables import (
    accounts,
    batches,
    conditions,
    conformity,
    disclosures,
    edges,
    events,
    holds,
    lines,
    objections,
    recall_scope,
    recall_updates,
    register,
    samples,
    tests,
)

_AT_ONCE = 500
_LABORATORIES = frozenset({"laboratory", "third_party_laboratory"})


Window = Callable[[ColumnElement[Any]], ColumnElement[bool]]
"""A stretch of the ledger, or some places in it, as a condition on a column of places."""


def seq_of(connection: Connection, author: Author, event_id: str) -> int:
    """The place of an event that the author may read; raises Unknown."""
    seq: int | None = connection.execute(select(events.c.seq).where(events.c.event_id == event_id)).scalar()
    if seq is None or not readable_seqs(connection, author, [seq]):
        raise Unknown
    return seq


def read_event(connection: Connection, author: Author, event_id: str) -> Stored:
    """An event that the author may read, as it lies in the ledger; raises Unknown."""
    return read_stored(connection, [seq_of(connection, author, event_id)])[0]


def readable_seqs(connection: Connection, author: Author, seqs: Sequence[int]) -> set[int]:
    """Those of the places whose events the author may read."""
    if may_oversee(author):
        return set(seqs)
    found: set[int] = set()
    for start in range(0, len(seqs), _AT_ONCE):
        window = within(seqs[start : start + _AT_ONCE])
        query = select(events.c.seq).where(window(events.c.seq), is_readable(author, window))
        found.update(connection.execute(query).scalars())
    return found


def seqs_of(connection: Connection, author: Author, event_ids: Iterable[str]) -> dict[str, int]:
    """The places of those of the events that the author may read, by their ids."""
    listed, found = list(dict.fromkeys(event_ids)), dict[str, int]()
    for at in range(0, len(listed), _AT_ONCE):
        part = events.c.event_id.in_(listed[at : at + _AT_ONCE])
        query = select(events.c.event_id, events.c.seq).where(part)
        found |= {row.event_id: row.seq for row in connection.execute(query)}
    seen = readable_seqs(connection, author, list(found.values()))
    return {event_id: seq for event_id, seq in found.items() if seq in seen}


def within(seqs: Sequence[int]) -> Window:
    """These places."""
    return lambda column: column.in_(seqs)


def check_may_read_batch(connection: Connection, author: Author, batch: str) -> None:
    """Raise Unknown unless there is such a batch and the author had a part in it, or in one a step up or down."""
    if not readable_batches(connection, author, [batch]):
        raise Unknown


def readable_batches(connection: Connection, author: Author, asked: Sequence[str]) -> set[str]:
    """Those of the batches that exist and that the author may read."""
    return _chosen(connection, asked, None if may_oversee(author) else _is_near(author))


def own_batches(connection: Connection, author: Author, asked: Sequence[str]) -> set[str]:
    """Those of the batches in which the author's organisation had a part itself; for overseers all that exist."""
    return _chosen(connection, asked, None if may_oversee(author) else _has_part(author, batches.c.batch))


def _chosen(connection: Connection, asked: Sequence[str], condition: ColumnElement[bool] | None) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(asked), _AT_ONCE):
        query = select(batches.c.batch).where(batches.c.batch.in_(asked[start : start + _AT_ONCE]))
        if condition is not None:
            query = query.where(condition)
        found.update(connection.execute(query).scalars())
    return found


def is_said_by(author: Author) -> ColumnElement[bool]:
    """Events that the organisation answers for, performed or typed, of which it sees everything."""
    return or_(
        events.c.organisation == author.organisation,
        events.c.performed_by == author.organisation,
        events.c.actor.in_(own_accounts(author)),
    )


def own_accounts(author: Author) -> Select[Any]:
    """The accounts of the author's organisation, closed ones too."""
    return select(accounts.c.account).where(accounts.c.organisation == author.organisation)


def _own_goods(author: Author) -> ColumnElement[bool]:
    """Lines by which the organisation made, consumed, moved or was sent a batch; naming one gives no part in it."""
    own = author.organisation
    return and_(
        lines.c.role.in_(OWNING_ROLES),
        or_(lines.c.holder == own, lines.c.to_organisation == own),
        known_at(lines, None),
    )


def _has_part(author: Author, batch: ColumnElement[str]) -> ColumnElement[bool]:
    found = [select(lines.c.seq).where(lines.c.batch == batch, _own_goods(author)).exists()]
    found.append(
        select(events.c.seq)
        .join(lines, lines.c.seq == events.c.seq)
        .where(
            lines.c.batch == batch,
            lines.c.role.in_(OWNING_ROLES),
            events.c.performed_by == author.organisation,
        )
        .exists()
    )
    if author.roles & _LABORATORIES:
        sampled = select(samples.c.seq).where(samples.c.target == batch, _is_of_laboratory(author))
        found.append(sampled.exists())
    return or_(*found)


def _is_near(author: Author) -> ColumnElement[bool]:
    """A batch of one's own goods, one that went into such, or one that was made of what the organisation made.

    What another receiver made of the same goods is no step from here. A laboratory's reach ends at its samples.
    """
    source = batches.alias("source")
    up = select(edges.c.seq).where(
        edges.c.parent == batches.c.batch, known_at(edges, None), _has_goods(author, edges.c.child)
    )
    down = (
        select(edges.c.seq)
        .join(source, source.c.batch == edges.c.parent)
        .where(
            edges.c.child == batches.c.batch,
            known_at(edges, None),
            source.c.organisation == author.organisation,
        )
    )
    return or_(_has_part(author, batches.c.batch), up.exists(), down.exists())


def _has_goods(author: Author, batch: ColumnElement[str]) -> ColumnElement[bool]:
    return select(lines.c.seq).where(lines.c.batch == batch, _own_goods(author)).exists()


def _is_of_laboratory(author: Author) -> ColumnElement[bool]:
    tested = select(tests.c.sample).where(tests.c.laboratory == author.organisation)
    return or_(samples.c.organisation == author.organisation, samples.c.sample.in_(tested))


def is_readable(author: Author, window: Window) -> ColumnElement[bool]:
    """Whether the author may read an event in the window.

    One union of places; each part looks at the window alone, and beyond it only by an index.
    """
    own = author.organisation
    mandate = and_(register.c.kind == "mandate", register.c.data.contains(f'"to":"{own}"', autoescape=True))
    parts: list[Select[Any]] = [
        select(events.c.seq).where(is_said_by(author)),
        select(lines.c.seq).where(lines.c.to_organisation == own),
        select(register.c.seq).where(or_(register.c.organisation == own, mandate)),
        *_partners(own, window),
        *_collections(own, window),
        *_test_steps(author),
        *_beside_goods(author),
        select(holds.c.seq).where(_has_goods(author, holds.c.batch)),
        select(holds.c.released_seq).where(
            holds.c.released_seq.is_not(None), _has_goods(author, holds.c.batch)
        ),
        select(events.c.seq).where(
            events.c.kind.in_(("recall", "correction")),
            select(recall_scope.c.seq)
            .where(recall_scope.c.event_id == events.c.event_id, _has_goods(author, recall_scope.c.batch))
            .exists(),
        ),
    ]
    if "carrier" in author.roles:
        parts.append(_carried(own))
    return events.c.seq.in_(union(*(part.where(window(part.selected_columns[0])) for part in parts)))


def _partners(own: str, window: Window) -> list[Select[Any]]:
    """One step up and down: what sender or receiver of a batch did with that batch.

    Who sent and received is found once for the batches of the window: line by line, a batch that is taken from ten
    thousand times would be looked through as often.
    """
    sent, here = lines.alias("sent"), lines.alias("here")
    live = and_(
        sent.c.withdrawn_seq.is_(None), sent.c.batch.in_(select(here.c.batch).where(window(here.c.seq)))
    )
    senders = select(sent.c.batch, sent.c.holder).where(live, sent.c.to_organisation == own)
    receivers = select(sent.c.batch, sent.c.to_organisation).where(live, sent.c.holder == own)
    who = tuple_(lines.c.batch, lines.c.holder)
    return [
        select(lines.c.seq).where(who.in_(partners.distinct()), lines.c.role != "observed")
        for partners in (senders, receivers.where(sent.c.to_organisation.is_not(None)))
    ]


def _collections(own: str, window: Window) -> list[Select[Any]]:
    """The same where a collector took the goods without a shipping: maker and collector see each other's event."""
    taken, here = lines.alias("taken"), lines.alias("here")
    collected = (
        select(events.c.seq)
        .where(events.c.seq == taken.c.seq, events.c.kind == "collection", taken.c.role == "consumed")
        .exists()
    )
    is_own = select(batches.c.batch).where(batches.c.batch == taken.c.batch, batches.c.organisation == own)
    by_own = select(taken.c.batch).where(
        taken.c.holder == own, taken.c.batch.in_(select(here.c.batch).where(window(here.c.seq))), collected
    )
    return [
        select(taken.c.seq).where(is_own.exists(), collected),
        select(lines.c.seq).where(lines.c.role == "made", lines.c.batch.in_(by_own)),
    ]


def _beside_goods(author: Author) -> list[Select[Any]]:
    """Certificates and series of readings of one's goods, updates of recalls that reach them, objections to one's word."""
    reached = (
        select(recall_scope.c.seq)
        .where(recall_scope.c.event_id == recall_updates.c.recall, _has_goods(author, recall_scope.c.batch))
        .exists()
    )
    contradicted = (
        select(events.c.seq)
        .where(events.c.event_id == objections.c.target, events.c.organisation == author.organisation)
        .exists()
    )
    return [
        select(conformity.c.seq).where(_has_goods(author, conformity.c.batch)),
        select(conditions.c.seq).where(_has_goods(author, conditions.c.batch)),
        select(recall_updates.c.seq).where(reached),
        select(objections.c.seq).where(contradicted),
    ]


def _test_steps(author: Author) -> list[Select[Any]]:
    """Samples and results: all for the laboratory and for the producer, reviewed and released ones for holders."""
    own = author.organisation
    grown = or_(
        select(batches.c.batch)
        .where(batches.c.batch == samples.c.target, batches.c.organisation == own)
        .exists(),
        select(register.c.seq)
        .where(
            register.c.kind == "cycle",
            register.c.code == samples.c.target,
            register.c.organisation == own,
        )
        .exists(),
    )
    steps = select(tests.c.seq).join(samples, samples.c.sample == tests.c.sample)
    settled = and_(tests.c.status.in_(("reviewed", "final")), tests.c.released == 1)
    parts = [
        select(samples.c.seq).where(grown),
        steps.where(grown),
        steps.where(settled, _has_goods(author, samples.c.target)),
    ]
    if author.roles & _LABORATORIES:
        parts.append(select(tests.c.seq).where(tests.c.laboratory == own))
        parts.append(select(samples.c.seq).where(_is_of_laboratory(author)))
    return parts


def _carried(own: str) -> Select[Any]:
    """The shippings whose carrier this is: sealed, and so found by the value that lies beside the ledger."""
    named = select(disclosures.c.seq).where(
        disclosures.c.seq == events.c.seq,
        disclosures.c.pointer == "/details/carrier",
        disclosures.c.value == canonical.dump(own),
    )
    return select(events.c.seq).where(events.c.kind == "shipping", named.exists())
