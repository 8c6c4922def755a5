"""The journey of a batch in at most seven steps, in words; a missing link is shown as such."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.dossier.registry import Registry
from heji_trace.judging.facts import HOUR_MS
from heji_trace.judging.wording import (
    Said,
    crop_said,
    day_said,
    delay_said,
    joined,
    joined_clauses,
    kind_said,
    said,
    same,
)
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Proved
from heji_trace.tracing.trail import Trail, moves_of
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment

_STEP_OF_KIND = {
    "collection": "gathering",
    "grading": "gathering",
    "processing": "processing",
    "packaging": "packing",
}
_STEPS = ("growing", "harvest", "gathering", "processing", "packing", "transport", "sale")
_ALWAYS = ("growing", "harvest", "transport", "sale")
_MOST_CITED = 40
# Cooling and storing are part of the way, and so is what came back.
_ON_THE_WAY = ("moved", "kept", "returned", "taken_back")
_MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `missing` says that there is no record.

    `late_hours` is how late the latest was recorded where that is late, `late` the same in words.
    `evidence` says who says so: "stated" (by the one concerned), "evidenced" or "verified" (by a third party).
    `entries` are seq + 1 of the records behind it.
    """

    step: str
    title: Said
    words: Said
    when: Said | None
    who: Said | None
    where: Said | None
    evidence: str
    missing: bool
    late_hours: int
    late: Said | None
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """Where the entries of the journey stand: seqs by step, of many the newest, and `counts` of what they name.

    Counted are cycles, batches harvested and, for each step that makes goods, its source batches.
    """

    seqs: Mapping[str, tuple[int, ...]]
    counts: Mapping[str, int]
    unknown_origins: int

    @property
    def cited(self) -> set[int]:
        """All entries of the journey."""
        return {seq for seqs in self.seqs.values() for seq in seqs}


def way_of(state: State, trail: Trail, registry: Registry) -> Way:
    """Find the entries of each step: what was grown, harvested and made for the batch, and how it moved since."""
    harvests = [row for name in trail.rows for row in state.harvests.of("batch", name)]
    cycles = tuple(dict.fromkeys(row["cycle"] for row in harvests))
    registry.find(cycle=cycles)
    found: dict[str, list[int]] = {step: [] for step in _STEPS}
    found["growing"] = [seq for cycle in cycles if (seq := registry.seq("cycle", cycle)) is not None]
    found["harvest"] = [row["seq"] for row in harvests]
    named: dict[str, set[str]] = {step: set() for step in _STEPS}
    named["growing"] = set(cycles)
    named["harvest"] = {row["batch"] for row in harvests}
    for name, row in trail.rows.items():
        step = _STEP_OF_KIND.get(row["kind"])
        if step and not row["unknown_origin"]:
            found[step].append(row["made_seq"])
            named[step] |= {edge.parent for edge in trail.parents(name)}
    for move in moves_of(state, trail.base, _ON_THE_WAY):
        is_sale = move.kind == "sale" or move.role == "taken_back"
        found["sale" if is_sale else "transport"].append(move.seq)
    return Way(
        {step: tuple(sorted(set(numbers))[-_MOST_CITED:]) for step, numbers in found.items()},
        {step: len(names) for step, names in named.items()},
        sum(row["unknown_origin"] for row in trail.rows.values()),
    )


def steps_of(
    way: Way,
    proved: Mapping[int, Proved],
    registry: Registry,
    firsts: Mapping[int, int],
    late_after: int,
) -> tuple[Step, ...]:
    """The steps from the records that prove them; what came more than `late_after` hours later is marked.

    `firsts` are, by the entry of a correction, the entries that said first what it corrects.
    """
    late = {
        seq: _late_hours(proved[seq], proved.get(firsts.get(seq, -1))) for seq in way.cited if seq in proved
    }
    steps = []
    for step in _STEPS:
        entries = [proved[seq] for seq in way.seqs[step] if seq in proved]
        if entries:
            steps.append(_step(step, entries, way, registry, late, late_after))
        elif step in _ALWAYS:
            steps.append(_missing(step))
    return tuple(steps)


def _step(
    step: str,
    entries: Sequence[Proved],
    way: Way,
    registry: Registry,
    late_of: Mapping[int, int],
    late_after: int,
) -> Step:
    statements = [entry.statement for entry in entries]
    places = [
        place
        for each in statements
        if (place := registry.place(each.get("site"), each["organisation"])) is not None
    ]
    moments = [ms_of(parse_moment(each["occurred_at"])) for each in statements]
    late = max(late_of[entry.seq] for entry in entries)
    is_late = late > late_after
    words = _WORDS[step](statements, way.counts[step])
    if step == "harvest" and way.unknown_origins:
        words = said("and-unknown-origin", words=words, count=way.unknown_origins)
    return Step(
        step,
        said(f"step-{step}"),
        words,
        _when(moments),
        _named(registry.organisation(each["organisation"]) for each in statements),
        _named(places) if places else None,
        _evidence(step, entries),
        missing=False,
        late_hours=late if is_late else 0,
        late=said("step-late", delay=delay_said(late)) if is_late else None,
        entries=tuple(entry.seq + 1 for entry in entries),
    )


