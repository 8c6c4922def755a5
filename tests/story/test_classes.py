"""One walk for each class of goods: crops, eggs, animals, dry goods, each in its own units and to its own end."""

from __future__ import annotations

from typing import Any

from county import CYCLE, PLOT, County
from heji_trace.known.state import State
from heji_trace.recording.recorder import Receipt
from heji_trace.tracing.balance import balance_of
from labelled import look_at
from ledger_check import check_ledger

MILLION = 10**6


def product(county: County, code: str, name: str, **facts: Any) -> None:
    details = {"code": code, "name": name, "commodity": name[:2]} | facts
    county.record("product", "operator", details=details)


def make(
    county: County,
    kind: str,
    inputs: list[tuple[str, str, str]],
    output: tuple[str, str, str, str],
    **parts: Any,
) -> Receipt:
    """Batches (name, quantity, unit) into one batch (name, product, quantity, unit)."""
    taken = [{"batch": batch, "quantity": quantity, "unit": unit} for batch, quantity, unit in inputs]
    batch, code, quantity, unit = output
    made = [{"batch": batch, "product": code, "quantity": quantity, "unit": unit}]
    return county.record(kind, "packer", inputs=taken, outputs=made, **parts)


def gather(
    county: County, batch: str, code: str, quantity: str, unit: str, cycle: str, **parts: Any
) -> Receipt:
    outputs = [{"batch": batch, "product": code, "quantity": quantity, "unit": unit}]
    return county.record("harvest", "producer", cycles=[cycle], outputs=outputs, **parts)


def ship(county: County, batch: str, quantity: str, unit: str, giver: str, taker: str) -> None:
    line = {"batch": batch, "quantity": quantity, "unit": unit}
    sent = county.record("shipping", giver, moves=[line | {"to_organisation": county.code(taker)}])
    county.record("receiving", taker, moves=[line], details={"shipping": sent.event_id})


def held(county: County, batch: str, who: str) -> dict[str, int]:
    with county.service.store.read() as connection:
        return State(connection).held_stock(batch, county.code(who))


def is_explained(county: County, batch: str) -> bool:
    with county.service.store.read() as connection:
        return all(account.unexplained == 0 for account in balance_of(connection, batch).accounts)


def test_crops_go_by_jin_and_carton_from_the_tree_to_the_shop(county: County) -> None:
    product(
        county,
        "lz-box",
        "荔枝礼盒",
        conversions=[{"unit": "箱", "equals": "5", "of": "公斤"}],
        storage_band="0–5 ℃",
    )
    county.record(
        "field_operation", cycles=[CYCLE], site=PLOT, details={"operation": "bagging", "area": "12.5"}
    )
    soil = [{"analyte": "镉", "value": "0.12", "unit": "mg/kg", "limit": "0.30"}]
    county.record("environment_test", "laboratory", site=PLOT, details={"medium": "soil", "results": soil})
    gather(county, "L1", "litchi-fresh", "2000", "斤", CYCLE)
    county.record(
        "precooling", moves=[{"batch": "L1", "quantity": "1", "unit": "吨"}], details={"temperature": "2.5"}
    )
    county.certify("L1", "1000")
    ship(county, "L1", "1000", "公斤", "producer", "packer")
    make(county, "packaging", [("L1", "1000", "kg")], ("LB1", "lz-box", "198", "箱"))
    county.certify("LB1", "990", "packer")
    ship(county, "LB1", "100", "箱", "packer", "shop")
    assert held(county, "LB1", "shop") == {"mass": 500_000 * MILLION}
    steps = {step.step: step for step in look_at(county, "LB1", "lz-box").journey}
    assert len(steps) <= 7
    assert not steps["growing"].missing
    check_ledger(county.service)


