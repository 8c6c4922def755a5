"""Sense: whether a well-formed event fits what is known.

`check` refuses what cannot be (an unknown batch, a second maker of the same batch, a moment in the future, an
intention that the state forbids). `suspicions` finds what looks wrong and may be true: asked back once, then recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from heji_trace.errors import Conflict, InvalidEvent, Problem, Question
from heji_trace.event import Event, Line
from heji_trace.releases import check_release
from heji_trace.rules import STOPPING, ApplicationFact, HarvestFact, waiting_warnings
from heji_trace.schemas import event_of
from heji_trace.settle import application_facts, crop_of
from heji_trace.state import State
from heji_trace.units import to_base
from heji_trace.wording import told

AHEAD_MS = 5 * 60 * 1000
OPENING_KINDS = frozenset({"receiving", "collection"})

# Suspicions that become stored findings; the others are warnings that follow from the facts by themselves.
FINDINGS = frozenset({"OVER_CONSUMPTION", "HELD_MOVED", "MASS_BALANCE"})


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something about one batch that looks wrong, under the code of the warning that it will cause."""

    code: str
    batch: str
    data: dict[str, Any] = field(default_factory=dict)

    def question(self) -> Question:
        """What the recorder is asked."""
        return Question(self.code, {"batch": self.batch, **told(self.data)})


def measure(state: State, line: Line, product: str | None) -> tuple[str, int]:
    """Dimension and amount of a line, by the product's own unit conversions where it has some."""
    asked = (line.quantity, line.unit, product)
    if asked not in state.measured:
        facts = state.find_registered("product", product) if product else None
        conversions = {
            step["unit"]: (Decimal(step["equals"]), step["of"])
            for step in (facts or {}).get("conversions", ())
        }
        state.measured[asked] = to_base(line.quantity or Decimal(0), line.unit or "", conversions)
    return state.measured[asked]


def measure_known(state: State, line: Line) -> tuple[str, int]:
    """Dimension and amount of a line about a batch that stands in the ledger, or is opened by this line."""
    row = state.find_batch(line.batch)
    return measure(state, line, row["product"] if row else line.product)


def giver_of(state: State, event: Event, line: Line) -> str:
    """Whose stock an input comes out of: in a collection the maker's, where the collector has none."""
    if event.kind == "collection" and not state.held_stock(line.batch, event.organisation):
        row = state.find_batch(line.batch)
        if row is not None:
            maker: str = row["organisation"]
            return maker
    return event.organisation


def check(state: State, event: Event, now_ms: int, withdrawn: frozenset[int] = frozenset()) -> None:
    """Raise InvalidEvent or Conflict for an event that cannot be recorded at all.

    `withdrawn` are entries that a correction takes back before this event, its replacement, takes their place.
    """
    problems = [
        *_future(event, now_ms),
        *_repeated(event),
        *_unregistered(state, event),
        *_unknown_batches(state, event),
        *_untargeted(event),
        *_mislabelled(state, event),
    ]
    if problems:
        raise InvalidEvent(problems)
    problems += _other_dimensions(state, event)
    if problems:
        raise InvalidEvent(problems)
    _check_makers(state, event, withdrawn)
    _check_intention(state, event)
    check_release(state, event)
    if event.kind == "correction":
        _check_replacement(state, event, now_ms)


def suspicions(state: State, event: Event) -> list[Suspicion]:
    """What looks wrong about an event that passed `check`, in the order of its lines."""
    found: list[Suspicion] = []
    if event.kind in OPENING_KINDS:
        named = [*event.inputs, *event.moves]
        found += [
            Suspicion("UNKNOWN_ORIGIN", line.batch) for line in named if state.find_batch(line.batch) is None
        ]
    found += _over_consumption(state, event)
    found += _held(state, event)
    found += _imbalance(state, event)
    found += _waiting(state, event)
    return found


def _future(event: Event, now_ms: int) -> list[Problem]:
    if event.occurred_ms > now_ms + AHEAD_MS:
        return [Problem("/occurred_at", "in-the-future", {"at": event.occurred_at})]
    return []


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


