"""The grounds of warnings: the facts of a batch, gathered from the state in the form in which the rules take them."""

from __future__ import annotations

import orjson

from heji_trace.effects.watch import watched
from heji_trace.events.kinds.words import OFFICIAL
from heji_trace.judging.facts import (
    ApplicationFact,
    Facts,
    HarvestFact,
    HoldFact,
    Raised,
    ScopeFact,
    TestFact,
)
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store.gather import Row
from heji_trace.vocabulary.times import beijing_date

_ANSWERING = (OFFICIAL, "retest")
_IMPARTIAL = frozenset({"laboratory", "third_party_laboratory", "regulator"})
_LEAVING_RESIDUES = frozenset({"pesticide", "veterinary"})


def facts_of(state: State, row: Row, harvests: tuple[HarvestFact, ...]) -> Facts:
    """All that the stored warnings of the batch rest on, as the state has it."""
    batch = row["batch"]
    return Facts(
        unknown_origin_seq=row["made_seq"] if row["unknown_origin"] else None,
        holds=[
            HoldFact(hold["seq"], hold["organisation"])
            for hold in state.holds.of("batch", batch)
            if hold["released_seq"] is None
        ],
        tests=_test_facts(state, batch, harvests),
        harvests=harvests,
        scopes=[
            ScopeFact(scope["seq"], scope["event_id"], scope["standing"])
            for scope in state.recall_scope.of("batch", batch)
        ],
        findings=[
            *(
                Raised(finding["code"], finding["seq"], orjson.loads(finding["data"]))
                for finding in state.findings.of("batch", batch)
            ),
            *watched(state, row),
        ],
    )


def harvest_facts(state: State, batch: str) -> tuple[HarvestFact, ...]:
    """The harvests the batch came from, each with what was used on its cycle."""
    return tuple(
        HarvestFact(
            row["seq"],
            row["rank"],
            crop_of(state, row["cycle"]),
            row["occurred_ms"],
            row["recorded_ms"],
            application_facts(state, row["cycle"]),
            row["ended_ms"],
        )
        for row in state.harvests.of("batch", batch)
    )


def application_facts(state: State, cycle: str) -> tuple[ApplicationFact, ...]:
    """What was used on a cycle, in ledger order."""
    return tuple(_application_fact(state, row) for row in state.applications.of("cycle", cycle))


def _application_fact(state: State, row: Row) -> ApplicationFact:
    """Made once in a group: a thousand harvests of a bulk ask for the uses of the same few cycles."""
    key = row["seq"], row["rank"], row["data"]
    fact = state.uses.get(key)
    if fact is None:
        data = orjson.loads(row["data"])
        fact = state.uses[key] = ApplicationFact(
            row["seq"],
            row["rank"],
            row["input_type"],
            data.get("name", ""),
            tuple(data.get("active_substances", ())),
            data.get("formulation", ""),
            data.get("withdrawal_days"),
            row["occurred_ms"],
            row["recorded_ms"],
            data.get("ended_ms"),
        )
    return fact


def crop_of(state: State, cycle: str) -> str:
    """The crop or species of a cycle; empty where the cycle was withdrawn."""
    registered = state.find_registered("cycle", cycle) or {}
    crop: str = registered.get("crop") or registered.get("species") or ""
    return crop


def covering_samples(
    state: State, batch: str, harvests: tuple[HarvestFact, ...], *, as_told_then: bool
) -> list[str]:
    """The samples that speak for the batch: drawn from it, or from the plot it was then harvested from.

    `as_told_then` leaves out the uses that were recorded after a harvest, or came amid it: they make a favourable result
    speak of other goods, but take nothing back that was found, else whoever is found out could record one.
    """
    targets: list[tuple[str, Row]] = [("batch", row) for row in state.samples.of("target", batch)]
    for harvest in state.harvests.of("batch", batch):
        targets += [("cycle", row) for row in state.samples.of("target", harvest["cycle"])]
    if not targets:
        return []
    return sorted(
        {
            row["sample"]
            for kind, row in targets
            if row["target_kind"] == kind
            and (kind == "batch" or _covers(state, row, harvests, as_told_then=as_told_then))
        }
    )


def _test_facts(state: State, batch: str, harvests: tuple[HarvestFact, ...]) -> list[TestFact]:
    return [
        test_fact(state, test)
        for sample in covering_samples(state, batch, harvests, as_told_then=True)
        for test in state.tests.of("sample", sample)
    ]


def test_fact(state: State, test: Row) -> TestFact:
    """A row of `tests` as the rules judge it."""
    drawn = state.samples.of("sample", test["sample"])
    return TestFact(
        test["seq"],
        test["rank"],
        test["sample"],
        test["method_class"],
        test["conclusion"],
        test["status"],
        bool(test["released"]),
        test["laboratory"],
        official=state.is_official(test["sample"]),
        may_answer=any(row["purpose"] in _ANSWERING and _is_impartial(state, row) for row in drawn),
    )


def _is_impartial(state: State, drawn: Row) -> bool:
    """Whether somebody drew the sample who has no part in the goods."""
    facts = state.find_registered("organisation", drawn["organisation"]) or {}
    return not _IMPARTIAL.isdisjoint(facts.get("roles", ()))


def _covers(state: State, sample: Row, harvests: tuple[HarvestFact, ...], *, as_told_then: bool) -> bool:
    """A plot's sample speaks for later harvests until the next application, for so many days at most.

    By the times that are stated, whenever they were recorded; the ledger's order decides between equal ones. What leaves
    no residue, such as a fertiliser or daily feed, ends nothing.
    """
    drawn = sampled_ms(state, sample), sample["rank"]
    return any(
        drawn < (harvest.occurred_ms, harvest.rank)
        and not any(
            drawn < (use.last_ms, use.rank)
            and (use.occurred_ms, use.rank)
            < (harvest.occurred_ms if as_told_then else harvest.last_ms, harvest.rank)
            and use.input_type in _LEAVING_RESIDUES
            and (use.rank < harvest.rank or not as_told_then)
            for use in harvest.applications
        )
        and _days_between(drawn[0], harvest.occurred_ms)
        <= state.thresholds_at(harvest.occurred_ms, harvest.rank).plot_sample_days
        for harvest in harvests
    )


def sampled_ms(state: State, sample: Row) -> int:
    """When a sample was drawn, as it is now stated."""
    if sample["seq"] != sample["rank"]:
        return said_by(state, [sample["seq"]])[sample["seq"]].occurred_ms
    row = state.event_at(sample["seq"])
    return int(row["occurred_ms"]) if row else 0


def _days_between(from_ms: int, to_ms: int) -> int:
    return (beijing_date(to_ms) - beijing_date(from_ms)).days
