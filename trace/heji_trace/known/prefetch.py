"""What a group of events will ask of the state, read with one query per table."""

from __future__ import annotations

from collections.abc import Sequence

from heji_trace.events.event import Event
from heji_trace.known.state import Shelf, State, load_together

_EVENTS = ("shipping", "hold", "to", "of")


def prefetch(state: State, events: Sequence[Event]) -> None:
    """Read the rows around everything these events name; what is still missing later is read by itself."""
    batches = list(dict.fromkeys(batch for event in events for batch in batches_named(event)))
    cycles = list(dict.fromkeys(cycle for event in events for cycle in event.cycles))
    load_together(
        state.connection,
        [
            (state.events, "event_id", [each for event in events for each in events_named(event)]),
            (state.register, "code", [code for event in events for code in codes_named(event)]),
            (state.editions, "kind", ["edition"]),
            # Not the edges: a large batch has many, and only a warning that goes on to what was made of it asks for them.
            *((shelf, "batch", batches) for shelf in _of_batches(state)),
            (state.samples, "target", [*batches, *cycles]),
            (state.samples, "sample", [code for event in events for code in samples_named(event)]),
        ],
    )
    cycles += _cycles_of(state, batches)
    harvested = [cycle for event in events if not event.outputs for cycle in event.cycles]
    _prefetch_cycles(state, batches, cycles, harvested, _tested(events), _received(state, events))


def prefetch_batches(state: State, batches: Sequence[str]) -> None:
    """Read what is asked of batches when their warnings are settled, because something about them was taken back."""
    load_together(
        state.connection,
        [
            (state.editions, "kind", ["edition"]),
            *((shelf, "batch", batches) for shelf in _of_batches(state)),
            (state.warnings, "source", batches),
            (state.edges, "parent", batches),
            (state.edges, "child", batches),
            (state.samples, "target", batches),
        ],
    )
    _prefetch_cycles(state, batches, _cycles_of(state, batches), (), ())


def _of_batches(state: State) -> tuple[Shelf, ...]:
    return (
        state.batches,
        state.stock,
        state.warnings,
        state.holds,
        state.recall_scope,
        state.findings,
        state.harvests,
        state.conditions,
    )


def _cycles_of(state: State, batches: Sequence[str]) -> list[str]:
    return [row["cycle"] for batch in batches for row in state.harvests.of("batch", batch)]


def _prefetch_cycles(
    state: State,
    batches: Sequence[str],
    cycles: Sequence[str],
    harvested: Sequence[str],
    tested: Sequence[str],
    received: Sequence[str] = (),
) -> None:
    """What was done on cycles and seen at their sites, and the tests of what was drawn from them or from batches.

    Of batches that were received, where more of them is sent, what was moved.
    """
    load_together(
        state.connection,
        [
            (state.samples, "target", cycles),
            (state.register, "code", [*cycles, *state.judging_editions()]),
            (state.applications, "cycle", cycles),
            (state.cycle_sites, "cycle", cycles),
            (state.harvests, "cycle", harvested),
            (state.lines, "batch", received),
            (state.stock_changes, "batch", received),
        ],
    )
    sites = [row["site"] for cycle in cycles for row in state.cycle_sites.of("cycle", cycle)]
    drawn = samples_of(state, [*batches, *cycles])
    load_together(
        state.connection,
        [
            (state.samples, "sample", drawn),
            (state.tests, "sample", [*drawn, *tested]),
            (state.environment, "site", sites),
            (state.events, "seq", _judged_by(state, batches, cycles, tested)),
        ],
    )


def _judged_by(
    state: State, batches: Sequence[str], cycles: Sequence[str], tested: Sequence[str]
) -> list[int]:
    """The entries whose day decides: of the readings of batches, and of the samples of cycles and of what is tested."""
    rows = [row for batch in batches for row in state.conditions.of("batch", batch)]
    rows += [row for cycle in cycles for row in state.samples.of("target", cycle)]
    rows += [row for sample in tested for row in state.samples.of("sample", sample)]
    return [row["seq"] for row in rows]


def batches_named(event: Event) -> list[str]:
    """Every batch that the event names, in its envelope or its details."""
    named = [line.batch for line in (*event.inputs, *event.outputs, *event.moves)]
    named += event.batches
    for sample in event.details.get("samples", ()):
        named += [sample["batch"]] if "batch" in sample else []
        named += sample.get("composite_of", ())
    if isinstance(event.details.get("batch"), str):
        named.append(event.details["batch"])
    return named


def events_named(event: Event) -> list[str]:
    """The event's own id, and those it refers to."""
    referred = [event.details[name] for name in _EVENTS if isinstance(event.details.get(name), str)]
    erased = [row["event"] for row in event.details.get("values", ())]
    return [event.id, *referred, *erased, *event.details.get("corrects", ())]


def codes_named(event: Event) -> list[str]:
    """Every code of a register that the event names or registers."""
    lines = (*event.inputs, *event.outputs, *event.moves)
    named = [event.organisation, event.performed_by, event.site, *event.cycles]
    for line in lines:
        named += [line.product, line.site, line.to_site, line.to_organisation]
    for name in (
        "code",
        "number",
        "cycle",
        "organisation",
        "holder",
        "to",
        "laboratory",
        "carrier",
        "product",
        "instrument",
    ):
        if isinstance(event.details.get(name), str):
            named.append(event.details[name])
    return [code for code in named if code is not None]


def samples_named(event: Event) -> list[str]:
    """The samples that the event draws or states a result of."""
    return [*_tested([event]), *(sample["sample"] for sample in event.details.get("samples", ()))]


def samples_of(state: State, targets: Sequence[str]) -> list[str]:
    """The samples drawn from batches or cycles, of those already read."""
    return [row["sample"] for target in targets for row in state.samples.of("target", target)]


def _tested(events: Sequence[Event]) -> list[str]:
    return [event.details["sample"] for event in events if event.kind == "testing"]


def _received(state: State, events: Sequence[Event]) -> list[str]:
    """The batches sent to who holds some and waits for none: perhaps he received already what is sent here."""
    found = []
    for event in events:
        own = event.organisation if event.kind == "shipping" else None
        for line in event.moves if event.kind != "receiving" else ():
            rows = [
                row
                for row in state.stock.of("batch", line.batch)
                if row["holder"] == (line.to_organisation or own)
            ]
            waits = any(row["state"] == "transit" and row["amount"] > 0 for row in rows)
            if not waits and any(row["state"] == "held" for row in rows):
                found.append(line.batch)
    return found
