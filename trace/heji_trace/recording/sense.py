"""Sense: whether a well-formed event fits what is known.

`check` refuses what cannot be (an unknown batch, a second maker of the same batch, a moment in the future, an
intention that the state forbids). What looks wrong and may be true is found by `suspicions`: asked back once, then
recorded.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from heji_trace.effects import erasing
from heji_trace.effects.suspect import suspicions
from heji_trace.effects.suspicion import Suspicion
from heji_trace.errors import Conflict, InvalidEvent, Problem
from heji_trace.events.event import Event, Line
from heji_trace.events.schemas import event_of
from heji_trace.judging.editions import unreadable_rows
from heji_trace.judging.wording import day_said
from heji_trace.known.measures import measure, measure_known
from heji_trace.known.state import State
from heji_trace.recording import references
from heji_trace.recording.intentions import check_intention, mislabelled
from heji_trace.rights.releases import check_release
from heji_trace.vocabulary.times import BEIJING, beijing_midnight_ms, moment_of, ms_of, parse_moment
from heji_trace.vocabulary.units import unit_name

__all__ = ["AHEAD_MS", "Suspicion", "check", "suspicions"]

AHEAD_MS = 5 * 60 * 1000

# Moments of details that can only lie behind whoever states them.
_SAID_TO_BE_OVER = {
    "conformity_certificate": ("issued_at",),
    "testing": ("tested_at", "released_at"),
}


def check(state: State, event: Event, now_ms: int, withdrawn: frozenset[int] = frozenset()) -> None:
    """Raise InvalidEvent or Conflict for an event that cannot be recorded at all.

    `withdrawn` are entries that a correction takes back before this event, its replacement, takes their place.
    """
    problems = [
        *_future(event, now_ms),
        *_repeated(event),
        *references.unknown_codes(state, event),
        *references.unknown_batches(state, event),
        *references.unknown_events(state, event),
        *references.misplaced_moves(event),
        *references.readings_of_nothing(state, event),
        *references.misdescribed_certificate(state, event),
        *_untargeted(event),
        *_mislabelled(state, event),
        *(_unreadable(event) if event.kind == "edition" else ()),
        *(erasing.problems_of(state, event) if event.kind == "erasure" else ()),
    ]
    if problems:
        raise InvalidEvent(problems)
    problems += _other_dimensions(state, event, withdrawn)
    if problems:
        raise InvalidEvent(problems)
    _check_makers(state, event, withdrawn)
    check_intention(state, event, withdrawn)
    check_release(state, event, withdrawn)
    if event.kind == "correction":
        _check_replacement(state, event, now_ms)


def _future(event: Event, now_ms: int) -> list[Problem]:
    named = [("/occurred_at", event.occurred_at, event.occurred_ms)]
    if event.ended_at is not None and event.ended_ms is not None:
        named.append(("/ended_at", event.ended_at, event.ended_ms))
    named += [
        (f"/details/readings/{at}/at", reading["at"], ms_of(parse_moment(reading["at"])))
        for at, reading in enumerate(event.details.get("readings", ()))
    ]
    if event.kind == "certificate" and "checked_at" in event.details:
        checked: str = event.details["checked_at"]
        named.append(("/details/checked_at", checked, beijing_midnight_ms(date.fromisoformat(checked))))
    for name in _SAID_TO_BE_OVER.get(event.kind, ()):
        stated: str | None = event.details.get(name)
        if stated is not None:
            named.append((f"/details/{name}", stated, ms_of(parse_moment(stated))))
    return [
        Problem(pointer, "in-the-future", {"at": moment, **_moment_told(ms)})
        for pointer, moment, ms in named
        if ms > now_ms + AHEAD_MS
    ]


def _moment_told(ms: int) -> dict[str, str]:
    """A moment as people in Beijing read it on a clock and in a calendar."""
    moment = moment_of(ms).astimezone(BEIJING)
    day = day_said(moment.date())
    return {"day_zh": day["zh"], "day_en": day["en"], "clock": f"{moment:%H:%M}"}


def _repeated(event: Event) -> list[Problem]:
    """A batch is made once in an event, and a sample drawn once: two lines of one could only contradict each other."""
    named = [(f"/outputs/{at}/batch", "batch-twice", line.batch) for at, line in enumerate(event.outputs)]
    named += [
        (f"/details/samples/{at}/sample", "sample-twice", sample["sample"])
        for at, sample in enumerate(event.details.get("samples", ()))
    ]
    first = {(code, name): pointer for pointer, code, name in reversed(named)}
    problems = [
        Problem(pointer, code, {"name": name})
        for pointer, code, name in named
        if first[code, name] != pointer
    ]
    consumed = {line.batch for line in event.inputs}
    return problems + [
        Problem(f"/outputs/{at}/batch", "batch-out-of-itself", {"name": line.batch})
        for at, line in enumerate(event.outputs)
        if line.batch in consumed
    ]


def _untargeted(event: Event) -> list[Problem]:
    """A sample that is bound to nothing could be bound to anything afterwards."""
    if event.kind != "sampling" or event.batches or event.cycles:
        return []
    return [
        Problem(f"/details/samples/{at}", "sample-without-target", {"sample": sample["sample"]})
        for at, sample in enumerate(event.details["samples"])
        if not (sample.get("batch") or sample.get("cycles") or sample.get("composite_of"))
    ]


def _unreadable(event: Event) -> list[Problem]:
    """Of an edition the rows that nothing can be judged by."""
    return list(unreadable_rows(event.details["table"], event.details["rows"]))


def _mislabelled(state: State, event: Event) -> list[Problem]:
    if event.kind != "label_issue" or not event.details.get("batch"):
        return []
    return mislabelled(state, "/details/product", event.details["batch"], event.details["product"])


def _other_dimensions(state: State, event: Event, withdrawn: frozenset[int]) -> list[Problem]:
    rejected = [
        Line(item["batch"], Decimal(item["quantity"]), item["unit"])
        for item in event.details.get("rejected", ())
        if event.kind == "receiving"
    ]
    problems: list[Problem] = []
    for part, lines in (
        ("inputs", event.inputs),
        ("outputs", event.outputs),
        ("moves", event.moves),
        ("details/rejected", rejected),
    ):
        for at, line in enumerate(lines):
            try:
                dimension, _ = (
                    measure(state, line, line.product)
                    if part == "outputs" or _opens(state, line, withdrawn)
                    else measure_known(state, line)
                )
            except InvalidEvent as error:
                problems += [
                    Problem(f"/{part}/{at}/quantity", problem.code, problem.names)
                    for problem in error.problems
                ]
                continue
            known = _dimensions_of(state, line, withdrawn)
            if part != "outputs" and known and dimension not in known:
                names = {
                    f"unit_{each}": unit_name(line.unit, each) if line.unit else "" for each in ("zh", "en")
                }
                problems.append(Problem(f"/{part}/{at}/unit", "unit-of-another-kind", names))
    return problems


def _opens(state: State, line: Line, withdrawn: frozenset[int]) -> bool:
    """Whether the line says anew what its batch is, since nobody else's word for it stands."""
    row = state.find_batch(line.batch)
    return (
        row is not None
        and line.product is not None
        and (row["kind"] == "withdrawn" or row["made_seq"] in withdrawn)
    )


