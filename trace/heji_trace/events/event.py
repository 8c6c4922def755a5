"""An event as the core sees it: a parsed statement of what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from heji_trace.vocabulary.times import ms_of, parse_moment


@dataclass(frozen=True, slots=True)
class Line:
    """One batch among the inputs, outputs or moves of an event; `unit` is a code of `heji_trace.vocabulary.units`."""

    batch: str
    quantity: Decimal | None = None
    unit: str | None = None
    product: str | None = None
    site: str | None = None
    packages: int | None = None
    to_site: str | None = None
    to_organisation: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A statement whose shape is right; whether it makes sense, and who may say it, is judged elsewhere.

    `body` is exactly what is made canonical and hashed; the other fields are the same facts, easier to use.
    `occurred_at` stays as it was sent, `occurred_ms` is the same moment in milliseconds since 1970.
    """

    id: str
    kind: str
    occurred_at: str
    occurred_ms: int
    organisation: str
    body: dict[str, Any]
    ended_at: str | None
    performed_by: str | None
    site: str | None
    cycles: tuple[str, ...]
    inputs: tuple[Line, ...]
    outputs: tuple[Line, ...]
    moves: tuple[Line, ...]
    batches: tuple[str, ...]
    details: Mapping[str, Any]
    attachments: tuple[Mapping[str, str], ...]
    acknowledged: tuple[str, ...]
    note: str | None

    @property
    def ended_ms(self) -> int | None:
        """The end of what lasted, in milliseconds since 1970."""
        return None if self.ended_at is None else ms_of(parse_moment(self.ended_at))
