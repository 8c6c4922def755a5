"""How long the fault tests last: short with every change, long where `HEJI_LONG` is set (`./run long`)."""

from __future__ import annotations

import os

LONG = bool(os.environ.get("HEJI_LONG"))


def lasting(short: int, long: int) -> int:
    """The number for this run."""
    return long if LONG else short
