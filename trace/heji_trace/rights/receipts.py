"""Receipts for readers: one entry with its proof, and of its sealed values those that the reader may see."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from heji_trace.errors import Unknown
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust, bundle_of
from heji_trace.people.parties import Author
from heji_trace.proving import canonical
from heji_trace.proving.proof import Bundle, Disclosure
from heji_trace.rights.reading import colleagues, disclosed_values


def receipt_bundle(connection: Connection, author: Author, seq: int, trust: Trust) -> Bundle:
    """The receipt of a readable entry under the remembered head, with the values disclosed that are the author's.

    Raises Unknown for an entry beyond that head.
    """
    bundle = bundle_of(connection, [seq], trust)
    if not bundle.items:
        raise Unknown
    [stored] = ledger.read_stored(connection, [seq])
    shown = disclosed_values(stored, author, colleagues(connection, author))
    disclosed = tuple(
        Disclosure(pointer, canonical.load(value), salt)
        for pointer, (salt, value) in sorted(ledger.read_disclosures(connection, seq).items())
        if pointer in shown
    )
    return replace(bundle, items=(replace(bundle.items[0], disclosed=disclosed),))
