from __future__ import annotations

from sqlalchemy import Connection

from county import CYCLE, PACKED, PLOT, PRODUCT, County
from heji_trace.desks.suggestions import Asking, Suggestion, shown, suggest
from heji_trace.people.parties import Author
from labelled import label


def offered(connection: Connection, county: County, who: str, *wanted: str) -> dict[str, list[str]]:
    """The values that are offered to a person."""
    asking = Asking(county.authors[who], (county.code(who),), "zh")
    return {
        name: [each.value for each in found] for name, found in suggest(connection, asking, wanted).items()
    }


def test_own_sites_cycles_and_stock_are_offered_and_no_one_else_s(county: County, traded: Connection) -> None:
    own = offered(traded, county, "producer", "site", "cycle", "batch")
    assert own == {"site": [PLOT], "cycle": [CYCLE], "batch": ["B-1"]}
    assert offered(traded, county, "neighbour", "site", "cycle", "batch") == {
        "site": [],
        "cycle": [],
        "batch": [],
    }


def test_stock_is_told_with_product_and_amount(county: County, traded: Connection) -> None:
    asking = Asking(county.authors["producer"], (county.code("producer"),), "zh")
    assert suggest(traded, asking, ["batch"])["batch"] == (Suggestion("B-1", "鲜荔枝 100.5 千克"),)


def test_what_is_on_its_way_is_offered_to_who_shall_receive_it(county: County, traded: Connection) -> None:
    found = offered(traded, county, "shop", "arriving", "shipping")
    assert found["arriving"] == ["B-1"]
    assert len(found["shipping"]) == 1
    assert offered(traded, county, "packer", "arriving")["arriving"] == []


def test_every_product_is_offered(county: County, traded: Connection) -> None:
    assert set(offered(traded, county, "packer", "product")["product"]) == {PRODUCT, PACKED}


def test_what_one_lately_made_comes_before_what_one_never_had(county: County) -> None:
    for code in ("aa-first", "zz-last"):
        county.record("product", "operator", details={"code": code, "name": code, "commodity": "荔枝"})
    county.harvest("B-1", "10", hours_ago=2)
    county.make("packaging", {"B-1": "5"}, {"P-1": "5"}, product="zz-last")
    with county.service.store.read() as connection:
        found = offered(connection, county, "producer", "product")["product"]
    assert [code for code in found if code in ("aa-first", "zz-last")] == ["zz-last", "aa-first"]


def test_whom_one_lately_sent_goods_to_comes_before_whom_one_never_met(county: County) -> None:
    for code in ("aa-shop", "zz-shop"):
        details = {"code": code, "name": code, "subject_type": "enterprise", "roles": ["shop"]}
        county.record("organisation", "operator", details=details)
        county.authors[code] = Author(f"account-{code}", code, frozenset({"shop"}))
    county.harvest("B-1", "10", hours_ago=2)
    county.move("shipping", "B-1", "5", to="zz-shop")
    with county.service.store.read() as connection:
        found = offered(connection, county, "producer", "organisation")["organisation"]
    assert found[:2] == [county.code("producer"), "zz-shop"]
    assert "aa-shop" in found[2:]


def test_of_many_others_a_list_shows_the_first_and_all_of_one_s_own() -> None:
    own = [Suggestion(f"own-{number}") for number in range(300)]
    others = [Suggestion(f"other-{number}", own=False) for number in range(300)]
    assert shown([*own, *others]) == [*own, *others[:200]]


def test_an_unknown_source_offers_nothing(county: County, traded: Connection) -> None:
    assert offered(traded, county, "packer", "nothing") == {}


