"""The kinds of event: one declaration each, from which parser, sealing, form, template and description follow."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from heji_trace.events.kinds import (
    control,
    growing,
    keeping,
    labelling,
    making,
    moving,
    registers,
    testing,
    upkeep,
)
from heji_trace.events.kinds.envelope import ALWAYS, ENVELOPE, PERMITTED
from heji_trace.events.kinds.fields import Field, Kind

__all__ = ["ALWAYS", "ENVELOPE", "KINDS", "PERMITTED", "Field", "Kind", "is_needed", "parts_of"]

_ALL = (
    registers.ORGANISATION,
    registers.SITE,
    registers.PRODUCT,
    registers.CERTIFICATE,
    registers.INSTRUMENT,
    registers.MANDATE,
    registers.EDITION,
    growing.PLANTING,
    growing.STOCKING,
    growing.FIELD_OPERATION,
    growing.INPUT_APPLICATION,
    growing.HARVEST,
    making.COLLECTION,
    making.GRADING,
    making.PROCESSING,
    making.PACKAGING,
    making.CONFORMITY_CERTIFICATE,
    testing.ENVIRONMENT_TEST,
    testing.SAMPLING,
    testing.TESTING,
    keeping.PRECOOLING,
    keeping.STORAGE,
    keeping.CONDITION,
    moving.SHIPPING,
    moving.RECEIVING,
    moving.SALE,
    moving.RETURN,
    moving.DISPOSAL,
    keeping.STOCK_COUNT,
    control.HOLD,
    control.RELEASE,
    control.RECALL,
    control.RECALL_UPDATE,
    control.OBJECTION,
    control.CORRECTION,
    labelling.LABEL_ISSUE,
    labelling.LABEL_BIND,
    labelling.LABEL_VOID,
    upkeep.ERASURE,
    upkeep.LOG_GAP,
)

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in _ALL})


def parts_of(kind: Kind) -> tuple[Field, ...]:
    """The parts of the envelope that events of `kind` may carry, in the envelope's order."""
    return tuple(
        part for name, part in ENVELOPE.items() if name in ALWAYS or name in PERMITTED or kind.uses(name)
    )


def is_needed(kind: Kind, part: str) -> bool:
    """Whether every event of `kind` must carry `part` of the envelope."""
    return part in ALWAYS or part in kind.needs
