"""Receipts for readers: entries with their proofs, and of their sealed values those that the reader may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from heji_trace.errors import Unknown
from heji_trace.events.erasable import find_field, is_erasable
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust, bundle_of
from heji_trace.ledger.ledger import Stored
from heji_trace.people.parties import Author
from heji_trace.proving import canonical
from heji_trace.proving.proof import Bundle, Disclosure
from heji_trace.rights.disclosure import colleagues, disclosed_values


def receipt_bundle(connection: Connection, author: Author, seq: int, trust: Trust) -> Bundle:
    """The receipt of a readable entry under the remembered head, with the values disclosed that are the author's.

    Raises Unknown for an entry beyond that head.
    """
    bundle = bundle_of(connection, [seq], trust)
    if not bundle.items:
        raise Unknown
    return _disclosing(connection, author, bundle, with_words=True)


def evidence_bundle(connection: Connection, author: Author, seqs: Iterable[int], trust: Trust) -> Bundle:
    """One receipt of many readable entries, to be handed on: amounts and codes are disclosed, words stay sealed.

    What people wrote in their own words (names, telephones, notes, prices) proves nothing of the way of the goods;
    each entry's own receipt gives it.
    """
    return _disclosing(connection, author, bundle_of(connection, seqs, trust), with_words=False)


def _disclosing(connection: Connection, author: Author, bundle: Bundle, *, with_words: bool) -> Bundle:
    actors = colleagues(connection, author)
    stored = ledger.read_stored(connection, [item.seq for item in bundle.items])
    items = tuple(
        replace(item, disclosed=_disclosed(connection, each, author, actors, with_words=with_words))
        for item, each in zip(bundle.items, stored, strict=True)
    )
    return replace(bundle, items=items)


def _disclosed(
    connection: Connection, stored: Stored, author: Author, actors: frozenset[str], *, with_words: bool
) -> tuple[Disclosure, ...]:
    shown = disclosed_values(stored, author, actors)
    return tuple(
        Disclosure(pointer, canonical.load(value), salt)
        for pointer, (salt, value) in sorted(ledger.read_disclosures(connection, stored.seq).items())
        if pointer in shown and (with_words or not _is_of_words(stored, pointer))
    )


def _is_of_words(stored: Stored, pointer: str) -> bool:
    field = find_field(stored.event.body, pointer)
    return field is None or is_erasable(field)