def test_eggs_are_counted_in_pieces_and_trays_and_wait_for_the_medicine(county: County) -> None:
    product(county, "egg-30", "鲜蛋三十枚", conversions=[{"unit": "板", "equals": "30", "of": "枚"}])
    product(county, "egg", "鲜鸡蛋")
    details = {"cycle": "layer-1", "species": "蛋鸡", "head_count": 3000}
    county.record("stocking", hours_ago=24 * 40, site=PLOT, details=details)
    county.record("field_operation", cycles=["layer-1"], details={"operation": "disinfection"})
    medicine = {"input_type": "veterinary", "name": "强力霉素", "withdrawal_days": 7}
    county.record("input_application", hours_ago=48, cycles=["layer-1"], details=medicine)
    first = gather(county, "E1", "egg", "2700", "枚", "layer-1", acknowledged=["VET_WITHDRAWAL"])
    assert "VET_WITHDRAWAL" in first.warnings
    county.now.seconds += 10 * 86_400
    assert gather(county, "E2", "egg", "2700", "枚", "layer-1").warnings == ()
    ship(county, "E2", "2700", "枚", "producer", "packer")
    make(county, "packaging", [("E2", "2700", "个")], ("ET1", "egg-30", "90", "板"))
    assert held(county, "ET1", "packer") == {"count": 2700 * MILLION}
    broken = [{"batch": "ET1", "quantity": "45", "unit": "枚"}]
    county.record("disposal", "packer", moves=broken, details={"reason": "破损", "method": "spoilage"})
    county.record("stock_count", "packer", moves=[{"batch": "ET1", "quantity": "88.5", "unit": "板"}])
    assert is_explained(county, "ET1")
    check_ledger(county.service)


def test_animals_are_slaughtered_by_head_and_sold_by_weight(county: County) -> None:
    product(county, "pig", "生猪")
    product(county, "pork", "猪肉")
    county.record(
        "stocking",
        hours_ago=24 * 200,
        site=PLOT,
        details={"cycle": "pig-1", "species": "猪", "head_count": 40},
    )
    gather(county, "PG1", "pig", "20", "头", "pig-1")
    ship(county, "PG1", "20", "头", "producer", "packer")
    dead = [{"batch": "PG1", "quantity": "1", "unit": "头"}]
    county.record(
        "disposal", "packer", moves=dead, details={"reason": "运输死亡", "method": "harmless_treatment"}
    )
    make(county, "processing", [("PG1", "19", "头")], ("PK1", "pork", "1520", "公斤"))
    county.record(
        "storage",
        "packer",
        moves=[{"batch": "PK1", "quantity": "1520", "unit": "kg"}],
        details={"temperature": "-18"},
    )
    line = [{"batch": "PK1", "quantity": "20", "unit": "斤"}]
    county.record("sale", "packer", moves=line)
    county.record("return", "packer", moves=line, details={"reason": "顾客退货"})
    assert held(county, "PK1", "packer") == {"mass": 1_520_000 * MILLION}
    assert held(county, "PG1", "packer") == {"count": 0}
    assert is_explained(county, "PK1")
    check_ledger(county.service)


def test_dry_goods_lose_water_and_not_their_origin(county: County) -> None:
    product(county, "dry", "龙眼干", balance_tolerance="5")
    product(county, "dry-bag", "龙眼干袋装", conversions=[{"unit": "袋", "equals": "5", "of": "两"}])
    gather(county, "F1", "litchi-fresh", "400", "kg", CYCLE)
    ship(county, "F1", "400", "kg", "producer", "packer")
    loss = {"process": "烘干", "loss_quantity": "300", "loss_unit": "公斤"}
    make(county, "processing", [("F1", "400", "kg")], ("D1", "dry", "100", "kg"), details=loss)
    make(county, "packaging", [("D1", "100", "kg")], ("DB1", "dry-bag", "400", "袋"))
    counted = [{"batch": "DB1", "quantity": "392", "unit": "袋"}]
    county.record("stock_count", "packer", moves=counted, details={"reason": "失水"})
    assert held(county, "DB1", "packer") == {"mass": 98_000 * MILLION}
    codes = {notice.code for notice in look_at(county, "DB1", "dry-bag").live}
    assert "NO_CERTIFICATE_OF_CONFORMITY" not in codes
    check_ledger(county.service)
