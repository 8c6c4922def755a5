"""The warnings of one batch for those who work with it: all that is stored, lifted ones too, and what the date causes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from heji_trace.judging.levels import LEVELS, LOUDNESS
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.rights.disclosure import figures_withheld
from heji_trace.warnings.present import present_warnings


@dataclass(frozen=True, slots=True)
class StandingWarning:
    """One warning; `source` is the batch it comes from. Without `raised_seq` the date or an absence causes it.

    `cause_seq` is the entry that it rests on, `lifted_seq` the one that ended it.
    """

    code: str
    source: str
    cause_seq: int
    raised_seq: int | None
    lifted_seq: int | None
    data: Mapping[str, Any]


def standing_warnings(
    connection: Connection, author: Author, batch: str, now_ms: int
) -> list[StandingWarning]:
    """The warnings of a batch that the author may read: live ones first, each part by loudness.

    Of amounts that are not the author's to know nothing stands in `data`.
    """
    state = State(connection)
    found = [
        StandingWarning(
            row["code"],
            row["source"],
            row["cause_seq"],
            row["raised_seq"],
            row["lifted_seq"],
            json.loads(row["data"]),
        )
        for row in state.warnings.of("batch", batch)
    ]
    found += [
        StandingWarning(raised.code, batch, raised.cause_seq, None, None, raised.data)
        for raised in present_warnings(state, batch, now_ms)
    ]
    withheld = figures_withheld(connection, author, [(batch, each.code, each.cause_seq) for each in found])
    told = [
        replace(each, data={}) if (batch, each.code, each.cause_seq) in withheld else each for each in found
    ]
    return sorted(told, key=_order)


def _order(warning: StandingWarning) -> tuple[bool, int, str, int]:
    loudness = LOUDNESS.index(LEVELS[warning.code].regulator)
    return warning.lifted_seq is not None, -loudness, warning.code, warning.cause_seq
