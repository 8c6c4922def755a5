"""What anybody may know of a batch by its printed number alone: the product, and whether it is recalled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from heji_trace.dossier.registry import Registry
from heji_trace.judging.verdict import SHAPES, Verdict, warned
from heji_trace.judging.wording import Said, joined, said, say_warning
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Trust, prove
from heji_trace.store.tables import batches, warnings


@dataclass(frozen=True, slots=True)
class RecallStatus:
    """Product facts and recall status; `batch` as it was asked for, `batches` what it names in the ledger.

    `is_recalled` says whether one of them is recalled. Anybody may give a batch of his own this number: where batches of
    other makers bear it that are not recalled, the verdict says whose are.
    """

    gtin: str
    batch: str
    batches: tuple[str, ...]
    name: Said
    commodity: str | None
    net_content: str | None
    is_recalled: bool
    verdict: Verdict


def find_recall_status(connection: Connection, gtin: str, batch: str, trust: Trust) -> RecallStatus | None:
    """The status of the batch with this identifier or number, of the product with this GTIN (14 digits)."""
    named = or_(batches.c.batch == batch, batches.c.batch_number == batch)
    codes = connection.execute(select(batches.c.product).where(named).distinct()).scalars().all()
    registry = Registry(State(connection))
    registry.find(product=codes)
    evidence = prove(connection, registry.seqs(), trust)
    registry.open(evidence.entries)
    fitting = {code: facts for code in codes if _gtin_of(facts := registry.facts("product", code)) == gtin}
    if not fitting:
        return None
    # Only now: makers number their batches alike, and those of other products can be any number.
    meant = and_(named, batches.c.product.in_(fitting))
    query = select(batches.c.batch, batches.c.product, batches.c.organisation).where(meant)
    rows = connection.execute(query.order_by(batches.c.made_seq)).all()
    # Whoever takes over a number from a package comes behind the one who printed it.
    product = fitting[rows[0].product]
    recalled = _recalled(connection, meant)
    concerned = {row.organisation for row in rows if row.batch in recalled}
    spared = {row.organisation for row in rows} - concerned
    return RecallStatus(
        gtin,
        batch,
        tuple(row.batch for row in rows),
        {"zh": product["name"], "en": product.get("name_en", product["name"])},
        product.get("commodity"),
        product.get("net_content"),
        bool(recalled),
        _of_some(connection, concerned, spared, trust)
        if concerned and spared
        else _verdict(is_recalled=bool(recalled)),
    )


def _gtin_of(product: Mapping[str, Any]) -> str | None:
    """In fourteen digits; None, and not zeros, where the product has none."""
    gtin = product.get("gtin")
    return None if gtin is None else str(gtin).zfill(14)


def _recalled(connection: Connection, meant: ColumnElement[bool]) -> set[str]:
    query = select(warnings.c.batch).where(
        warnings.c.batch.in_(select(batches.c.batch).where(meant)),
        warnings.c.code == "RECALLED",
        warnings.c.lifted_seq.is_(None),
    )
    return set(connection.execute(query).scalars())


def _of_some(
    connection: Connection, concerned: Collection[str], spared: Collection[str], trust: Trust
) -> Verdict:
    """The verdict where the number is on goods of several makers, and those of some are recalled."""
    registry = Registry(State(connection))
    registry.find(organisation=[*concerned, *spared])
    registry.open(prove(connection, registry.seqs(), trust).entries)
    recalled, others = (
        joined([registry.organisation(code) for code in sorted(codes)]) for codes in (concerned, spared)
    )
    sentence = said("verdict-recalled-of-some", recalled=recalled, others=others)
    return Verdict("orange", SHAPES["orange"], said("word-check-maker"), sentence, "RECALLED")


def _verdict(*, is_recalled: bool) -> Verdict:
    if is_recalled:
        return warned("RECALLED", say_warning("RECALLED", {}))
    return Verdict("grey", SHAPES["grey"], said("word-not-recalled"), said("verdict-not-recalled"))
