"""What records are about, in a few words each: a list of them is told apart by that and not by a code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, select

from heji_trace.desks import choices
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import Stored, read_stored
from heji_trace.people.parties import Author
from heji_trace.rights import reading
from heji_trace.sentences import isolated
from heji_trace.store.tables import batches
from heji_web.events import naming
from heji_web.events.described import kind_name
from heji_web.requests.languages import language

_MOST_NAMED = 3
_NAMING = ("to", "hold", "recall", "run")


def batches_of(event: Event) -> list[str]:
    """The batches that an event names, or that the one names which it puts in another's place, in its own order."""
    said = stated(event)
    lines = (*said.outputs, *said.inputs, *said.moves)
    named = [*(line.batch for line in lines), *said.batches, said.details.get("batch")]
    return [batch for batch in dict.fromkeys(named) if isinstance(batch, str)]


def subjects_of(connection: Connection, author: Author, records: Sequence[Stored]) -> dict[int, str]:
    """What each record is about, by its place in the ledger: goods, else cycles or a name, else the record it names."""
    own = _own_subjects(connection, author, records)
    named = _named(connection, author, [stored for stored in records if not own[stored.seq]])
    about = _own_subjects(connection, author, [each for of in named.values() for each in of])
    return own | {
        seq: _joined(" ".join([_kind(each), about[each.seq]]).strip() for each in of)
        for seq, of in named.items()
    }


def _named(connection: Connection, author: Author, records: Sequence[Stored]) -> dict[int, list[Stored]]:
    """The records that each takes back, objects to or goes on with, as far as their reader may read them."""
    said = {stored.seq: _ids(stated(stored.event))[: _MOST_NAMED + 1] for stored in records}
    # What the reader may not read is left out, as if it were not there.
    seqs = reading.seqs_of(connection, author, (event_id for ids in said.values() for event_id in ids))
    found = {stored.seq: stored for stored in read_stored(connection, sorted(set(seqs.values())))}
    return {
        seq: [found[each] for each in sorted({seqs[event_id] for event_id in ids if event_id in seqs})]
        for seq, ids in said.items()
    }


def _ids(said: Event) -> list[str]:
    named = [*said.details.get("corrects", ()), *(said.details.get(name) for name in _NAMING)]
    return [event_id for event_id in named if isinstance(event_id, str)]


def _kind(stored: Stored) -> str:
    return kind_name(KINDS[stated(stored.event).kind], language())


def _own_subjects(connection: Connection, author: Author, records: Sequence[Stored]) -> dict[int, str]:
    said = {stored.seq: stated(stored.event) for stored in records}
    goods = {seq: batches_of(event) for seq, event in said.items()}
    cycles = {seq: _cycles(event) for seq, event in said.items()}
    called = naming.names_of_codes(
        connection, author, {"cycle": {each for of in cycles.values() for each in of}}
    )
    products = products_of(connection, {batch for of in goods.values() for batch in of})
    # Labels that no batch was named for are still those of a product.
    labelled = {seq: event.details["product"] for seq, event in said.items() if event.kind == "label_issue"}
    sorts = choices.product_names(connection, language(), set(labelled.values()))
    return {
        seq: _joined(f"{isolated(products.get(batch, ''))} {batch}".strip() for batch in goods[seq])
        or isolated(sorts.get(labelled.get(seq, ""), ""))
        or _joined([*_name(event), *(isolated(called["cycle"].get(each, each)) for each in cycles[seq])])
        for seq, event in said.items()
    }


def _cycles(event: Event) -> list[str]:
    named = event.details.get("cycle")
    return [*event.cycles, *([named] if isinstance(named, str) else [])]


def _name(event: Event) -> list[str]:
    """What is used, registered or tested under a name or number of its own."""
    drawn = event.details.get("samples")
    rows = drawn if isinstance(drawn, list) else []
    named = [event.details.get("name"), event.details.get("sample"), *(row.get("sample") for row in rows)]
    return [isolated(each) for each in named if isinstance(each, str)]


def products_of(connection: Connection, codes: Iterable[str]) -> Mapping[str, str]:
    """What batches are of, by the names of their products in the reader's language."""
    rows = connection.execute(select(batches.c.batch, batches.c.product).where(batches.c.batch.in_(codes)))
    made = {batch: product for batch, product in rows if product is not None}
    names = choices.product_names(connection, language(), set(made.values()))
    return {batch: names[product] for batch, product in made.items() if product in names}


def _joined(parts: Iterable[str]) -> str:
    told = list(parts)
    shown = told[:_MOST_NAMED] + (["…"] if len(told) > _MOST_NAMED else [])
    return ("、" if language() == "zh" else ", ").join(shown)
