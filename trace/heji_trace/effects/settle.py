"""Settling warnings: after an entry's effects, the stored warnings of every batch it reaches are made to fit the facts.

A warning row names its `source`, the batch whose own facts cause it. Batches made from the source carry the row too,
so that a page reads its warnings without walking the lineage, and a lift reaches them all by the source's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

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
from heji_trace.judging.levels import INHERITED
from heji_trace.judging.rules import stored_warnings
from heji_trace.known.said import said_by
from heji_trace.known.state import State
from heji_trace.store import lineage
from heji_trace.store.gather import Row
from heji_trace.vocabulary.times import beijing_date

# What befalls the goods that are there: what was taken out of them before is not concerned.
_PASSING = frozenset({"COLD_CHAIN_SEVERE", "COLD_CHAIN_BREACH"})
_ANSWERING = (OFFICIAL, "retest")
_IMPARTIAL = frozenset({"laboratory", "third_party_laboratory", "regulator"})
_LEAVING_RESIDUES = frozenset({"pesticide", "veterinary"})


def dump_data(data: object) -> str:
    """Facts as canonical JSON text, as all projections store them."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()


def settle(state: State, batches: Iterable[str], seq: int) -> None:
    """Raise and lift what the facts of `batches` call for, there and in everything made from them."""
    for batch in dict.fromkeys(batches):
        row = state.find_batch(batch)
        if row is None:
            continue
        state.batches.change(row, version=seq)
        harvests = harvest_facts(state, batch)
        moment = max((harvest.occurred_ms for harvest in harvests), default=row["made_ms"])
        at = max((harvest.rank for harvest in harvests), default=None)
        thresholds = state.thresholds_at(moment, at)
        facts = facts_of(state, row, harvests)
        wanted = _worst(stored_warnings(facts, partial(state.waits_at, moment), thresholds))
        standing = set()
        for live in state.live_warnings(batch):
            key = (live["code"], live["cause_seq"], live["data"])
            if live["source"] == batch and key in wanted:
                standing.add(key)
            elif live["source"] == batch:
                _lift(state, batch, live, seq)
        for code, cause_seq, data in wanted:
            if (code, cause_seq, data) not in standing:
                _raise(state, batch, code, cause_seq, data, seq)


def _worst(raised: Iterable[Raised]) -> dict[tuple[str, int, str], None]:
    """Code, cause and data of what is to stand: one entry causes a code once, with the longest waiting time."""
    worst: dict[tuple[str, int], Raised] = {}
    for each in raised:
        other = worst.setdefault((each.code, each.cause_seq), each)
        if each.data.get("clear", "") > other.data.get("clear", ""):
            worst[each.code, each.cause_seq] = each
    return dict.fromkeys((each.code, each.cause_seq, dump_data(dict(each.data))) for each in worst.values())


def inherit(state: State, parent: str, child: str, seq: int) -> None:
    """A new edge: what the parent is warned about reaches the child and everything already made from it."""
    passing = [
        live
        for live in state.live_warnings(parent)
        if live["code"] in INHERITED and _concerns(state, live, parent, child)
    ]
    scopes = [row for row in state.recall_scope.of("batch", parent) if row["standing"] != "upstream"]
    if not passing and not scopes:
        return
    reached = [child, *_descendants(state, child, "", "")]
    for batch in reached:
        for live in passing:
            _carry(state, batch, live, seq)
        for scope in scopes:
            enter_scope(state, batch, scope["event_id"], scope["organisation"], "later", seq)
    if scopes:
        settle(state, reached, seq)


def _concerns(state: State, live: Row, parent: str, child: str) -> bool:
    """Whether a warning of the parent is about what the child was made of."""
    if live["source"] != parent or live["code"] not in _PASSING:
        return True
    return child in _children(state, parent, live["code"], live["data"])


def enter_scope(state: State, batch: str, recall: str, organisation: str, standing: str, seq: int) -> None:
    """Put the batch into the scope of a recall, unless it stands there already."""
    if any(row["event_id"] == recall for row in state.recall_scope.of("batch", batch)):
        return
    state.recall_scope.add(
        seq=seq, event_id=recall, batch=batch, standing=standing, organisation=organisation
    )


def unreach(state: State, children: Iterable[str], seq: int) -> None:
    """After edges were withdrawn: what came over them alone, warnings and recalls, is taken back."""
    state.write()
    affected = sorted({*children, *lineage.descendants(state.connection, children)})
    state.warnings.load("batch", affected)
    state.recall_scope.load("batch", affected)
    rescoped: list[str] = []
    for batch in affected:
        inherited = [live for live in state.live_warnings(batch) if live["source"] != batch]
        later = [row for row in state.recall_scope.of("batch", batch) if row["standing"] == "later"]
        if not inherited and not later:
            continue
        upstream = lineage.ancestors(state.connection, [batch])
        for live in inherited:
            if live["source"] not in upstream:
                state.warnings.change(live, lifted_seq=seq)
                _bump(state, batch, seq)
        for scope in later:
            if not _is_recalled(state, upstream, scope["event_id"]):
                state.recall_scope.withdraw(scope, seq)
                rescoped.append(batch)
    settle(state, rescoped, seq)