def _unregistered(state: State, event: Event) -> list[Problem]:
    named: list[tuple[str, str, str | None]] = [
        ("/organisation", "organisation", event.organisation),
        ("/performed_by", "organisation", event.performed_by),
        ("/site", "site", event.site),
    ]
    named += [(f"/cycles/{at}", "cycle", cycle) for at, cycle in enumerate(event.cycles)]
    for part, lines in (("inputs", event.inputs), ("outputs", event.outputs), ("moves", event.moves)):
        for at, line in enumerate(lines):
            named.append((f"/{part}/{at}/product", "product", line.product))
            named.append((f"/{part}/{at}/site", "site", line.site))
            named.append((f"/{part}/{at}/to_site", "site", line.to_site))
            named.append((f"/{part}/{at}/to_organisation", "organisation", line.to_organisation))
    for name, kind in _DETAIL_CODES.get(event.kind, ()):
        named.append((f"/details/{name}", kind, event.details.get(name)))
    own = event.details.get("code") if event.kind == "organisation" else None
    problems = [
        Problem(pointer, f"unknown-{kind}", {"code": code})
        for pointer, kind, code in named
        if code is not None and code != own and state.find_registered(kind, code) is None
    ]
    if event.kind == "testing" and not state.samples.of("sample", event.details["sample"]):
        problems.append(Problem("/details/sample", "unknown-sample", {"code": event.details["sample"]}))
    return problems


_DETAIL_CODES = {
    "site": (("organisation", "organisation"),),
    "certificate": (("holder", "organisation"),),
    "mandate": (("to", "organisation"),),
    "testing": (("laboratory", "organisation"),),
    "shipping": (("carrier", "organisation"),),
    "label_issue": (("product", "product"),),
}


def _unknown_batches(state: State, event: Event) -> list[Problem]:
    named: list[tuple[str, str | None]] = [
        (f"/batches/{at}", batch) for at, batch in enumerate(event.batches)
    ]
    if event.kind not in OPENING_KINDS:
        named += [(f"/inputs/{at}/batch", line.batch) for at, line in enumerate(event.inputs)]
        named += [(f"/moves/{at}/batch", line.batch) for at, line in enumerate(event.moves)]
    for at, sample in enumerate(event.details.get("samples", ())):
        named += [(f"/details/samples/{at}/batch", sample.get("batch"))]
        named += [
            (f"/details/samples/{at}/composite_of/{part}", batch)
            for part, batch in enumerate(sample.get("composite_of", ()))
        ]
    if event.kind == "label_issue":
        named.append(("/details/batch", event.details.get("batch")))
    return [
        Problem(pointer, "unknown-batch", {"batch": batch})
        for pointer, batch in named
        if batch is not None and state.find_batch(batch) is None
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


def _mislabelled(state: State, event: Event) -> list[Problem]:
    """A label names one product; its batch must be of that product."""
    if event.kind != "label_issue" or not event.details.get("batch"):
        return []
    row = state.find_batch(event.details["batch"])
    if row is None or row["product"] in (None, event.details["product"]):
        return []
    return [Problem("/details/product", "label-of-another-product", {"product": row["product"]})]


def _other_dimensions(state: State, event: Event) -> list[Problem]:
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
                    measure(state, line, line.product) if part == "outputs" else measure_known(state, line)
                )
            except InvalidEvent as error:
                problems += [
                    Problem(f"/{part}/{at}/quantity", problem.code, problem.names)
                    for problem in error.problems
                ]
                continue
            known = {row["dimension"] for row in state.stock.of("batch", line.batch)}
            if part != "outputs" and known and dimension not in known:
                problems.append(Problem(f"/{part}/{at}/unit", "unit-of-another-kind", {"unit": line.unit}))
    return problems


def _check_replacement(state: State, event: Event, now_ms: int) -> None:
    corrected = [
        row for event_id in event.details["corrects"] for row in state.events.of("event_id", event_id)
    ]
    for row in corrected:
        if row["withdrawn_seq"] is not None:
            raise Conflict("already-corrected", event_id=row["event_id"])
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
    if event.kind in ("site", "product", "certificate"):
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
        if "operator" not in operator.get("roles", ()):
            raise Conflict("code-of-another", code=code)


