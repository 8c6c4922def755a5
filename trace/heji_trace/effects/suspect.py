"""Suspicions: what looks wrong about an event and may be true, asked back once before it is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from heji_trace.effects.doubts import doubts
from heji_trace.effects.grounds import application_facts, crop_of
from heji_trace.effects.moves import moved_amounts
from heji_trace.effects.suspicion import Suspicion
from heji_trace.errors import InvalidEvent
from heji_trace.events.event import Event
from heji_trace.judging.dated import passed, shelf_facts
from heji_trace.judging.facts import ApplicationFact, HarvestFact
from heji_trace.judging.levels import STOPPING
from heji_trace.judging.waits import Waits, waiting_warnings
from heji_trace.known.measures import giver_of, measure, measure_known
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.vocabulary.times import beijing_date
from heji_trace.vocabulary.units import to_base

OPENING_KINDS = frozenset({"receiving", "collection"})

# Suspicions that become stored findings; the others are warnings that follow from the facts by themselves.
FINDINGS = frozenset(
    {
        "OVER_CONSUMPTION",
        "HELD_MOVED",
        "MASS_BALANCE",
        "RETURN_UNGIVEN",
        "COUNT_BELOW",
        "COUNT_ABOVE",
        "CHAIN_BROKEN",
        "OTHER_COMMODITY",
        "FRESHER_THAN_SOURCE",
    }
)

_FROM_STOCK = frozenset({"shipping", "sale", "disposal", "precooling", "storage"})
# Goods that arrive, or stay where they are, are not moved by whoever holds them.
_STAYING = frozenset({"receiving", "collection", "precooling", "storage", "stock_count"})
# What brings goods to a buyer: who gives away or destroys what is over does right.
_ON_OFFER = frozenset({"shipping", "sale", "packaging", "label_issue", "label_bind"})
# What is recalled or has failed is to be given back or destroyed; what is only held is to stay.
_REMEDIES = frozenset({"return", "disposal"})
_REMEDIED = frozenset({"RECALLED", "TEST_FAILED", "INGREDIENT_FAILED"})


def suspicions(state: State, event: Event, withdrawn: frozenset[int] = frozenset()) -> list[Suspicion]:
    """What looks wrong about an event that passed `sense.check`, in the order of its lines.

    Of a replacement `withdrawn` are the entries that its correction takes back: what they brought about is left out.
    """
    found: list[Suspicion] = []
    if event.kind in OPENING_KINDS:
        named = [*event.inputs, *event.moves]
        found += [Suspicion("UNKNOWN_ORIGIN", line.batch) for line in named if _is_unknown(state, line.batch)]
    found += _over_consumption(state, event, withdrawn)
    found += _held(state, event)
    found += _passed(state, event)
    found += _imbalance(state, event)
    found += _waiting(state, event)
    found += _undestined(event)
    found += _ungiven(state, event, withdrawn)
    found += _miscounted(state, event, withdrawn)
    return found + doubts(state, event)


def _is_unknown(state: State, batch: str) -> bool:
    row = state.find_batch(batch)
    return row is None or row["kind"] == "withdrawn"


def _held_without(state: State, batch: str, holder: str, dimension: str, withdrawn: frozenset[int]) -> int:
    """What the holder has of the batch, leaving out what the entries of `withdrawn` did to it."""
    held = state.held_stock(batch, holder).get(dimension, 0)
    if not withdrawn:
        return held
    return held - sum(
        int(row["amount"])
        for row in state.stock_changes.of("batch", batch)
        if row["seq"] in withdrawn
        and (row["holder"], row["state"], row["dimension"]) == (holder, "held", dimension)
    )


def _over_consumption(state: State, event: Event, withdrawn: frozenset[int]) -> list[Suspicion]:
    left: dict[tuple[str, str], int] = {}
    found: dict[str, Suspicion] = {}
    outgoing = [(line, giver_of(state, event, line)) for line in event.inputs]
    if event.kind in _FROM_STOCK:
        outgoing += [(line, event.organisation) for line in event.moves]
    if event.kind == "return":
        outgoing += [(line, event.organisation) for line in event.moves if line.to_organisation]
    for line, holder in outgoing:
        if state.find_batch(line.batch) is None:
            continue
        dimension, amount = measure_known(state, line)
        key = (line.batch, holder)
        have = left[key] if key in left else _held_without(state, *key, dimension, withdrawn)
        left[key] = have - amount
        if left[key] < 0:
            data = {"short": -left[key], "dimension": dimension}
            foreign = holder != event.organisation
            found[line.batch] = Suspicion("OVER_CONSUMPTION", line.batch, data, foreign)
    return list(found.values())


def _held(state: State, event: Event) -> list[Suspicion]:
    found = []
    for batch in moving_batches(event):
        codes = stopping_codes(event.kind, {live["code"] for live in state.live_warnings(batch)})
        if codes:
            found.append(Suspicion("HELD_MOVED", batch, {"codes": ", ".join(codes)}))
    return found


def moving_batches(event: Event) -> list[str]:
    """The batches that the event moves from where they are, or uses."""
    if event.kind in _STAYING:
        return []
    return list(dict.fromkeys(line.batch for line in (*event.inputs, *event.moves)))


def stopping_codes(kind: str, codes: Iterable[str]) -> list[str]:
    """Those of the codes of a batch's warnings for which an event of `kind` may not move it."""
    stopping = sorted(STOPPING.intersection(codes))
    return [] if kind in _REMEDIES and _REMEDIED.intersection(stopping) else stopping


