"""The warnings of a batch as a consumer reads them: live and lifted, own and inherited, each once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.dossier.registry import Registry
from heji_trace.judging.facts import Raised
from heji_trace.judging.levels import LEVELS, LOUDNESS
from heji_trace.judging.readings import reading_of
from heji_trace.judging.wording import Said, day_said, said, same, say_warning, title_of
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Proved
from heji_trace.rights.concern import entrusted
from heji_trace.sentences import isolated
from heji_trace.store.gather import Row
from heji_trace.tracing.trail import Trail
from heji_trace.vocabulary.times import beijing_date

# What whoever writes down the number of a package can cause: that he received it unsent, sent it nowhere, was late.
_ANYBODY_S = ("CHAIN_BROKEN", "LATE_RECORD")
_NAMED_CAUSES = ("hold", "recall", "harvest", "input_application")


@dataclass(frozen=True, slots=True)
class Notice:
    """One warning; `source` is the batch it comes from where it is inherited.

    `since` is the Beijing day of its raising or, where the date or an absence causes it, the day that it is about (as
    of an expiry); `dated` says which of these in words. `entry` is seq + 1 of the entry that causes it.
    """

    code: str
    level: str
    title: Said
    sentence: Said
    source: str | None
    since: str
    dated: Said
    by: Said | None
    lifted: str | None
    lifted_words: Said | None
    entry: int


@dataclass(frozen=True, slots=True)
class StoredWarning:
    """A stored warning with the Beijing days of its raising and lifting."""

    row: Row
    since_ms: int
    lifted_ms: int | None

    @property
    def source(self) -> str | None:
        """The batch it is inherited from."""
        return None if self.row["source"] == self.row["batch"] else str(self.row["source"])


def stored_notices(state: State, trail: Trail) -> list[StoredWarning]:
    """The stored warnings that consumers may see, of each code and source the live one or else the last lifted."""
    found = [row for row in state.warnings.of("batch", trail.batch) if LEVELS[row["code"]].consumer != "none"]
    state.events.load("seq", {row["cause_seq"] for row in found})
    rows = sorted(
        (row for row in found if row["code"] not in _ANYBODY_S or _is_credible(state, trail, row)),
        key=lambda row: (row["lifted_seq"] is None, row["raised_seq"]),
    )
    newest = {(row["code"], row["source"]): row for row in rows}
    seqs = {row["raised_seq"] for row in newest.values()} | {row["lifted_seq"] for row in newest.values()}
    state.events.load("seq", seqs - {None})
    moments = {seq: event["recorded_ms"] for seq in seqs - {None} if (event := state.event_at(seq))}
    return [
        StoredWarning(row, moments.get(row["raised_seq"], 0), moments.get(row["lifted_seq"]))
        for row in newest.values()
    ]


def _is_credible(state: State, trail: Trail, warning: Row) -> bool:
    """Whether a warning rests on the word of somebody to whom the goods came hand to hand.

    Where they came otherwise to one who made the batch out of them, the gap is in its own chain, and every word counts.
    """
    source, cause = warning["source"], state.event_at(warning["cause_seq"])
    row = state.find_batch(source)
    if row is None or cause is None:
        return True
    users = {
        maker["organisation"]
        for name, maker in trail.rows.items()
        if any(edge.parent == source for edge in trail.parents(name))
    }
    trusted = entrusted(state, row)
    return cause["organisation"] in trusted or not users <= trusted


def notice_of(
    stored: StoredWarning, proved: Mapping[int, Proved], registry: Registry, *, public: bool
) -> Notice:
    """The notice of a stored warning, told by its cause where the public may see that (`public`)."""
    row = stored.row
    cause = proved.get(row["cause_seq"]) if public else None
    data = {**json.loads(row["data"]), **(_told_by(row["code"], cause) if cause else {})}
    by = None
    if cause is not None and cause.statement["kind"] in _NAMED_CAUSES:
        by = registry.organisation(cause.statement["organisation"])
    lifted = None if stored.lifted_ms is None else beijing_date(stored.lifted_ms)
    return Notice(
        row["code"],
        LEVELS[row["code"]].consumer,
        title_of(row["code"]),
        say_warning(row["code"], data, stored.source),
        stored.source,
        beijing_date(stored.since_ms).isoformat(),
        same(beijing_date(stored.since_ms).isoformat()),
        by,
        None if lifted is None else lifted.isoformat(),
        None if lifted is None else said("warning-lifted", date=day_said(lifted)),
        row["cause_seq"] + 1,
    )


def dated_notice(raised: Raised, proved: Mapping[int, Proved], today: str) -> Notice:
    """The notice of a warning that the date or an absence causes.

    Where it names no day that it is about, its cause was recorded on one; `today` is left for what cannot be proved.
    """
    cause = proved.get(raised.cause_seq)
    recorded_on = today if cause is None else beijing_date(cause.recorded_ms).isoformat()
    since = str(raised.data.get("date", recorded_on))
    about = raised.data.get("about")
    return Notice(
        raised.code,
        LEVELS[raised.code].consumer,
        title_of(raised.code),
        say_warning(raised.code, raised.data),
        None,
        since,
        said(f"date-{about}", date=since) if about else same(since),
        None,
        None,
        None,
        raised.cause_seq + 1,
    )


def sorted_notices(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """The loudest first."""
    codes = list(LEVELS)
    return tuple(
        sorted(
            notices,
            key=lambda notice: (-LOUDNESS.index(notice.level), codes.index(notice.code), notice.entry),
        )
    )


def _told_by(code: str, cause: Proved) -> dict[str, Any]:
    """What the cause's own public record adds to the sentence."""
    details: Mapping[str, Any] = cause.statement.get("details", {})
    if code == "RECALLED" and details.get("reason"):
        return {"variant": "reason", "reason": details["reason"]}
    if code == "TEST_FAILED":
        failed = _failed_reading(details.get("results", ()))
        if failed is not None:
            unit = isolated(failed.get("unit", ""))
            limit = failed.get("limit")
            return {
                "variant": "found" if limit is None else "value",
                "analyte": failed["analyte"],
                "value": f"{isolated(failed['value'])} {unit}".strip(),
                "limit": f"{limit} {unit}".strip(),
            }
    return {}


def _failed_reading(results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((row for row in results if reading_of(row, is_example=False).is_beyond), None)
