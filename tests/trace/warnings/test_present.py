from __future__ import annotations

import tracemalloc
from contextlib import closing
from pathlib import Path

from sqlalchemy import event

from bench.synthetic import make_ledger, make_lineage
from county import PACKED, County
from heji_trace.desks.oversight import warnings_today
from heji_trace.known.state import State
from heji_trace.warnings.present import present_together, present_warnings
from labelled import register_product, sample
from web.doors import Now

DAY = 86_400


def chain(county: County, batches: int) -> list[str]:
    """Harvests that are each packed, shipped and sampled, of a product that keeps for a week and must be tested."""
    register_product(county, PACKED, shelf_life_days=7, test_policy="rapid", claims=["green_food"])
    for at in range(batches):
        county.harvest(f"H{at}", "100")
        county.make("packaging", {f"H{at}": "90"}, {f"P{at}": "90"})
        county.hand_over(f"P{at}", "50", "producer", "shop")
        sample(county, f"S{at}", f"P{at}")
    return [f"{kind}{at}" for at in range(batches) for kind in ("H", "P")]


def test_many_batches_are_told_what_each_is_told_alone(county: County, now: Now) -> None:
    names = chain(county, 3)
    now.seconds += 20 * DAY
    with county.service.store.read() as connection:
        at_ms = county.service.clock.now_ms()
        together = present_together(State(connection), names, at_ms)
        alone = {name: present_warnings(State(connection), name, at_ms) for name in names}
    assert together == alone
    assert [each.code for each in together["P2"]][:2] == ["BEST_BEFORE_PASSED", "NO_TEST"]


def test_more_batches_take_no_more_statements(county: County) -> None:
    names = chain(county, 6)
    counts = []
    for asked in (names[:2], names):
        with county.service.store.read() as connection:
            statements: list[str] = []
            event.listen(
                connection,
                "before_cursor_execute",
                lambda _c, _u, statement, *_, seen=statements: seen.append(statement),
            )
            warnings_today(connection, asked, county.service.clock.now_ms())
        counts.append(len(statements))
    assert counts[1] == counts[0] <= 10


def test_a_batch_that_the_ledger_does_not_know_is_warned_about_nothing(county: County) -> None:
    with county.service.store.read() as connection:
        assert present_together(State(connection), ["NONE"], 0) == {"NONE": []}


def test_what_the_date_causes_stands_among_what_is_stored_by_loudness(county: County, now: Now) -> None:
    chain(county, 1)
    county.record("hold", batches=["P0"], details={"reason": "待查"})
    now.seconds += 20 * DAY
    with county.service.store.read() as connection:
        found = warnings_today(connection, ["H0", "P0"], county.service.clock.now_ms())
    assert {each.code for each in found["P0"][:3]} == {"ON_HOLD", "BEST_BEFORE_PASSED", "CERT_FALSE"}
    assert not any(each.is_lifted for each in found["P0"])


def test_a_long_chain_is_not_held_once_for_each_of_its_batches(tmp_path: Path) -> None:
    length = 2000
    store, _, _ = make_ledger(tmp_path, length)
    with closing(store):
        make_lineage(store, 1, length)
        with store.read() as connection:
            tracemalloc.start()
            try:
                found = present_together(State(connection), [f"C0-{at}" for at in range(length)], 0)
                _, most = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
    assert len(found) == length
    assert most < 20_000 * length
