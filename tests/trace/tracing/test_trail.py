from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heji_trace.store.lineage import Edge
from heji_trace.tracing.trail import Ancestry, Trail, coverage_of

ROW: dict[str, Any] = {}


def trail(batch: str, *edges: Edge) -> Trail:
    parents: dict[str, list[Edge]] = {}
    for edge in edges:
        parents.setdefault(edge.child, []).append(edge)
    return Trail(batch, Ancestry({}, parents))


def edge(parent: str, child: str, amount: int = 1, flow: str = "merge", dimension: str = "mass") -> Edge:
    return Edge(0, parent, child, flow, dimension, amount, 0)


def where_tested(*batches: str) -> Any:
    def is_tested(base: Sequence[str]) -> bool:
        return bool(set(base) & set(batches))

    return is_tested


def told(found: Trail, *batches: str) -> tuple[int, int, float | None]:
    coverage = coverage_of(found, where_tested(*batches))
    assert coverage is not None
    share = None if coverage.share is None else round(coverage.share, 9)
    return coverage.sources, coverage.tested, share


def test_a_batch_that_was_not_mixed_has_no_coverage() -> None:
    assert coverage_of(trail("A"), where_tested()) is None


def test_the_share_is_by_weight() -> None:
    mixed = trail("M", edge("A", "M", 62), edge("B", "M", 38))
    assert told(mixed, "A") == (2, 1, 0.62)


def test_a_mixture_that_is_tested_itself_is_one_source() -> None:
    mixed = trail("M", edge("N", "M", 1), edge("C", "M", 1), edge("A", "N", 1), edge("B", "N", 1))
    assert told(mixed, "N") == (2, 1, 0.5)
    assert told(mixed, "A") == (3, 1, 0.25)


def test_a_source_is_tested_where_what_it_is_a_split_of_is() -> None:
    mixed = trail("M", edge("A1", "M"), edge("B", "M"), edge("A", "A1", flow="split"))
    assert told(mixed, "A") == (2, 1, 0.5)


def test_amounts_of_different_kinds_have_no_share() -> None:
    mixed = trail("M", edge("A", "M"), edge("B", "M", dimension="count"))
    assert told(mixed, "A") == (2, 1, None)


def test_a_loop_of_returns_ends() -> None:
    mixed = trail("M", edge("A", "M"), edge("N", "M"), edge("M", "N"), edge("B", "N"))
    assert told(mixed, "A") == (2, 1, None)


def test_a_chain_of_thousands_of_mixtures_is_walked() -> None:
    edges = [edge(f"M{at + 1}", f"M{at}") for at in range(3000)] + [
        edge(f"S{at}", f"M{at}") for at in range(3000)
    ]
    sources, found, _ = told(trail("M0", *edges), "S0")
    assert (sources, found) == (3001, 1)


def test_paths_that_meet_again_are_walked_once() -> None:
    edges = [edge(f"{side}{at + 1}", f"{child}{at}") for at in range(40) for side in "LR" for child in "LR"]
    mixed = trail("L0", *edges)
    assert told(mixed, "L40") == (2, 1, 0.5)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=8), st.data())
def test_all_sources_tested_is_the_whole_and_none_is_nothing(amounts: list[int], data: st.DataObject) -> None:
    names = [f"S{at}" for at in range(len(amounts))]
    mixed = trail("M", *(edge(name, "M", amount) for name, amount in zip(names, amounts, strict=True)))
    assert told(mixed, *names) == (len(names), len(names), 1.0)
    assert told(mixed) == (len(names), 0, 0.0)
    some = data.draw(st.sampled_from(names))
    assert 0 < (told(mixed, some)[2] or 0) < 1


@given(
    st.dictionaries(
        st.integers(0, 7),
        st.tuples(st.sampled_from("XYZ"), st.lists(st.integers(0, 7), max_size=3)),
        min_size=1,
    )
)
def test_what_is_gathered_for_all_at_once_is_what_each_finds_on_its_own_way(
    made: dict[int, tuple[str, list[int]]],
) -> None:
    rows: dict[str, dict[str, Any]] = {
        f"B{at}": {"organisation": by, "kind": by.lower()} for at, (by, _) in made.items()
    }
    parents = {
        f"B{at}": [edge(f"B{each}", f"B{at}") for each in each_from] for at, (_, each_from) in made.items()
    }
    ancestry = Ancestry(rows, parents)
    for name in rows:
        found = Trail(name, ancestry)
        assert set(found.makers) == {row["organisation"] for row in found.rows.values()}
        assert set(found.kinds) == {row["kind"] for row in found.rows.values()}


def test_a_batch_without_parents_is_its_own_trail() -> None:
    ancestry = Ancestry({"A": {"organisation": "X", "kind": "harvest"}}, {})
    assert (Trail("A", ancestry).base, [*Trail("A", ancestry).rows]) == (("A",), ["A"])
