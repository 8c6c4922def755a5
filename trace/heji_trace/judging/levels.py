"""How loud each warning is, which of them reach what is made of the goods, and which stop the goods where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a warning is: for consumers and for regulators `red`, `orange`, `yellow`, `blue` or `none`."""

    consumer: str
    regulator: str


LEVELS: Mapping[str, Level] = MappingProxyType(
    {
        "TAMPERED": Level("red", "red"),
        "RECALLED": Level("red", "red"),
        "TEST_FAILED": Level("red", "red"),
        "INGREDIENT_FAILED": Level("red", "red"),
        "USE_BY_PASSED": Level("red", "red"),
        "ON_HOLD": Level("orange", "orange"),
        "RAPID_POSITIVE": Level("orange", "orange"),
        "PHI_VIOLATION": Level("orange", "orange"),
        "VET_WITHDRAWAL": Level("orange", "orange"),
        "BEST_BEFORE_PASSED": Level("orange", "orange"),
        "CERT_FALSE": Level("orange", "orange"),
        "COLD_CHAIN_SEVERE": Level("orange", "orange"),
        "ORIGIN_RISK": Level("orange", "orange"),
        "NEAR_EXPIRY": Level("yellow", "yellow"),
        "COLD_CHAIN_BREACH": Level("yellow", "yellow"),
        "NO_TEST": Level("yellow", "yellow"),
        "MIXED_LOT_UNCERTIFIED": Level("yellow", "yellow"),
        "NO_CERTIFICATE_OF_CONFORMITY": Level("yellow", "yellow"),
        "CERT_EXPIRED": Level("yellow", "yellow"),
        "CERT_UNVERIFIED": Level("yellow", "yellow"),
        "CHAIN_BROKEN": Level("yellow", "orange"),
        "TEST_OVERDUE": Level("yellow", "yellow"),
        "TEST_PENDING": Level("blue", "blue"),
        "PHI_UNPROVEN": Level("blue", "yellow"),
        "LATE_RECORD": Level("blue", "blue"),
        "COLD_CHAIN_GAP": Level("blue", "blue"),
        "TEST_SCOPE_GAP": Level("blue", "blue"),
        "MASS_BALANCE": Level("none", "red"),
        "OVER_CONSUMPTION": Level("none", "orange"),
        "HELD_MOVED": Level("none", "orange"),
        "UNDER_REVIEW": Level("none", "orange"),
        "RETURN_UNGIVEN": Level("none", "orange"),
        "COUNT_ABOVE": Level("none", "orange"),
        "OTHER_COMMODITY": Level("none", "orange"),
        "FRESHER_THAN_SOURCE": Level("none", "orange"),
        "COUNT_BELOW": Level("none", "yellow"),
        "INSTRUMENT_DUE": Level("none", "yellow"),
    }
)
LOUDNESS = ("none", "blue", "yellow", "orange", "red")

# What a batch made from the one concerned is warned about; its own tests and holds stay its own.
INHERITED: Mapping[str, str] = MappingProxyType(
    {
        "TEST_FAILED": "INGREDIENT_FAILED",
        "INGREDIENT_FAILED": "INGREDIENT_FAILED",
        "ON_HOLD": "ON_HOLD",
        "RAPID_POSITIVE": "RAPID_POSITIVE",
        "PHI_VIOLATION": "PHI_VIOLATION",
        "PHI_UNPROVEN": "PHI_UNPROVEN",
        "VET_WITHDRAWAL": "VET_WITHDRAWAL",
        "CHAIN_BROKEN": "CHAIN_BROKEN",
        "COLD_CHAIN_SEVERE": "COLD_CHAIN_SEVERE",
        "COLD_CHAIN_BREACH": "COLD_CHAIN_BREACH",
        "ORIGIN_RISK": "ORIGIN_RISK",
    }
)

# Warnings that tell how much somebody had, counted, used or made.
COUNTED = frozenset({"MASS_BALANCE", "OVER_CONSUMPTION", "RETURN_UNGIVEN", "COUNT_ABOVE", "COUNT_BELOW"})

# While one of these lives, goods stay where they are and no labels are issued.
STOPPING = frozenset({"RECALLED", "ON_HOLD", "RAPID_POSITIVE", "TEST_FAILED", "INGREDIENT_FAILED"})
