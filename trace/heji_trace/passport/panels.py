"""The panels of a passport: product, origin, tests, label and the integrity mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heji_trace.dossier.registry import choice_said
from heji_trace.dossier.results import (
    AwaitedShown,
    ResultShown,
    awaited_facts,
    awaited_of,
    is_tested,
    replaced_seqs,
    result_of,
    shown_rows,
)
from heji_trace.events.kinds import words
from heji_trace.judging.dated import DatedFacts, best_before_told
from heji_trace.judging.wording import Said, said
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Evidence
from heji_trace.passport.passport_rows import Found
from heji_trace.tracing.trail import Coverage, coverage_of
from heji_trace.vocabulary.times import beijing_date


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold; `batch_number` is the one for people."""

    name: Said
    commodity: str | None
    net_content: str | None
    pack: str | None
    standard: str | None
    gtin: str | None
    storage: str | None
    test_policy: Said
    batch_number: str
    made_on: str | None
    best_before: str | None
    use_by: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it comes from and who answers for it; `unknown` counts source batches without a record."""

    maker: Said
    producers: tuple[Said, ...]
    region: Said
    sites: tuple[Said, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class Results:
    """The results that the public may see, how far the sources of a mixture are tested, and the samples still open."""

    results: tuple[ResultShown, ...]
    sources: Said | None
    awaited: tuple[AwaitedShown, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """The run of labels that carries the code; `entry` is seq + 1."""

    entry: int
    issued_on: str
    issuer: Said


@dataclass(frozen=True, slots=True)
class Integrity:
    """The mark: the entries (seq + 1) that were proved against the signed ledger of `size`, and those not whole."""

    whole: bool
    size: int
    entries: tuple[int, ...]
    broken: tuple[int, ...]
    sentence: Said


def product_of(found: Found, facts: DatedFacts) -> Product:
    """The panel of the product."""
    row = found.trail.row
    registered = found.registry.facts("product", row["product"])
    name = registered.get("name")
    best_before = best_before_told(facts)
    return Product(
        {"zh": name, "en": registered.get("name_en", name)} if name else said("no-record"),
        registered.get("commodity"),
        registered.get("net_content"),
        registered.get("pack_spec"),
        registered.get("standard"),
        registered.get("gtin"),
        registered.get("storage_band"),
        choice_said(words.TEST_POLICY, registered.get("test_policy", "none")),
        row["batch_number"] or row["batch"],
        # Of goods that nobody here made it is only known when they came.
        None if row["unknown_origin"] else facts.made_on.isoformat(),
        None if best_before is None else best_before.isoformat(),
        row["use_by"],
    )


def origin_of(found: Found, evidence: Evidence) -> Origin:
    """The panel of the origin: by the harvests, or by the maker where there is none on record."""
    registry, row = found.registry, found.trail.row
    harvests = [
        evidence.entries[seq].statement for seq in found.way.seqs["harvest"] if seq in evidence.entries
    ]
    grown = [evidence.entries[seq].statement for seq in found.way.seqs["growing"] if seq in evidence.entries]
    places = [(each.get("site"), each["organisation"]) for each in (grown or harvests)]
    regions = _once([region for site, owner in places if (region := registry.region(site, owner))])
    return Origin(
        registry.organisation(row["organisation"]),
        tuple(_once([registry.organisation(each["organisation"]) for each in harvests])),
        regions[0] if len(regions) == 1 else _several(regions),
        tuple(_once([_site(found, site) for site, _ in places if registry.facts("site", site)])),
        found.way.unknown_origins,
    )


def results_of(state: State, found: Found, evidence: Evidence, *, demonstration: bool) -> Results:
    """The panel of the tests."""
    replaced = replaced_seqs(state, found.samples)
    commodity = found.registry.facts("product", found.trail.row["product"]).get("commodity", "")
    results = tuple(
        result_of(
            sample,
            row,
            evidence.entries[row["seq"]],
            found.registry,
            commodity=commodity,
            replaced=row["seq"] in replaced,
            demonstration=demonstration,
        )
        for sample, row in shown_rows(found.samples)
    )
    awaited = tuple(awaited_of(evidence.entries[fact.seq]) for fact in awaited_facts(found.samples))
    coverage = coverage_of(found.trail, lambda base: is_tested(state, base))
    is_told = coverage is not None and _is_telling(coverage, has_own=bool(results))
    return Results(results, _sources_said(coverage) if coverage and is_told else None, awaited)


def label_of(found: Found, evidence: Evidence) -> Label:
    """The panel of the label."""
    seq = found.label["seq"]
    issued_on = beijing_date(evidence.entries[seq].recorded_ms)
    return Label(seq + 1, issued_on.isoformat(), found.registry.organisation(found.label["organisation"]))


def integrity_of(found: Found, evidence: Evidence) -> Integrity:
    """The mark, with a check of each cited entry behind it."""
    entries = tuple(seq + 1 for seq in sorted(found.cited & evidence.entries.keys()))
    broken = tuple(sorted({fault.seq + 1 for fault in evidence.faults}))
    if broken:
        sentence = said("integrity-broken", entries="、".join(str(entry) for entry in broken[:5]))
    else:
        sentence = said("integrity-whole", count=len(entries), size=evidence.size)
    return Integrity(not broken, evidence.size, entries, broken, sentence)


def _is_telling(coverage: Coverage, *, has_own: bool) -> bool:
    """Whether the sources say more than the batch's own results, or the lack of them, say already."""
    return coverage.tested > 0 and (coverage.sources > 1 or not has_own)


def _sources_said(coverage: Coverage) -> Said:
    names = {"sources": coverage.sources, "tested": coverage.tested}
    if coverage.share is None:
        return said("sources-tested", **names)
    return said("sources-tested-share", share=_percent(coverage), **names)


def _site(found: Found, site: str | None) -> Said:
    facts: Mapping[str, Any] = found.registry.facts("site", site)
    kind = choice_said(words.SITE_TYPE, facts["site_type"])
    if "area" in facts:
        kind = said("site-area", kind=kind, area=facts["area"])
    place = found.registry.place(site)
    return kind if place is None else said("site-at", kind=kind, place=place)


def _several(regions: Sequence[Said]) -> Said:
    if not regions:
        return said("no-record")
    return {"zh": "；".join(each["zh"] for each in regions), "en": "; ".join(each["en"] for each in regions)}


def _once(parts: Sequence[Said]) -> list[Said]:
    return list({each["zh"]: each for each in parts}.values())


def _percent(coverage: Coverage) -> str:
    """Whole per cent; all and nothing are said of exactly that alone."""
    if coverage.tested in (0, coverage.sources):
        return "100" if coverage.tested else "0"
    share = round((coverage.share or 0) * 100)
    return "<1" if share < 1 else str(min(share, 99))
