"""Intentions: what is not yet a fact and can be refused, such as labels for a batch that is held or recalled."""

from __future__ import annotations

from heji_trace.errors import Conflict, InvalidEvent, Problem
from heji_trace.events.event import Event
from heji_trace.judging.levels import STOPPING
from heji_trace.judging.wording import told
from heji_trace.known.state import State


def check_intention(state: State, event: Event, withdrawn: frozenset[int]) -> None:
    """Raise Conflict for an intention that the state forbids, InvalidEvent where what it is about is unknown.

    What the entries of `withdrawn` brought about, which a correction takes back, forbids nothing.
    """
    if event.kind in ("label_issue", "label_bind") and event.details.get("batch"):
        _check_not_stopped(state, event.details["batch"])
    if event.kind in ("label_bind", "label_void"):
        _check_run(state, event, withdrawn)
    if event.kind == "release":
        _check_release(state, event, withdrawn)


def _check_not_stopped(state: State, batch: str) -> None:
    stopped = sorted({live["code"] for live in state.live_warnings(batch)} & STOPPING)
    if stopped:
        raise Conflict("labels-for-a-stopped-batch", **told({"batch": batch, "codes": ", ".join(stopped)}))


def _check_run(state: State, event: Event, withdrawn: frozenset[int]) -> None:
    """A code is bound once, for its own product, and nothing follows when it is void."""
    run = event.details["run"]
    rows = state.labels.of("run", run)
    if not rows:
        raise InvalidEvent([Problem("/details/run", "unknown-label-run", {"run": run})])
    [row] = rows
    if _stands(row["voided_seq"], withdrawn):
        raise Conflict("label-already-void", run=run)
    if event.kind == "label_void":
        return
    if row["batch"] is not None and row["bound_seq"] not in withdrawn:
        raise Conflict("label-already-bound", batch=row["batch"])
    if problems := mislabelled(state, "/details/batch", event.details["batch"], row["product"]):
        raise InvalidEvent(problems)


def mislabelled(state: State, pointer: str, batch: str, product: str) -> list[Problem]:
    """What is wrong at `pointer` where labels of a product are to go on a batch: a label names the batch's own product."""
    row = state.find_batch(batch)
    if row is None or row["product"] in (None, product):
        return []
    names: dict[str, object] = {"batch": batch}
    for word, code in (("made", row["product"]), ("labelled", product)):
        registered = state.find_registered("product", code) or {}
        names[f"{word}_zh"] = registered.get("name") or code
        names[f"{word}_en"] = registered.get("name_en") or registered.get("name") or code
    return [Problem(pointer, "label-of-another-product", names)]


def _check_release(state: State, event: Event, withdrawn: frozenset[int]) -> None:
    holds = state.holds.of("event_id", event.details["hold"])
    if not holds:
        raise InvalidEvent([Problem("/details/hold", "unknown-hold", {"hold": event.details["hold"]})])
    organisation = state.find_registered("organisation", event.organisation) or {}
    if event.organisation != holds[0]["organisation"] and "regulator" not in organisation.get("roles", ()):
        raise Conflict("release-by-another", holder=holds[0]["organisation"])
    if all(_stands(hold["released_seq"], withdrawn) for hold in holds):
        raise Conflict("already-released", hold=event.details["hold"])


def _stands(seq: int | None, withdrawn: frozenset[int]) -> bool:
    return seq is not None and seq not in withdrawn