def _missing(step: str) -> Step:
    return Step(step, said(f"step-{step}"), said("no-record"), None, None, None, "", True, 0, None, ())


def _growing(statements: Sequence[Mapping[str, Any]], count: int) -> Said:
    crops = []
    for each in statements:
        details = each.get("details", {})
        crop = details.get("crop") or details.get("species") or "—"
        variety, name = details.get("variety"), crop_said(crop)
        crops.append(said("crop-variety", crop=name, variety=variety) if variety else name)
    return said("grown", crops=_named(crops), count=count)


def _harvest(_statements: Sequence[Mapping[str, Any]], count: int) -> Said:
    return said("harvested", count=count)


def _made(statements: Sequence[Mapping[str, Any]], count: int) -> Said:
    kinds = _named(kind_said(each["kind"]) for each in statements)
    process = [
        str(each["details"]["process"]) for each in statements if each.get("details", {}).get("process")
    ]
    key = "made-by-process" if process else "made"
    return said(key, kinds=kinds, sources=count, process=_named(same(text) for text in process))


def _transport(statements: Sequence[Mapping[str, Any]], _count: int) -> Said:
    sent = sum(each["kind"] == "shipping" for each in statements)
    received = sum(each["kind"] == "receiving" for each in statements)
    inspected = [
        same(str(each["details"]["inspection"]))
        for each in statements
        if each.get("details", {}).get("inspection")
    ]
    # What was sent back is received as well.
    under_way = sent + sum(each["kind"] == "return" for each in statements)
    key = "moved-unreceived" if under_way > received else "moved-unsent" if received > under_way else "moved"
    parts = [said(key, sent=sent, received=received)] if sent or received else []
    parts += [
        _counted(statements, kind)
        for kind in ("precooling", "storage", "return")
        if any(each["kind"] == kind for each in statements)
    ]
    words = joined_clauses(parts) if parts else said(key, sent=sent, received=received)
    return said("and-inspected", words=words, inspection=_named(inspected)) if inspected else words


def _counted(statements: Sequence[Mapping[str, Any]], kind: str) -> Said:
    """How often goods were cooled, stored or sent back, with the temperatures stated."""
    of_kind = [each for each in statements if each["kind"] == kind]
    stated = [
        same(f"{each['details']['temperature']} ℃")
        for each in of_kind
        if each.get("details", {}).get("temperature")
    ]
    words = said("way-counted", kind=kind_said(kind), count=len(of_kind))
    return said("way-at", words=words, temperatures=_named(stated)) if stated else words


def _sale(statements: Sequence[Mapping[str, Any]], _count: int) -> Said:
    markets = [
        same(str(each["details"]["market"])) for each in statements if each.get("details", {}).get("market")
    ]
    parts = [said("sold-at", markets=_named(markets)) if markets else said("sold")]
    if any(each["kind"] == "return" for each in statements):
        parts.append(_counted(statements, "return"))
    return joined_clauses(parts)


_WORDS: Mapping[str, Callable[[Sequence[Mapping[str, Any]], int], Said]] = {
    "growing": _growing,
    "harvest": _harvest,
    "gathering": _made,
    "processing": _made,
    "packing": _made,
    "transport": _transport,
    "sale": _sale,
}


def _named(parts: Iterable[Said]) -> Said:
    """At most a few names, then how many more."""
    once = list({each["zh"]: each for each in parts}.values())
    if len(once) <= _MOST_NAMED:
        return joined(once)
    return said("and-more", names=joined(once[:_MOST_NAMED]), count=len(once) - _MOST_NAMED)


def _when(moments: Sequence[int]) -> Said:
    first, last = beijing_date(min(moments)), beijing_date(max(moments))
    return day_said(first) if first == last else said("day-range", first=day_said(first), last=day_said(last))


def _late_hours(entry: Proved, first: Proved | None) -> int:
    """By the end of what lasted; a correction that leaves the time as it was is recorded no later than what it corrects."""
    statement, recorded_ms = entry.statement, entry.recorded_ms
    if first is not None and _moment(first) == _moment(entry):
        recorded_ms = first.recorded_ms
    over = parse_moment(statement.get("ended_at") or statement["occurred_at"])
    return max(0, int(recorded_ms - ms_of(over)) // HOUR_MS)


def _moment(entry: Proved) -> int:
    return ms_of(parse_moment(entry.statement["occurred_at"]))


def _evidence(step: str, entries: Sequence[Proved]) -> str:
    """A receipt by the other side or a document makes more of a statement than its maker's word."""
    if step == "transport":
        kinds = {entry.statement["kind"] for entry in entries}
        confirmed = {"shipping", "receiving"} <= kinds
        return "evidenced" if confirmed or all(map(_has_document, entries)) else "stated"
    return "evidenced" if all(map(_has_document, entries)) else "stated"


def _has_document(entry: Proved) -> bool:
    return any(pointer.endswith("/attachments") for pointer in entry.sealed)
