from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from county import PACKED, PACKING_SITE, PLOT, PRODUCT, County, opened_county
from heji_trace.errors import Conflict, InvalidEvent
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers.codes import make_phone_code, make_trace_code
from heji_trace.known.state import State
from heji_trace.recording import sense

Refusal = Callable[[Event], Any]

LABEL = {
    "trace_code": make_trace_code(bytes),
    "phone_code": make_phone_code(bytes),
    "copies": 1,
}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[County]:
    """A county with one harvested batch of 100 kg, one packed one of 60 kg, and one on hold."""
    with opened_county(tmp_path_factory.mktemp("sense"), module_database_url) as opened:
        opened.harvest("B1", "100")
        opened.harvest("B2", "100")
        opened.make("packaging", {"B1": "60"}, {"P1": "60"})
        opened.record("hold", batches=["B2"], details={"reason": "待查"})
        yield opened


@pytest.fixture
def state(county: County) -> Iterator[State]:
    with county.service.store.read() as connection:
        yield State(connection)


@pytest.fixture
def refusal(county: County, state: State) -> Refusal:
    """Pointers and codes of what `check` refuses, the code of a conflict, or None."""

    def judge(event: Event) -> Any:
        try:
            sense.check(state, event, county.service.clock.now_ms())
        except InvalidEvent as error:
            return [(problem.pointer, problem.code) for problem in error.problems]
        except Conflict as error:
            return error.code
        return None

    return judge


def packing(county: County, source: str, quantity: str, made: str, unit: str = "kg", **parts: Any) -> Event:
    return county.event(
        "packaging",
        inputs=[{"batch": source, "quantity": quantity, "unit": unit}],
        outputs=[{"batch": "NEW", "product": PACKED, "quantity": made, "unit": "kg"}],
        **parts,
    )


def suspected(state: State, event: Event) -> list[str]:
    return [each.code for each in sense.suspicions(state, event)]


def test_an_event_that_fits_is_neither_refused_nor_asked_about(
    county: County, state: State, refusal: Refusal
) -> None:
    event = packing(county, "B1", "40", "40")
    assert refusal(event) is None
    assert suspected(state, event) == []


def test_a_moment_more_than_five_minutes_ahead_is_refused(county: County, refusal: Refusal) -> None:
    assert refusal(county.harvesting("B9", hours_ago=-4 / 60)) is None
    assert refusal(county.harvesting("B9", hours_ago=-6 / 60)) == [("/occurred_at", "in-the-future")]


def test_what_lasts_ends_before_now(county: County, refusal: Refusal) -> None:
    assert refusal(county.harvesting("B9", ended_at=county.at())) is None
    assert refusal(county.harvesting("B9", ended_at=county.at(-1))) == [("/ended_at", "in-the-future")]
    for name in ("tested_at", "released_at"):
        stated = {
            "sample": "S1",
            "laboratory": "fg-rapid-centre",
            "status": "registered",
            name: county.at(-1),
        }
        assert refusal(county.event("testing", "laboratory", details=stated)) == [
            (f"/details/{name}", "in-the-future"),
            ("/details/sample", "unknown-sample"),
        ]
    certificate = {"number": "LB-1", "scheme": "green_food", "holder": county.code("producer")}
    certificate |= {"valid_from": "2026-01-01"}
    # It is the 29th in Beijing.
    for checked, refused in (
        ("2026-05-29", None),
        ("2026-05-30", [("/details/checked_at", "in-the-future")]),
    ):
        registered = county.event("certificate", details=certificate | {"checked_at": checked})
        assert refusal(registered) == refused


def test_the_future_is_told_by_the_time_itself_as_people_in_beijing_read_it(
    county: County, state: State
) -> None:
    event = county.event(
        "hold", batches=["B1"], details={"reason": "待查"}, occurred_at="2027-11-28T02:05:00Z"
    )
    with pytest.raises(InvalidEvent) as refused:
        sense.check(state, event, county.service.clock.now_ms())
    [told] = refused.value.problems
    assert told.sentence("zh") == "2027年11月28日 10:05 还没有到，请核对日期和时刻。"
    assert (
        told.sentence("en") == "28 November 2027, 10:05 is still to come; check the date and the time of day."
    )


def test_an_unknown_batch_is_refused_where_it_stands(county: County, refusal: Refusal) -> None:
    assert refusal(packing(county, "NONE", "1", "1")) == [("/inputs/0/batch", "unknown-batch")]


def test_a_second_maker_of_a_batch_is_a_conflict(county: County, refusal: Refusal) -> None:
    assert refusal(county.harvesting("B1")) == "batch-already-made"


def test_a_unit_of_another_kind_is_refused(county: County, refusal: Refusal) -> None:
    assert refusal(packing(county, "B1", "4", "4", unit="L")) == [("/inputs/0/unit", "unit-of-another-kind")]


def test_a_code_that_nobody_registered_is_refused_where_it_stands(county: County, refusal: Refusal) -> None:
    outputs = [{"batch": "B9", "product": "nothing", "quantity": "1", "unit": "kg"}]
    event = county.event("harvest", cycles=["no-cycle"], outputs=outputs)
    assert refusal(event) == [("/cycles/0", "unknown-cycle"), ("/outputs/0/product", "unknown-product")]


