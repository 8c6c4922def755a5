"""The tests of a batch as the public may see them: reviewed or final, and released."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from heji_trace.dossier.registry import Registry, choice_said
from heji_trace.effects.grounds import covering_samples, harvest_facts, test_fact
from heji_trace.events.kinds import words
from heji_trace.judging.dated import AwaitedFact
from heji_trace.judging.readings import Reading, is_beyond_method, reading_of
from heji_trace.judging.rules import settles
from heji_trace.judging.wording import Said, day_said, joined, name_said, said
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Proved
from heji_trace.store.gather import Row
from heji_trace.vocabulary.times import beijing_date, ms_of, parse_moment

_PUBLIC = ("reviewed", "final")
_VOID = ("invalid", "cancelled", "superseded")
FAVOURABLE = ("conforming", "negative")


@dataclass(frozen=True, slots=True)
class SampleRows:
    """The steps of one sample's testing, oldest first; `batch` is the one it speaks for.

    `is_promised` says that it is with a laboratory of the county, which answers within so many hours.
    """

    batch: str
    sample: str
    rows: Sequence[Row]
    is_promised: bool

    @property
    def public(self) -> list[Row]:
        """The steps that the public may see."""
        return [row for row in self.rows if row["status"] in _PUBLIC and row["released"]]

    @property
    def current(self) -> Row | None:
        """The newest step, where the public may see it; an official one stands until the next is released."""
        public = self.public
        if not public or (self.rows[-1]["released"] and public[-1] is not self.rows[-1]):
            return None
        return public[-1]

    @property
    def shown_class(self) -> str | None:
        """The class of the result that the public may see; None without one, as after a run that was spoilt."""
        row = self.current
        return None if row is None or row["conclusion"] == "invalid" else str(row["method_class"])


@dataclass(frozen=True, slots=True)
class ResultShown:
    """One result; `method_class` is "rapid", "formal" or "self_check", `evidence` who says so.

    `replaced` says that a later result of the same batch counts instead. `entry` is seq + 1.
    """

    entry: int
    batch: str
    sample: str
    on: str
    laboratory: Said
    method: str
    method_class: str
    status: str
    conclusion: str
    replaced: bool
    reference_only: bool
    sentence: Said
    evidence: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class AwaitedShown:
    """A sample that was received and whose result is still open; `entry` is seq + 1."""

    entry: int
    sample: str
    received_on: str
    sentence: Said


def sample_rows(state: State, batches: Sequence[str]) -> list[SampleRows]:
    """All samples that speak for the batches, each with its steps."""
    found: dict[str, SampleRows] = {}
    for batch in batches:
        for sample in covering_samples(state, batch, harvest_facts(state, batch), as_told_then=False):
            rows = sorted(state.tests.of("sample", sample), key=lambda row: row["rank"])
            if sample not in found and rows:
                laboratory = state.find_registered("organisation", rows[0]["laboratory"]) or {}
                is_promised = "laboratory" in laboratory.get("roles", ())
                found[sample] = SampleRows(batch, sample, rows, is_promised)
    return list(found.values())


def awaited_facts(samples: Sequence[SampleRows]) -> list[AwaitedFact]:
    """The samples that are received and of which the public sees no result."""
    return [
        AwaitedFact(each.rows[0]["seq"], each.sample, each.rows[0]["occurred_ms"], each.is_promised)
        for each in samples
        if each.current is None and each.rows[-1]["status"] not in _VOID
    ]


def awaited_of(entry: Proved) -> AwaitedShown:
    """The line of a sample that is still open, from the record that proves its receipt; no result is told."""
    statement = entry.statement
    sample = statement["details"]["sample"]
    day = beijing_date(ms_of(parse_moment(statement["occurred_at"])))
    sentence = said("test-awaited", sample=sample, day=day_said(day))
    return AwaitedShown(entry.seq + 1, sample, day.isoformat(), sentence)


def is_tested(state: State, batches: Sequence[str]) -> bool:
    """Whether a batch, with those it is a split of, has a favourable result that the public may see."""
    return any(
        each.current is not None and each.current["conclusion"] in FAVOURABLE
        for each in sample_rows(state, batches)
    )


def replaced_seqs(state: State, samples: Sequence[SampleRows]) -> frozenset[int]:
    """The public steps that no longer count: a later step of the sample, or a later final laboratory result."""
    current = [test_fact(state, row) for each in samples if (row := each.current)]
    formal = [test for test in current if test.method_class == "formal" and test.status == "final"]
    overtaken = {row["seq"] for each in samples for row in each.public if row is not each.current}
    return frozenset(
        overtaken
        | {
            test.seq
            for test in current
            if test.conclusion not in FAVOURABLE
            and not (test.method_class == "formal" and test.status == "final")
            and any(settles(later, test) for later in formal)
        }
    )


def shown_rows(samples: Sequence[SampleRows]) -> list[tuple[SampleRows, Row]]:
    """The results to show, newest first: of one sample a step that only confirms the one before is shown once."""
    shown = [
        (each, row)
        for each in samples
        for row, later in zip_longest(each.public, each.public[1:])
        if later is None or later["conclusion"] != row["conclusion"]
    ]
    return sorted(shown, key=lambda pair: pair[1]["rank"], reverse=True)


def result_of(
    sample: SampleRows,
    row: Row,
    entry: Proved,
    registry: Registry,
    *,
    commodity: str,
    replaced: bool,
    demonstration: bool,
) -> ResultShown:
    """The panel of one result, from the record that proves it."""
    details = entry.statement["details"]
    results = details.get("results", ())
    method, method_class = details.get("method", ""), row["method_class"]
    reference_only = method_class == "rapid" and is_beyond_method(method, commodity)
    return ResultShown(
        entry.seq + 1,
        sample.batch,
        sample.sample,
        beijing_date(row["occurred_ms"]).isoformat(),
        registry.organisation(details["laboratory"]),
        method,
        method_class,
        row["status"],
        row["conclusion"],
        replaced,
        reference_only,
        _sentence(method_class, row, results, reference_only=reference_only, replaced=replaced),
        _evidence(registry, details["laboratory"], method_class),
        _highest_first(
            reading_of(
                result,
                is_example=is_example_limit(registry, result, demonstration=demonstration),
                is_screening=method_class != "formal",
            )
            for result in results
        ),
    )


def _highest_first(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """What failed, then by how much of the limit is used: a page may show the first few alone."""
    return tuple(
        sorted(
            readings,
            key=lambda reading: (reading.outcome in (None, *FAVOURABLE), -(reading.share or 0)),
        )
    )


def limit_editions(record: Mapping[str, Any]) -> list[str]:
    """The codes under which the editions of limits that a record's results name would be registered."""
    details = record["event"].get("details", {})
    stated = details.get("replacement", {}).get("details", {}) or details
    return [f"limits:{row['edition']}" for row in stated.get("results", ()) if row.get("edition")]


