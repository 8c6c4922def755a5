"""The catalogue of the demonstration's pages: for each state a consumer can meet, the code that shows it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

from sqlalchemy import Connection, func, select

from heji_trace.errors import Misconfigured
from heji_trace.store.tables import events, labels
from heji_trace.vocabulary.times import beijing_date
from heji_web.demo.build import days_shifted
from heji_web.demo.shifting import shift_text
from heji_web.demo.uploads import read_diary


@dataclass(frozen=True, slots=True)
class State:
    """A state and the batch that shows it, as the input files name it; codes are those of the warnings there."""

    key: str
    batch: str
    level: str
    warnings: frozenset[str]
    lifted: frozenset[str]
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Page:
    """A state with the trace code of its page in one built county."""

    state: State
    trace_code: str


def read_states() -> tuple[State, ...]:
    """All states, as the catalogue lists them."""
    text = (files("heji_web.demo") / "states.toml").read_text("utf-8")
    return tuple(
        State(
            row["key"],
            row["batch"],
            row["level"],
            frozenset(row["warnings"]),
            frozenset(row.get("lifted", ())),
            row["zh"],
            row["en"],
        )
        for row in tomllib.loads(text)["state"]
    )


def pages_of(connection: Connection) -> tuple[Page, ...]:
    """The page of every state in a county that was built; raises Misconfigured for a log that is no such county."""
    days = _days_of(connection)
    codes = {
        batch: code
        for batch, code in connection.execute(
            select(labels.c.batch, labels.c.trace_code).where(labels.c.voided_seq.is_(None))
        )
        if batch is not None and code is not None
    }
    states = read_states()
    if any(shift_text(state.batch, days) not in codes for state in states):
        raise Misconfigured("not-the-demonstration")
    return tuple(Page(state, codes[shift_text(state.batch, days)]) for state in states)


def built_on(connection: Connection) -> date:
    """The day for which a county was built: what is fresh in it was fresh then."""
    return beijing_date(read_diary()[-1].recorded_ms) + timedelta(days=_days_of(connection) + 1)


def _days_of(connection: Connection) -> int:
    begun_ms = connection.execute(select(func.min(events.c.recorded_ms))).scalar()
    return 0 if begun_ms is None else days_shifted(begun_ms)
