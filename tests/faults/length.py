"""How long the fault tests last: short with every change, long where `LONG_FAULTS` is set (`./run long`)."""

from __future__ import annotations

import os

LONG = bool(os.environ.get("LONG_FAULTS"))


def lasting(short: int, long: int) -> int:
    """The number for this run."""
    return long if LONG else short
