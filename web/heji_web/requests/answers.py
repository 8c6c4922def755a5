"""What the API's answers share: receipts, events as a reader sees them, amounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from heji_trace.ledger.ledger import Stored, read_pointers
from heji_trace.proving.merkle import leaf_hash
from heji_trace.recording.recorder import Receipt
from heji_trace.rights.disclosure import shown_body
from heji_trace.tracing.tracing import Holding, Sold
from heji_trace.vocabulary.times import dump_ms
from heji_trace.vocabulary.units import AREA, COUNT, MASS, VOLUME, from_base
from heji_web.service.service import the_service

_UNITS = {MASS: "kg", VOLUME: "L", COUNT: "piece", AREA: "m2"}


def dump_receipt(receipt: Receipt, base_url: str | None = None) -> dict[str, Any]:
    """The receipt as the API answers it; `base_url` is the service's, for an answer that outlasts its request."""
    return {
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.hex(),
        "recorded_at": receipt.recorded_at,
        "event_id": receipt.event_id,
        "warnings": list(receipt.warnings),
        "proof_url": proof_url(receipt.event_id, base_url),
    }


def proof_url(event_id: str, base_url: str | None = None) -> str:
    """Where the proof of an event is served; the configured address, never what the request says."""
    return f"{base_url or the_service().settings.base_url}/api/v1/events/{event_id}/proof"


def dump_stored(
    stored: Stored, disclosed: Mapping[str, Any], withdrawn_seq: int | None, erased: Mapping[str, int]
) -> dict[str, Any]:
    """One entry as its reader sees it; `sealed` names what stays closed to him or was `erased`, and by which entry."""
    return {
        "seq": stored.seq,
        "entry_hash": leaf_hash(stored.entry).hex(),
        "recorded_at": dump_ms(stored.recorded_ms),
        "event": shown_body(stored.event, disclosed),
        "sealed": sorted(read_pointers(stored.record) - disclosed.keys()),
        "erased": erased,
        "withdrawn_by": withdrawn_seq,
        "proof_url": proof_url(stored.event.id),
    }


def dump_quantity(dimension: str, amount: int) -> dict[str, str]:
    """An amount as a decimal text with its unit: kg, L, piece or m2."""
    unit = _UNITS[dimension]
    return {"quantity": f"{from_base(dimension, amount, unit):f}", "unit": unit}


def dump_holdings(holdings: Iterable[Holding]) -> list[dict[str, Any]]:
    """What each has of a batch, held or on its way to him."""
    return [
        {"holder": each.holder, "state": each.state, **dump_quantity(each.dimension, each.amount)}
        for each in holdings
    ]


def dump_sold(sold: Sold) -> dict[str, Any]:
    """What left the chain by one sale."""
    return {
        "seq": sold.seq,
        "seller": sold.seller,
        "counterparty": sold.counterparty,
        "market": sold.market,
        **dump_quantity(sold.dimension, sold.amount),
    }
