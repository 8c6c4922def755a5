"""One search box: what a text that was typed or scanned may name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, or_, select

from heji_trace.desks.choices import registered_facts
from heji_trace.errors import InvalidEvent
from heji_trace.identifiers.codes import Gs1, OwnCode, PhoneCode, parse_scan
from heji_trace.store.tables import batches, labels, samples, stock

_MOST = 50


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a search names: a batch, or an organisation; `label` is how else people know it."""

    kind: Literal["batch", "organisation"]
    code: str
    label: str = ""


def look_up(connection: Connection, text: str) -> list[Found]:
    """What a text names: exact identifiers and codes if there are any, else organisations whose name holds it.

    A text is a batch, a batch number, a trace code or telephone code, an address or bar code that carries one of
    these, a sample's number, an organisation's code or a part of its name.
    """
    text = text.strip()
    if not text:
        return []
    named = [Found("batch", batch) for batch in batches_named(connection, text)]
    named += [Found("batch", batch, text) for batch in _sampled(connection, text)]
    facts = registered_facts(connection, "organisation", [text])
    named += [Found("organisation", code, data["name"]) for code, (_, data) in facts.items()]
    if named:
        return list(dict.fromkeys(named))[:_MOST]
    return [
        Found("organisation", code, data["name"])
        for code, (_, data) in sorted(registered_facts(connection, "organisation").items())
        if text.casefold() in str(data["name"]).casefold()
    ][:_MOST]


def batches_named(connection: Connection, text: str) -> list[str]:
    """The batches of an identifier, a batch number, or a code that was scanned or read out."""
    return _printed(connection, text) or _scanned(connection, text)


def batches_beginning(connection: Connection, text: str, organisation: str | None = None) -> list[str]:
    """The newest batches whose identifier or number begins with a text; those that `organisation` made or has, if given.

    Whoever looks for the batch of a day remembers its beginning, and types it as the keyboard comes.
    """
    starts = [
        column.startswith(each, autoescape=True)
        for column in (batches.c.batch, batches.c.batch_number)
        for each in dict.fromkeys((text, text.upper()))
    ]
    query = select(batches.c.batch).where(or_(*starts))
    if organisation is not None:
        held = select(stock.c.batch).where(stock.c.holder == organisation)
        query = query.where((batches.c.organisation == organisation) | batches.c.batch.in_(held))
    return list(connection.execute(query.order_by(batches.c.made_seq.desc()).limit(_MOST)).scalars())


def _scanned(connection: Connection, text: str) -> list[str]:
    try:
        scan = parse_scan(text)
    except InvalidEvent:
        return []
    match scan:
        case OwnCode(trace_code):
            return _labelled(connection, labels.c.trace_code == trace_code)
        case PhoneCode(phone_code):
            return _labelled(connection, labels.c.phone_code == phone_code)
        case Gs1():
            code, batch = scan.find_trace_code(), scan.find("10")
            labelled = _labelled(connection, labels.c.trace_code == code) if code else []
            return labelled or (_printed(connection, batch) if batch else [])
        case _:
            return []


def _printed(connection: Connection, text: str) -> list[str]:
    query = select(batches.c.batch).where(or_(batches.c.batch == text, batches.c.batch_number == text))
    return list(connection.execute(query.order_by(batches.c.made_seq.desc()).limit(_MOST)).scalars())


def _labelled(connection: Connection, condition: ColumnElement[bool]) -> list[str]:
    query = select(labels.c.batch).where(condition, labels.c.withdrawn_seq.is_(None))
    return [batch for batch in connection.execute(query).scalars() if batch is not None]


def _sampled(connection: Connection, text: str) -> list[str]:
    query = select(samples.c.target).where(
        samples.c.sample == text, samples.c.target_kind == "batch", samples.c.withdrawn_seq.is_(None)
    )
    return list(connection.execute(query.distinct()).scalars())
