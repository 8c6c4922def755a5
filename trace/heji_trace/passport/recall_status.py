"""What anybody may know of a batch by its printed number alone: the product, and whether it is recalled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, or_, select

from heji_trace.dossier.registry import Registry
from heji_trace.judging.verdict import SHAPES, Verdict, warned
from heji_trace.judging.wording import Said, said, say_warning
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Trust, prove
from heji_trace.store.tables import batches, warnings


@dataclass(frozen=True, slots=True)
class RecallStatus:
    """Product facts and recall status; `batch` as it was asked for, `batches` what it names in the ledger."""

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
    meant = select(batches.c.batch).where(named, batches.c.product.in_(fitting))
    product = next(iter(fitting.values()))
    is_recalled = _is_recalled(connection, meant)
    return RecallStatus(
        gtin,
        batch,
        tuple(connection.execute(meant.order_by(batches.c.made_seq)).scalars()),
        {"zh": product["name"], "en": product.get("name_en", product["name"])},
        product.get("commodity"),
        product.get("net_content"),
        is_recalled,
        _verdict(is_recalled=is_recalled),
    )


def _gtin_of(product: Mapping[str, Any]) -> str | None:
    """In fourteen digits; None, and not zeros, where the product has none."""
    gtin = product.get("gtin")
    return None if gtin is None else str(gtin).zfill(14)


def _is_recalled(connection: Connection, meant: Select[tuple[str]]) -> bool:
    query = select(warnings.c.code).where(
        warnings.c.batch.in_(meant), warnings.c.code == "RECALLED", warnings.c.lifted_seq.is_(None)
    )
    return connection.execute(query).first() is not None


def _verdict(*, is_recalled: bool) -> Verdict:
    if is_recalled:
        return warned("RECALLED", say_warning("RECALLED", {}))
    return Verdict("grey", SHAPES["grey"], said("word-not-recalled"), said("verdict-not-recalled"))