def test_open_holds_are_offered_to_who_placed_them_and_to_the_regulator(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    hold = county.record("hold", "producer", batches=["B-1"], details={"reason": "待检"})
    with county.service.store.read() as connection:
        assert offered(connection, county, "producer", "hold") == {"hold": [hold.event_id]}
        assert offered(connection, county, "regulator", "hold") == {"hold": [hold.event_id]}
        assert offered(connection, county, "neighbour", "hold") == {"hold": []}


def test_recalls_are_offered_to_whom_they_reach(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    county.hand_over("B-1", "5", "producer", "shop")
    details = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B-1"], details=details)
    with county.service.store.read() as connection:
        for who in ("regulator", "producer", "shop"):
            assert offered(connection, county, who, "recall") == {"recall": [recall.event_id]}
        assert offered(connection, county, "neighbour", "recall") == {"recall": []}


def test_runs_of_labels_are_offered_to_who_issued_them_until_they_are_void(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    first, second = label(county, "B-1", PRODUCT), label(county, None, PRODUCT)
    county.record("label_void", details={"run": first.event_id, "reason": "印错"})
    with county.service.store.read() as connection:
        assert offered(connection, county, "producer", "run") == {"run": [second.event_id]}
        assert offered(connection, county, "packer", "run") == {"run": []}


def test_a_household_is_offered_to_itself_alone(county: County) -> None:
    details = {"code": "hh-1", "name": "张三", "subject_type": "farm_household", "roles": ["producer"]}
    county.record("organisation", "operator", details=details)
    with county.service.store.read() as connection:
        assert "hh-1" not in offered(connection, county, "shop", "organisation")["organisation"]


def test_a_cycle_is_told_by_what_grows_where_and_since_when(county: County) -> None:
    site = {"code": "p-1", "name": "一号菜地", "site_type": "plot", "organisation": county.code("producer")}
    county.record("site", "producer", details=site)
    crop = {"cycle": "C-1", "crop": "菜心", "variety": "四九心"}
    county.record("planting", hours_ago=2, site="p-1", details=crop)
    told = {
        "zh": "菜心（四九心） · 一号菜地 · 5月29日种",
        "en": "choy sum (四九心) · 一号菜地 · planted 29 May",
    }
    with county.service.store.read() as connection:
        for language, expected in told.items():
            asking = Asking(county.authors["producer"], (county.code("producer"),), language)
            labels = {each.value: each.label for each in suggest(connection, asking, ["cycle"])["cycle"]}
            assert labels["C-1"] == expected


def test_a_cycle_of_another_year_is_told_with_its_year(county: County) -> None:
    county.record("planting", hours_ago=24 * 365, site=PLOT, details={"cycle": "C-0", "crop": "荔枝"})
    with county.service.store.read() as connection:
        asking = Asking(county.authors["producer"], (county.code("producer"),), "zh")
        labels = {each.value: each.label for each in suggest(connection, asking, ["cycle"])["cycle"]}
    assert "2025年" in labels["C-0"]
    assert "年" not in labels[CYCLE]


def test_who_records_for_several_is_told_whose_each_cycle_and_site_is(county: County) -> None:
    both = (county.code("producer"), county.code("neighbour"))
    for who, code in (("neighbour", "N"), ("producer", "P")):
        site = {"code": code, "name": "一号菜地", "site_type": "plot", "organisation": county.code(who)}
        county.record("site", who, details=site)
        details = {"cycle": f"{code}-1", "crop": "菜心"}
        county.record("planting", who, site=code, details=details)
    with county.service.store.read() as connection:
        found = suggest(connection, Asking(county.authors["station"], both, "zh"), ["cycle", "site"])
    labels = [each.label for each in found["cycle"]]
    assert [label.partition(" · ")[0] for label in labels] == [
        "fg-litchi-coop 单位",
        "fg-litchi-coop 单位",
        "fg-plum-coop 单位",
    ]
    assert "fg-plum-coop 单位 · 一号菜地" in [each.label for each in found["site"]]


def test_only_runs_that_wait_for_their_batch_are_offered_to_be_bound(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    label(county, "B-1", PRODUCT)
    waiting, void = label(county, None, PRODUCT), label(county, None, PRODUCT)
    county.record("label_void", details={"run": void.event_id, "reason": "印错"})
    with county.service.store.read() as connection:
        assert offered(connection, county, "producer", "unbound_run") == {"unbound_run": [waiting.event_id]}


def test_runs_shipments_and_holds_are_told_by_names(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=2)
    label(county, "B-1", PRODUCT)
    county.move("shipping", "B-1", "5", to="shop")
    county.record("hold", "producer", batches=["B-1"], details={"reason": "待检"})
    with county.service.store.read() as connection:
        own = Asking(county.authors["producer"], (county.code("producer"),), "zh")
        found = suggest(connection, own, ["run", "hold"])
        shop = Asking(county.authors["shop"], (county.code("shop"),), "zh")
        [shipment] = suggest(connection, shop, ["shipping"])["shipping"]
    assert found["run"][0].label.startswith("鲜荔枝 · B-1 · ")
    assert found["hold"][0].label == "鲜荔枝 B-1"
    assert shipment.label.endswith(" fg-litchi-coop 单位 鲜荔枝 B-1")


def test_what_others_recorded_of_one_s_goods_is_offered_to_object_to(county: County) -> None:
    made = county.harvest("B-1", "10", hours_ago=2)
    sent, _ = county.hand_over("B-1", "5", "producer", "shop")
    with county.service.store.read() as connection:
        asking = Asking(county.authors["shop"], (county.code("shop"),), "zh")
        found = suggest(connection, asking, ["statement"])["statement"]
        assert {each.value for each in found} <= {made.event_id, sent.event_id}
        assert sent.event_id in {each.value for each in found}
        assert "fg-litchi-coop 单位" in found[0].label
        assert offered(connection, county, "neighbour", "statement") == {"statement": []}