def _dimensions_of(state: State, line: Line, withdrawn: frozenset[int]) -> set[str]:
    """In what the batch is measured: of one that is opened anew, in what others still have of it."""
    amounts = {
        (row["holder"], row["state"], row["dimension"]): row["amount"]
        for row in state.stock.of("batch", line.batch)
    }
    if not _opens(state, line, withdrawn):
        return {dimension for _, _, dimension in amounts}
    for row in state.stock_changes.of("batch", line.batch):
        if row["seq"] in withdrawn:
            amounts[row["holder"], row["state"], row["dimension"]] -= row["amount"]
    return {dimension for (_, _, dimension), amount in amounts.items() if amount}


def _check_replacement(state: State, event: Event, now_ms: int) -> None:
    corrected = state.corrected_by(event)
    for row in corrected:
        if row["withdrawn_seq"] is not None:
            raise Conflict("already-corrected", event_id=row["event_id"])
        if row["kind"] == "erasure":
            raise Conflict("erasure-not-undone", event_id=row["event_id"])
    replacement = event.details.get("replacement")
    if replacement is None:
        return
    if state.events.of("event_id", replacement["id"]) and replacement["id"] not in event.details["corrects"]:
        raise Conflict("replacement-id-taken", id=replacement["id"])
    try:
        check(state, event_of(replacement), now_ms, frozenset(row["seq"] for row in corrected))
    except InvalidEvent as error:
        raise InvalidEvent(
            [
                Problem(f"/details/replacement{problem.pointer}", problem.code, problem.names)
                for problem in error.problems
            ]
        ) from error


def _check_makers(state: State, event: Event, withdrawn: frozenset[int]) -> None:
    for line in event.outputs:
        row = state.find_batch(line.batch)
        if row is not None and not row["unknown_origin"] and row["made_seq"] not in withdrawn:
            raise Conflict("batch-already-made", batch=line.batch)
    if event.kind in ("planting", "stocking"):
        cycle = event.details["cycle"]
        opened = [row for row in state.register.of("code", cycle) if row["kind"] == "cycle"]
        if any(row["seq"] not in withdrawn for row in opened):
            raise Conflict("cycle-already-open", cycle=cycle)
    if event.kind in ("site", "product", "certificate", "instrument", "mandate"):
        _check_owner(state, event)
    for sample in event.details.get("samples", ()):
        # Drawn once: a second drawing under the code would carry the result over to other goods.
        drawn = state.samples.of("sample", sample["sample"])
        if any(row["seq"] not in withdrawn for row in drawn):
            raise Conflict("sample-already-drawn", sample=sample["sample"])


def _check_owner(state: State, event: Event) -> None:
    """A code of the registers belongs to who registered it first; only the operator changes it for others."""
    code = event.details.get("code") or event.details.get("number")
    rows = [row for row in state.register.of("code", code) if row["kind"] == event.kind]
    if rows and rows[0]["organisation"] not in (event.organisation, _owner_named(event)):
        operator = state.find_registered("organisation", event.organisation) or {}
        # Not even the operator speaks for others by a mandate that they gave.
        if event.kind == "mandate" or "operator" not in operator.get("roles", ()):
            raise Conflict("code-of-another", code=code)


def _owner_named(event: Event) -> str | None:
    owner: str | None = event.details.get("organisation") or event.details.get("holder")
    return owner if owner == event.organisation else None