def test_a_sample_bound_to_nothing_is_refused(county: County, refusal: Refusal) -> None:
    details = {"purpose": "self_check", "samples": [{"sample": "S1"}]}
    assert refusal(county.event("sampling", details=details)) == [
        ("/details/samples/0", "sample-without-target")
    ]
    assert refusal(county.event("sampling", batches=["B1"], details=details)) is None


def test_a_label_names_the_product_of_its_batch(county: County, refusal: Refusal) -> None:
    wrong = county.event("label_issue", details={"product": PRODUCT, "batch": "P1", **LABEL})
    right = county.event("label_issue", details={"product": PACKED, "batch": "P1", **LABEL})
    assert refusal(wrong) == [("/details/product", "label-of-another-product")]
    assert refusal(right) is None


def test_labels_for_a_held_batch_are_a_conflict(county: County, refusal: Refusal) -> None:
    details = {"product": PRODUCT, "batch": "B2", **LABEL}
    assert refusal(county.event("label_issue", details=details)) == "labels-for-a-stopped-batch"


def test_more_out_than_there_is_looks_wrong(county: County, state: State) -> None:
    assert suspected(state, packing(county, "B1", "40.5", "40.5")) == ["OVER_CONSUMPTION"]


def test_moving_a_held_batch_looks_wrong(county: County, state: State) -> None:
    assert suspected(state, packing(county, "B2", "10", "10")) == ["HELD_MOVED"]


def test_more_made_than_went_in_looks_wrong_beyond_the_tolerance(county: County, state: State) -> None:
    assert suspected(state, packing(county, "B1", "10", "10.3")) == []
    assert suspected(state, packing(county, "B1", "10", "10.4")) == ["MASS_BALANCE"]


@pytest.mark.parametrize(
    ("loss", "unit", "asked"), [("1", "斤", []), ("2", "斤", ["MASS_BALANCE"]), ("2", "个", [])]
)
def test_what_was_lost_came_out_of_what_went_in(
    county: County, state: State, loss: str, unit: str, asked: list[str]
) -> None:
    lost = {"loss_quantity": loss, "loss_unit": unit}
    assert suspected(state, packing(county, "B1", "10", "9.6", details=lost)) == asked


def test_an_unknown_batch_is_asked_about_where_goods_come_in(
    county: County, state: State, refusal: Refusal
) -> None:
    event = county.event("receiving", "shop", moves=[{"batch": "X1", "quantity": "5", "unit": "kg"}])
    assert refusal(event) is None
    assert suspected(state, event) == ["UNKNOWN_ORIGIN"]


@pytest.mark.parametrize("place, asked", [(None, ["CHAIN_BROKEN"]), ("to_organisation", []), ("to_site", [])])
def test_a_shipping_that_names_no_destination_is_asked_about(
    county: County, state: State, place: str | None, asked: list[str]
) -> None:
    line = {"batch": "B1", "quantity": "5", "unit": "kg"}
    if place is not None:
        line[place] = county.code("shop") if place == "to_organisation" else PACKING_SITE
    assert suspected(state, county.event("shipping", moves=[line, line])) == asked


def test_a_replacement_is_judged_where_it_stands(county: County, refusal: Refusal) -> None:
    replacement = county.raw(
        "packaging",
        inputs=[{"batch": "NONE", "quantity": "1", "unit": "kg"}],
        outputs=[{"batch": "NEW", "product": PACKED, "quantity": "1", "unit": "kg"}],
    )
    with county.service.store.read() as connection:
        [hold] = [row["event_id"] for row in State(connection).holds.of("batch", "B2")]
    event = parse_event(
        county.raw("correction", details={"corrects": [hold], "reason": "写错", "replacement": replacement})
    )
    assert refusal(event) == [("/details/replacement/inputs/0/batch", "unknown-batch")]


# --- what is said once ------------------------------------------------------------------------------------------------


def test_a_cycle_is_opened_once_and_again_only_where_its_opening_was_taken_back(county: County) -> None:
    planting = {"cycle": "2026-plum-7", "crop": "李"}
    opened = county.record("planting", site=PLOT, details=planting)
    with pytest.raises(Conflict) as refused:
        county.record("planting", site=PLOT, details=planting)
    assert refused.value.code == "cycle-already-open"
    # What replaces the opening opens it in its place.
    meant = county.raw("planting", site=PLOT, details={**planting, "crop": "柰李"})
    correction = {"corrects": [opened.event_id], "reason": "品种写错", "replacement": meant}
    county.record("correction", details=correction)


def test_a_sample_is_drawn_once_so_that_no_result_goes_over_to_other_goods(county: County) -> None:
    def draw(batch: str) -> None:
        drawn = {"purpose": "self_check", "samples": [{"sample": "ONCE-1", "batch": batch}]}
        county.record("sampling", details=drawn)

    draw("B1")
    with pytest.raises(Conflict) as refused:
        draw("P1")
    assert refused.value.code == "sample-already-drawn"


def test_a_code_of_the_registers_stays_with_who_registered_it_first(county: County) -> None:
    def register(who: str, name: str) -> None:
        plot = {"code": "fg-plot-77", "name": name, "site_type": "plot", "organisation": county.code(who)}
        county.record("site", who, details=plot)

    register("producer", "七十七号地")
    register("producer", "七十七号果园")
    with pytest.raises(Conflict) as refused:
        register("neighbour", "我的地")
    assert refused.value.code == "code-of-another"
    register("operator", "划给县里的地")