def _passed(state: State, event: Event) -> list[Suspicion]:
    """Goods on offer whose use-by or best-before day is over on the day of the event."""
    if event.kind not in _ON_OFFER:
        return []
    named = [line.batch for line in (*event.inputs, *event.moves)]
    if isinstance(event.details.get("batch"), str):
        named.append(event.details["batch"])
    found = []
    for batch in dict.fromkeys(named):
        row = state.find_batch(batch)
        if row is None:
            continue
        product = state.find_registered("product", row["product"]) if row["product"] else None
        over = passed(shelf_facts(row, product or {}), beijing_date(event.occurred_ms))
        if over is not None:
            found.append(Suspicion(over.code, batch, {"date": over.data["date"]}))
    return found


def _undestined(event: Event) -> list[Suspicion]:
    """Goods that are sent nobody knows where: whoever looks for them later finds no one to call."""
    if event.kind != "shipping":
        return []
    lost = [line.batch for line in event.moves if not (line.to_organisation or line.to_site)]
    return [Suspicion("CHAIN_BROKEN", batch, {"gap": "destination"}) for batch in dict.fromkeys(lost)]


def _imbalance(state: State, event: Event) -> list[Suspicion]:
    """More made, with the losses that are stated, than went in, beyond the tolerance of the product or the edition in force."""
    if not event.inputs or not event.outputs:
        return []
    taken = [measure_known(state, line) for line in event.inputs]
    made = [measure(state, line, line.product) for line in event.outputs]
    dimensions = {dimension for dimension, _ in (*taken, *made)}
    if len(dimensions) != 1:
        return []
    percent = _tolerance(state, event, event.outputs[0].product)
    total_in = sum(amount for _, amount in taken)
    total_out = sum(amount for _, amount in made) + _lost(event, *dimensions)
    if total_out <= total_in * (1 + percent / 100):
        return []
    data = {"in": total_in, "out": total_out, "dimension": dimensions.pop()}
    return [Suspicion("MASS_BALANCE", line.batch, data) for line in event.outputs]


def _lost(event: Event, dimension: str) -> int:
    """The loss that is stated, where it is measured as the goods are."""
    quantity, unit = event.details.get("loss_quantity"), event.details.get("loss_unit")
    if not quantity or not unit:
        return 0
    try:
        measured, amount = to_base(Decimal(quantity), unit)
    except InvalidEvent:
        return 0
    return amount if measured == dimension else 0