def _owner_named(event: Event) -> str | None:
    owner: str | None = event.details.get("organisation") or event.details.get("holder")
    return owner if owner == event.organisation else None


def _check_intention(state: State, event: Event) -> None:
    if event.kind == "label_issue" and event.details.get("batch"):
        stopped = sorted({live["code"] for live in state.live_warnings(event.details["batch"])} & STOPPING)
        if stopped:
            raise Conflict(
                "labels-for-a-stopped-batch", batch=event.details["batch"], codes=", ".join(stopped)
            )
    if event.kind == "release":
        holds = state.holds.of("event_id", event.details["hold"])
        if not holds:
            raise InvalidEvent([Problem("/details/hold", "unknown-hold", {"hold": event.details["hold"]})])
        organisation = state.find_registered("organisation", event.organisation) or {}
        if event.organisation != holds[0]["organisation"] and "regulator" not in organisation.get(
            "roles", ()
        ):
            raise Conflict("release-by-another", holder=holds[0]["organisation"])
        if all(hold["released_seq"] is not None for hold in holds):
            raise Conflict("already-released", hold=event.details["hold"])


def _over_consumption(state: State, event: Event) -> list[Suspicion]:
    left: dict[tuple[str, str], int] = {}
    found: dict[str, Suspicion] = {}
    outgoing = [(line, giver_of(state, event, line)) for line in event.inputs]
    if event.kind in ("shipping", "sale"):
        outgoing += [(line, event.organisation) for line in event.moves]
    for line, holder in outgoing:
        if state.find_batch(line.batch) is None:
            continue
        dimension, amount = measure_known(state, line)
        key = (line.batch, holder)
        have = left.get(key, state.held_stock(line.batch, holder).get(dimension, 0))
        left[key] = have - amount
        if left[key] < 0:
            found[line.batch] = Suspicion(
                "OVER_CONSUMPTION", line.batch, {"short": -left[key], "dimension": dimension}
            )
    return list(found.values())


def _held(state: State, event: Event) -> list[Suspicion]:
    if event.kind in ("receiving", "collection"):
        moving: tuple[Line, ...] = ()
    else:
        moving = (*event.inputs, *event.moves)
    found = {}
    for line in moving:
        codes = sorted({live["code"] for live in state.live_warnings(line.batch)} & STOPPING)
        if codes:
            found[line.batch] = Suspicion("HELD_MOVED", line.batch, {"codes": ", ".join(codes)})
    return list(found.values())


def _imbalance(state: State, event: Event) -> list[Suspicion]:
    """More made than went in, by mass and beyond the tolerance of the product or the edition in force."""
    if not event.inputs or not event.outputs:
        return []
    taken = [measure_known(state, line) for line in event.inputs]
    made = [measure(state, line, line.product) for line in event.outputs]
    dimensions = {dimension for dimension, _ in (*taken, *made)}
    if len(dimensions) != 1:
        return []
    product = state.find_registered("product", event.outputs[0].product or "") or {}
    percent = Decimal(
        product.get("balance_tolerance") or state.thresholds_at(event.occurred_ms).balance_tolerance_percent
    )
    total_in = sum(amount for _, amount in taken)
    total_out = sum(amount for _, amount in made)
    if total_out <= total_in * (1 + percent / 100):
        return []
    data = {"in": total_in, "out": total_out, "dimension": dimensions.pop()}
    return [Suspicion("MASS_BALANCE", line.batch, data) for line in event.outputs]


def _waiting(state: State, event: Event) -> list[Suspicion]:
    if event.kind != "harvest":
        return []
    found: dict[str, Suspicion] = {}
    for cycle in event.cycles:
        uses: tuple[ApplicationFact, ...] = application_facts(state, cycle)
        harvest = HarvestFact(0, crop_of(state, cycle), event.occurred_ms, event.occurred_ms, uses)
        raised = waiting_warnings(
            harvest, state.intervals_at(event.occurred_ms), state.thresholds_at(event.occurred_ms)
        )
        for warning in raised:
            if warning.code != "PHI_UNPROVEN":
                found[warning.code] = Suspicion(
                    warning.code, event.outputs[0].batch, {"cycle": cycle, **warning.data}
                )
    return list(found.values())
