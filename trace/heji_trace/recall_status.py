"""What anybody may know of a batch by its printed number alone: the product, and whether it is recalled."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from heji_trace.evidence import Trust, prove
from heji_trace.gather import Row
from heji_trace.registry import Registry
from heji_trace.state import State
from heji_trace.tables import batches, warnings
from heji_trace.verdict import SHAPES, Verdict, warned
from heji_trace.wording import Said, said, say_warning

_AT_MOST = 20


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
    named = (
        batches.select().where(or_(batches.c.batch == batch, batches.c.batch_number == batch)).limit(_AT_MOST)
    )
    rows = [dict(row) for row in connection.execute(named).mappings()]
    registry = Registry(State(connection))
    registry.find(product=[row["product"] for row in rows])
    evidence = prove(connection, registry.seqs(), trust)
    registry.open(evidence.entries)
    fitting = [
        row
        for row in rows
        if str(registry.facts("product", row["product"]).get("gtin", "")).zfill(14) == gtin
    ]
    if not fitting:
        return None
    product = registry.facts("product", fitting[0]["product"])
    is_recalled = _is_recalled(connection, fitting)
    return RecallStatus(
        gtin,
        batch,
        tuple(row["batch"] for row in fitting),
        {"zh": product["name"], "en": product.get("name_en", product["name"])},
        product.get("commodity"),
        product.get("net_content"),
        is_recalled,
        _verdict(is_recalled=is_recalled),
    )


def _is_recalled(connection: Connection, rows: list[Row]) -> bool:
    query = select(warnings.c.code).where(
        warnings.c.batch.in_([row["batch"] for row in rows]),
        warnings.c.code == "RECALLED",
        warnings.c.lifted_seq.is_(None),
    )
    return connection.execute(query).first() is not None


def _verdict(*, is_recalled: bool) -> Verdict:
    if is_recalled:
        return warned("RECALLED", say_warning("RECALLED", {}))
    return Verdict("grey", SHAPES["grey"], said("word-not-recalled"), said("verdict-not-recalled"))