def _waiting(state: State, event: Event) -> list[Suspicion]:
    if event.kind != "harvest":
        return []
    found: dict[str, Suspicion] = {}

    def waits_at(_: int) -> Waits:
        return state.waits_at(event.occurred_ms)

    for cycle in event.cycles:
        uses: tuple[ApplicationFact, ...] = application_facts(state, cycle)
        began_ms = event.occurred_ms
        harvest = HarvestFact(0, 0, crop_of(state, cycle), began_ms, began_ms, uses, event.ended_ms)
        raised = waiting_warnings(harvest, waits_at, state.thresholds_at(began_ms))
        for warning in raised:
            if warning.code != "PHI_UNPROVEN":
                found[warning.code] = Suspicion(
                    warning.code, event.outputs[0].batch, {"cycle": cycle, **warning.data}
                )
    return list(found.values())


def _ungiven(state: State, event: Event, withdrawn: frozenset[int]) -> list[Suspicion]:
    """Goods given back that were never given: more than the other side sent, or than was sold to buyers outside."""
    if event.kind != "return":
        return []
    back: dict[tuple[str, str | None, str], int] = defaultdict(int)
    for line in event.moves:
        dimension, amount = measure_known(state, line)
        back[line.batch, line.to_organisation, dimension] += amount
    found = []
    for (batch, giver, dimension), amount in back.items():
        given = _given(state, event.organisation, batch, giver, dimension, withdrawn)
        if amount > given:
            data = {"short": amount - max(given, 0), "dimension": dimension}
            found.append(Suspicion("RETURN_UNGIVEN", batch, data))
    return found


def _given(
    state: State, own: str, batch: str, giver: str | None, dimension: str, withdrawn: frozenset[int]
) -> int:
    """What `giver` (None: this organisation, to buyers outside) gave and did not get back, in the dimension."""
    lines = [
        line
        for line in state.lines.of("batch", batch)
        if line["dimension"] == dimension and line["seq"] not in withdrawn
    ]
    if giver is None:
        back = [line for line in lines if (line["role"], line["holder"]) == ("taken_back", own)]
        return _sold(state, own, batch, dimension, withdrawn) - _sum(back)
    moved = [line for line in lines if line["role"] in ("moved", "returned")]
    ends = [(line["holder"], line["to_organisation"]) for line in moved]
    sent = [line for line, way in zip(moved, ends, strict=True) if way == (giver, own)]
    back = [line for line, way in zip(moved, ends, strict=True) if way == (own, giver)]
    return _sum(sent) - _sum(back)


def _sum(lines: Iterable[Row]) -> int:
    return sum(int(line["amount"]) for line in lines)


def _sold(state: State, own: str, batch: str, dimension: str, withdrawn: frozenset[int]) -> int:
    """What left the chain by moves of the organisation: its stock went down and nobody's up."""
    moved = {
        line["seq"]
        for line in state.lines.of("batch", batch)
        if line["role"] == "moved" and line["holder"] == own and line["seq"] not in withdrawn
    }
    change: dict[int, int] = defaultdict(int)
    for row in state.stock_changes.of("batch", batch):
        if row["seq"] in moved and row["dimension"] == dimension:
            change[row["seq"]] += row["amount"]
    return -sum(amount for amount in change.values() if amount < 0)


def _miscounted(state: State, event: Event, withdrawn: frozenset[int]) -> list[Suspicion]:
    """A count that is further from the books than the product's tolerance."""
    if event.kind != "stock_count":
        return []
    found = []
    for (batch, dimension), counted in moved_amounts(state, event).items():
        had = _held_without(state, batch, event.organisation, dimension, withdrawn)
        found += miscount(state, event, batch, dimension, counted, had)
    return found


def miscount(
    state: State, event: Event, batch: str, dimension: str, counted: int, had: int
) -> list[Suspicion]:
    """What is suspicious about a count where the books `had` something else."""
    row = state.find_batch(batch)
    percent = _tolerance(state, event, row["product"] if row else None)
    if abs(counted - had) <= max(had, 0) * percent / 100:
        return []
    code = "COUNT_BELOW" if counted < had else "COUNT_ABOVE"
    return [Suspicion(code, batch, {"counted": counted, "had": had, "dimension": dimension})]


def _tolerance(state: State, event: Event, product: str | None) -> Decimal:
    """In percent: the product's own, or that of the edition in force."""
    facts = state.find_registered("product", product) if product else None
    return Decimal(
        (facts or {}).get("balance_tolerance")
        or state.thresholds_at(event.occurred_ms).balance_tolerance_percent
    )