def _is_recalled(state: State, batches: Iterable[str], recall: str) -> bool:
    return any(
        row["event_id"] == recall and row["standing"] == "frozen"
        for batch in batches
        for row in state.recall_scope.of("batch", batch)
    )


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
        )
        for row in state.harvests.of("batch", batch)
    )


def application_facts(state: State, cycle: str) -> tuple[ApplicationFact, ...]:
    """What was used on a cycle, in ledger order."""
    return tuple(
        ApplicationFact(
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
        for row in state.applications.of("cycle", cycle)
        for data in [orjson.loads(row["data"])]
    )


def crop_of(state: State, cycle: str) -> str:
    """The crop or species of a cycle; empty where the cycle was withdrawn."""
    registered = state.find_registered("cycle", cycle) or {}
    crop: str = registered.get("crop") or registered.get("species") or ""
    return crop


def covering_samples(
    state: State, batch: str, harvests: tuple[HarvestFact, ...], *, as_told_then: bool
) -> list[str]:
    """The samples that speak for the batch: drawn from it, or from the plot it was then harvested from.

    `as_told_then` leaves out the uses that were recorded after a harvest: they make a favourable result speak of other
    goods, but take nothing back that was found, else whoever is found out could record one.
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
            and (use.occurred_ms, use.rank) < (harvest.occurred_ms, harvest.rank)
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


def _raise(state: State, batch: str, code: str, cause_seq: int, data: str, seq: int) -> None:
    raised = {"code": code, "source": batch, "cause_seq": cause_seq, "data": data}
    _warn(state, batch, code, raised, seq)
    if code in INHERITED:
        for reached in _descendants(state, batch, code, data):
            _carry(state, reached, raised, seq)


def _warn(state: State, batch: str, code: str, cause: Row, seq: int) -> None:
    """Add a warning to the batch; one that this same entry has lifted comes back instead, as if it had never ended."""
    same = (code, cause["source"], cause["cause_seq"])
    for row in state.warnings.of("batch", batch):
        if row["lifted_seq"] == seq and (row["code"], row["source"], row["cause_seq"]) == same:
            if row["raised_seq"] == seq:
                state.warnings.change(row, lifted_seq=None, data=cause["data"])
                return
            if row["data"] == cause["data"]:
                state.warnings.change(row, lifted_seq=None)
                return
    state.warnings.add(
        batch=batch,
        code=code,
        source=cause["source"],
        cause_seq=cause["cause_seq"],
        raised_seq=seq,
        lifted_seq=None,
        data=cause["data"],
    )
    state.raised.append(code)


def _lift(state: State, batch: str, live: Row, seq: int) -> None:
    state.warnings.change(live, lifted_seq=seq)
    if live["code"] not in INHERITED:
        return
    for carried in state.warnings.of("source", batch):
        if (
            carried["lifted_seq"] is None
            and carried["code"] == INHERITED[live["code"]]
            and carried["cause_seq"] == live["cause_seq"]
        ):
            state.warnings.change(carried, lifted_seq=seq)
            _bump(state, carried["batch"], seq)


def _carry(state: State, batch: str, live: Row, seq: int) -> None:
    code = INHERITED[live["code"]]
    if batch == live["source"] or any(
        (other["code"], other["source"], other["cause_seq"]) == (code, live["source"], live["cause_seq"])
        for other in state.live_warnings(batch)
    ):
        return
    _warn(state, batch, code, live, seq)
    _bump(state, batch, seq)


def _bump(state: State, batch: str, seq: int) -> None:
    row = state.find_batch(batch)
    if row is not None:
        state.batches.change(row, version=seq)


def _descendants(state: State, batch: str, code: str, data: str) -> list[str]:
    """What was made from a batch, at any distance, and is concerned by a warning of it."""
    children = _children(state, batch, code, data)
    if not children:
        return []
    state.write()
    found = list(dict.fromkeys([*children, *lineage.descendants(state.connection, children)]))
    state.batches.load("batch", found)
    state.warnings.load("batch", found)
    return found


def _children(state: State, batch: str, code: str, data: str) -> list[str]:
    """What was made from the batch; goods that got warm were only those that had not been parted from it before."""
    edges = state.edges.of("parent", batch)
    if code in _PASSING:
        since: int = orjson.loads(data)["from_ms"]
        edges = [edge for edge in edges if edge["occurred_ms"] >= since]
    return list(dict.fromkeys(edge["child"] for edge in edges))