def _sentence(
    method_class: str, row: Row, results: Sequence[Mapping[str, Any]], *, reference_only: bool, replaced: bool
) -> Said:
    names = {
        "analytes": joined([name_said(result["analyte"]) for result in results]) if results else "—",
        "conclusion": choice_said(words.CONCLUSION, row["conclusion"]),
        "count": len(results),
    }
    kind = method_class.replace("_", "-")
    if method_class == "rapid" and row["conclusion"] == "negative":
        kind = "rapid-reference" if reference_only else "rapid-negative"
    sentence = said(f"test-{kind}", **names)
    return said("test-replaced", sentence=sentence) if replaced else sentence


def _evidence(registry: Registry, laboratory: str, method_class: str) -> str:
    if registry.has_role(laboratory, "third_party_laboratory"):
        return "verified"
    return "stated" if method_class == "self_check" else "evidenced"


def is_example_limit(registry: Registry, result: Mapping[str, Any], *, demonstration: bool) -> bool:
    """Whether a result's limit is example data: it is verified where the edition it names is registered so."""
    edition = registry.facts("edition", f"limits:{result.get('edition')}")
    return not edition["verified"] if edition else demonstration


def edition_said(readings: Sequence[Reading]) -> Said:
    """The editions that results were judged by, each once; example data is marked where its name does not say so."""
    found: dict[str, bool] = {}
    for reading in readings:
        if reading.edition:
            found[reading.edition] = found.get(reading.edition, False) or reading.is_example
    return joined([_edition(edition, is_example=is_example) for edition, is_example in found.items()])


def _edition(edition: str, *, is_example: bool) -> Said:
    marked = said("edition-example", edition=edition)
    return {
        "zh": marked["zh"] if is_example and "示例" not in edition else edition,
        "en": marked["en"] if is_example and "example" not in edition.casefold() else edition,
    }
