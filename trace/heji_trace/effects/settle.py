"""Settling warnings: after an entry's effects, the stored warnings of every batch it reaches are made to fit the facts.

A warning row names its `source`, the batch whose own facts cause it. Batches made from the source carry the row too,
so that a page reads its warnings without walking the lineage, and a lift reaches them all by the source's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import orjson

from heji_trace.effects.grounds import facts_of, harvest_facts
from heji_trace.judging.facts import Raised
from heji_trace.judging.levels import INHERITED
from heji_trace.judging.rules import stored_warnings
from heji_trace.known.state import State
from heji_trace.store import lineage
from heji_trace.store.gather import Row

# What befalls the goods that are there: what was taken out of them before is not concerned.
_PASSING = frozenset({"COLD_CHAIN_SEVERE", "COLD_CHAIN_BREACH"})


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
