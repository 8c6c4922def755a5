from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from county import CYCLE, PACKED, PLOT, PRODUCT, County
from heji_trace.errors import NeedsAcknowledgement, Untrusted
from heji_trace.passport.passport import Passport, dump_passport, proof_of
from heji_trace.proving.proof import Bundle, check_bundle
from labelled import (
    CONFORMING,
    check_batch,
    label,
    look,
    look_at,
    register_product,
    release_result,
    sample,
    state_result,
    view,
)
from ledger_check import change, tamper


def packed(county: County) -> str:
    """A packed batch of one harvest."""
    county.harvest("H1", "137.77")
    county.make("grading", {"H1": "123.45"}, {"P1": "61.23", "P2": "62.22"})
    return "P1"


def live_codes(passport: Passport) -> list[str]:
    return [notice.code for notice in passport.live]


def text_of(passport: Passport) -> str:
    return json.dumps(dump_passport(passport), ensure_ascii=False)


def receipt(county: County, code: str) -> Bundle | None:
    with county.service.store.read() as connection:
        return proof_of(connection, code, view(county).trust)


# --- what it says -------------------------------------------------------------------------------------------------


def test_final_results_within_the_limit_make_a_green_page(county: County) -> None:
    batch = packed(county)
    check_batch(county, batch)
    passport = look_at(county, batch)
    assert passport.verdict.sentence["zh"] == "本批次无生效警示；已检 1 项均符合 GB 2763-2021"
    assert passport.tests is not None
    [result] = passport.tests.results
    assert (result.evidence, result.readings[0].share) == ("verified", 25)
    assert result.readings[0].sentence["zh"] == "克百威 0.005 mg/kg，国家限量 0.02 mg/kg（用了 25 %）"


def test_in_a_demonstration_a_limit_that_nobody_verified_is_example_data(county: County) -> None:
    batch = packed(county)
    check_batch(county, batch)
    passport = look_at(county, batch, demonstration=True)
    assert passport.verdict.sentence["zh"].endswith("均符合 GB 2763-2021（示例数据）")


def test_a_registered_edition_that_is_verified_is_no_example(county: County) -> None:
    rows = [{"analyte": "克百威", "limit": "0.02"}]
    details = {
        "table": "limits",
        "edition": "GB 2763-2021",
        "rows": rows,
        "source": "GB 2763",
        "verified": True,
    }
    county.record("edition", "operator", details=details | {"effective_from": "2026-01-01"})
    batch = packed(county)
    check_batch(county, batch)
    assert "示例" not in text_of(look_at(county, batch, demonstration=True))


def test_a_result_that_names_no_edition_is_told_and_makes_no_green_page(county: County) -> None:
    batch = packed(county)
    sample(county, "S1", batch)
    bare = {"analyte": "克百威", "value": "0.005", "unit": "mg/kg", "limit": "0.02"}
    state_result(county, "S1", "conforming", formal=True, results=[bare])
    verdict = look_at(county, batch).verdict
    assert (verdict.level, verdict.word["zh"]) == ("grey", "有检测记录")


def test_a_report_that_concludes_well_over_a_value_beyond_its_limit_makes_no_green_page(
    county: County,
) -> None:
    batch = packed(county)
    sample(county, "S1", batch)
    over = {"analyte": "氯氰菊酯", "value": "0.9", "unit": "mg/kg", "limit": "0.5", "edition": "GB 2763-2021"}
    with pytest.raises(NeedsAcknowledgement):
        state_result(county, "S1", "conforming", formal=True, results=[*CONFORMING, over])
    confirmed = ["RESULT_CONTRADICTED"]
    state_result(county, "S1", "conforming", formal=True, results=[*CONFORMING, over], acknowledged=confirmed)
    assert look_at(county, batch).verdict.level == "grey"


def test_an_edition_is_named_once_and_not_marked_twice_as_an_example(county: County) -> None:
    batch = packed(county)
    for at in range(2):
        sample(county, f"S{at}", batch)
        row = {"analyte": f"项目{at}", "value": "0.1", "unit": "mg/kg", "limit": "0.5", "edition": "示例限量"}
        state_result(county, f"S{at}", "conforming", formal=True, results=[row])
    passport = look_at(county, batch, demonstration=True)
    assert passport.verdict.sentence["zh"] == "本批次无生效警示；已检 2 项均符合 示例限量"


@pytest.mark.parametrize("hours, code", [(2, "TEST_PENDING"), (30, "TEST_OVERDUE")])
def test_a_sample_without_its_result_is_shown_as_open(county: County, hours: int, code: str) -> None:
    batch = packed(county)
    sample(county, "S1", batch)
    secret = {"analyte": "毒死蜱", "value": "7.77", "unit": "%"}
    state_result(county, "S1", "negative", status="registered", results=[secret])
    county.now.seconds += hours * 3600
    passport = look_at(county, batch)
    assert live_codes(passport) == [code]
    assert passport.tests is not None
    assert [each.sentence["zh"] for each in passport.tests.awaited] == [
        "样品 S1：2026年5月29日收样，检测结果未出"
    ]
    assert "7.77" not in text_of(passport)
    if code == "TEST_PENDING":
        assert passport.verdict.word["zh"] == "检测中"


def test_a_single_source_without_a_test_adds_nothing_to_what_is_said_of_the_batch(county: County) -> None:
    county.harvest("H1")
    county.make("processing", {"H1": "50"}, {"D1": "20"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    untested = look_at(county, "D1").tests
    assert untested is not None
    assert untested.sources is None
    check_batch(county, "D1")
    tested = look_at(county, "D1").tests
    assert tested is not None
    assert (len(tested.results), tested.sources) == (1, None)


def test_a_screening_says_what_it_covers_and_is_not_green(county: County) -> None:
    batch = packed(county)
    register_product(county, commodity="菜心")
    check_batch(county, batch, "negative", formal=False)
    passport = look_at(county, batch)
    assert passport.verdict.sentence["zh"] == "本批次无生效警示；快检阴性（初筛）"
    assert passport.tests is not None
    assert passport.tests.results[0].sentence["zh"] == "快检阴性（初筛，仅覆盖有机磷和氨基甲酸酯类农药）"


def test_the_enzyme_method_on_fruit_is_for_reference_only(county: County) -> None:
    batch = packed(county)
    check_batch(county, batch, "negative", formal=False)
    passport = look_at(county, batch)
    assert passport.tests is not None
    assert passport.tests.results[0].reference_only
    assert "仅供参考" in passport.verdict.sentence["zh"]


def test_a_pass_flows_through_a_split(county: County) -> None:
    county.harvest("H1")
    check_batch(county, "H1")
    county.make("packaging", {"H1": "50"}, {"P1": "50"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    assert look_at(county, "P1").verdict.level == "green"


def test_a_pass_does_not_flow_through_a_merge_but_its_share_is_told(county: County) -> None:
    register_product(county, test_policy="laboratory")
    county.harvest("H1")
    county.harvest("H2")
    check_batch(county, "H1")
    county.make(
        "packaging", {"H1": "62", "H2": "38"}, {"P1": "100"}, "packer", acknowledged=["OVER_CONSUMPTION"]
    )
    passport = look_at(county, "P1")
    assert live_codes(passport) == ["NO_TEST"]
    assert passport.tests is not None
    assert passport.tests.sources is not None
    assert passport.tests.sources["zh"] == "2 个来源批次中 1 个已检（按重量 62 %）"
    assert passport.tests.results == ()


def test_a_pass_does_not_flow_through_processing(county: County) -> None:
    county.harvest("H1")
    check_batch(county, "H1")
    county.make("processing", {"H1": "50"}, {"D1": "20"}, "packer", acknowledged=["OVER_CONSUMPTION"])
    passport = look_at(county, "D1")
    assert passport.verdict.level == "grey"
    assert passport.tests is not None
    assert passport.tests.sources == {
        "zh": "1 个来源批次中 1 个已检（按重量 100 %）",
        "en": "1 of 1 source batches tested (100 % by weight)",
    }


def test_a_mixture_of_mixtures_is_told_by_its_first_sources(county: County) -> None:
    for batch in ("H1", "H2", "H3"):
        county.harvest(batch)
    check_batch(county, "H3")
    county.make("collection", {"H1": "50", "H2": "50"}, {"C1": "100"}, product=PRODUCT)
    county.make("packaging", {"C1": "50", "H3": "50"}, {"P1": "100"})
    passport = look_at(county, "P1")
    assert passport.tests is not None
    assert passport.tests.sources is not None
    assert passport.tests.sources["zh"] == "3 个来源批次中 1 个已检（按重量 50 %）"


def test_the_journey_has_at_most_seven_steps_and_shows_its_gaps(county: County) -> None:
    passport = look_at(county, packed(county))
    assert [step.step for step in passport.journey] == [
        "growing",
        "harvest",
        "gathering",
        "transport",
        "sale",
    ]
    assert [step.step for step in passport.journey if step.missing] == ["transport", "sale"]
    assert passport.journey[-1].words == {"zh": "无记录", "en": "no record"}


def test_a_shipping_that_nobody_received_is_a_gap(county: County) -> None:
    batch = packed(county)
    county.move("shipping", batch, "10", to="shop")
    transport = next(step for step in look_at(county, batch).journey if step.step == "transport")
    assert "收货无记录" in transport.words["zh"]
    assert transport.evidence == "stated"


def test_a_shipping_to_nobody_knows_where_is_asked_about_once_and_then_warned_about(county: County) -> None:
    batch = packed(county)
    with pytest.raises(NeedsAcknowledgement):
        county.move("shipping", batch, "10")
    county.move("shipping", batch, "10", acknowledged=["CHAIN_BROKEN"])
    passport = look_at(county, batch)
    assert passport.verdict.code == "CHAIN_BROKEN"
    assert "未写明去向" in passport.verdict.sentence["zh"]


def test_a_hand_over_that_both_sides_recorded_is_evidenced(county: County) -> None:
    batch = packed(county)
    county.hand_over(batch, "10", "producer", "shop")
    transport = next(step for step in look_at(county, batch).journey if step.step == "transport")
    assert transport.evidence == "evidenced"


def test_a_source_that_nobody_made_is_counted_and_warned_about(county: County) -> None:
    inputs = [{"batch": "X1", "quantity": "5", "unit": "kg", "product": PRODUCT}]
    outputs = [{"batch": "C1", "product": PACKED, "quantity": "5", "unit": "kg"}]
    county.record(
        "collection", inputs=inputs, outputs=outputs, acknowledged=["UNKNOWN_ORIGIN", "OVER_CONSUMPTION"]
    )
    passport = look_at(county, "C1")
    assert passport.origin is not None
    assert passport.origin.unknown == 1
    assert passport.verdict.code == "CHAIN_BROKEN"
    assert [step.step for step in passport.journey if step.missing][:2] == ["growing", "harvest"]


def test_the_origin_is_told_by_its_division(county: County) -> None:
    details = {
        "code": PLOT,
        "name": "老李家的地",
        "site_type": "plot",
        "organisation": county.code("producer"),
    }
    county.record("site", "producer", details=details | {"division_code": "441821104", "area": "12.5"})
    passport = look_at(county, packed(county))
    assert passport.origin is not None
    assert passport.origin.region["zh"] == "广东省清远市佛冈县高岗镇"
    assert passport.origin.sites[0]["zh"] == "地块 12.5 亩，佛冈县高岗镇"
    assert "老李" not in text_of(passport)


def test_a_household_s_name_is_never_told(county: County) -> None:
    details = {"code": county.code("producer"), "name": "李大明", "subject_type": "farm_household"}
    county.record(
        "organisation", "operator", details=details | {"roles": ["producer"], "division_code": "441821"}
    )
    passport = look_at(county, packed(county))
    assert "李大明" not in text_of(passport)
    assert passport.origin is not None
    assert passport.origin.producers == ({"zh": "农户（佛冈县）", "en": "Farm household (Fogang County)"},)


def test_no_amount_is_told(county: County) -> None:
    batch = packed(county)
    county.hand_over(batch, "33.44", "producer", "shop")
    text = text_of(look_at(county, batch))
    assert not [amount for amount in ("137.77", "123.45", "61.23", "62.22", "33.44") if amount in text]


@pytest.mark.parametrize(
    "days_ago, standing, words", [(20, "kept", "已满"), (5, "short", "未满"), (None, None, None)]
)
def test_a_use_of_a_pesticide_stands_beside_its_interval(
    county: County, days_ago: int | None, standing: str | None, words: str | None
) -> None:
    rows = [{"active": "高效氯氟氰菊酯", "crop": "荔枝", "days": "14"}]
    details = {"table": "intervals", "edition": "示例", "rows": rows, "source": "labels", "verified": False}
    county.record("edition", "operator", details=details | {"effective_from": "2026-01-01"})
    if days_ago is not None:
        used = {"input_type": "pesticide", "name": "商品名", "active_substances": ["高效氯氟氰菊酯"]}
        county.record("input_application", cycles=[CYCLE], details=used)
        county.now.seconds += days_ago * 86_400
    county.harvest("H1", acknowledged=["PHI_VIOLATION"])
    passport = look_at(county, "H1", PRODUCT)
    assert [use.standing for use in passport.uses] == ([standing] if standing else [])
    for use in passport.uses:
        assert words is not None
        assert words in use.sentence["zh"]
        assert use.sentence["zh"].endswith("（示例数据）")
    assert (passport.verdict.code == "PHI_VIOLATION") is (standing == "short")
    assert "商品名" not in text_of(passport)


def test_a_claim_without_a_certificate_is_warned_about(county: County) -> None:
    register_product(county, claims=["green_food"])
    passport = look_at(county, packed(county))
    assert passport.verdict.code == "CERT_FALSE"
    assert passport.certificates == ()


@pytest.mark.parametrize(
    "facts, standing, codes",
    [
        ({"checked_at": "2026-05-01"}, "valid", []),
        ({}, "unchecked", ["CERT_UNVERIFIED"]),
        ({"checked_at": "2026-01-01", "valid_to": "2026-03-01"}, "expired", ["CERT_EXPIRED"]),
    ],
)
def test_a_certificate_is_shown_as_it_stood_on_the_day_of_production(
    county: County, facts: dict[str, str], standing: str, codes: list[str]
) -> None:
    register_product(county, claims=["green_food"])
    details = {"number": "LB-1", "scheme": "green_food", "holder": county.code("producer")}
    county.record("certificate", "operator", details=details | {"valid_from": "2025-01-01"} | facts)
    passport = look_at(county, packed(county))
    assert [certificate.standing for certificate in passport.certificates] == [standing]
    assert "绿色食品" not in passport.certificates[0].sentence["zh"]
    assert live_codes(passport) == codes
    if codes == ["CERT_EXPIRED"]:
        assert passport.live[0].dated["zh"] == "证书有效期至 2026-03-01"


def test_a_notice_without_a_day_of_its_own_is_dated_by_its_cause_and_not_by_the_reader(
    county: County,
) -> None:
    used = {"input_type": "pesticide", "name": "商品名", "active_substances": ["啶虫脒"]}
    county.record("input_application", cycles=[CYCLE], details=used)
    county.now.seconds += 30 * 86_400
    county.harvest("H1")
    check_batch(county, "H1")
    code = label(county, "H1", PRODUCT).trace_code
    stated_on = look(county, code).as_of
    county.now.seconds += 5 * 86_400
    passport = look(county, code)
    dated = {notice.code: notice.since for notice in passport.live}
    assert dated["TEST_SCOPE_GAP"] == stated_on != passport.as_of


def test_a_shelf_life_that_has_passed_is_told_on_the_next_day(county: County) -> None:
    register_product(county, shelf_life_days=7)
    code = label(county, packed(county)).trace_code
    county.now.seconds += 7 * 86_400
    assert look(county, code).verdict.code == "NEAR_EXPIRY"
    county.now.seconds += 86_400
    assert look(county, code).verdict.code == "BEST_BEFORE_PASSED"


# --- warnings -----------------------------------------------------------------------------------------------------


def test_a_recall_is_red_at_once_and_says_why(county: County) -> None:
    batch = packed(county)
    code = label(county, batch).trace_code
    county.record(
        "recall", "regulator", batches=["H1"], details={"level": 1, "ordered": True, "reason": "克百威超标"}
    )
    passport = look(county, code)
    assert (passport.verdict.level, passport.verdict.code) == ("red", "RECALLED")
    assert passport.verdict.sentence["zh"] == "该批次已召回，请停止食用并退货（原因：克百威超标）"
    assert passport.live[0].by == {"zh": "fg-market-office 单位", "en": "fg-market-office 单位"}


def test_an_inherited_failure_names_the_source(county: County) -> None:
    code = label(county, packed(county)).trace_code
    check_batch(county, "H1", "nonconforming")
    passport = look(county, code)
    assert passport.verdict.sentence["zh"] == "所用原料批次 H1 不合格"


def test_a_failure_of_the_batch_itself_tells_value_and_limit(county: County) -> None:
    code = label(county, packed(county)).trace_code
    sample(county, "S1", "P1")
    over = {
        "analyte": "克百威",
        "value": "0.11",
        "unit": "mg/kg",
        "limit": "0.02",
        "outcome": "nonconforming",
    }
    state_result(county, "S1", "nonconforming", formal=True, results=[over])
    passport = look(county, code)
    assert passport.verdict.sentence["zh"] == "检验不合格：克百威 0.11 mg/kg，限量 0.02 mg/kg"


def test_a_failure_is_told_by_the_value_above_its_limit_where_no_outcome_is_stated(county: County) -> None:
    code = label(county, packed(county)).trace_code
    sample(county, "S1", "P1")
    within = {"analyte": "毒死蜱", "value": "0.01", "unit": "mg/kg", "limit": "0.02"}
    above = {"analyte": "克百威", "value": "0.11", "unit": "mg/kg", "limit": "0.02"}
    state_result(county, "S1", "nonconforming", formal=True, results=[within, above])
    assert look(county, code).verdict.sentence["zh"] == "检验不合格：克百威 0.11 mg/kg，限量 0.02 mg/kg"
    banned = {"analyte": "甲胺磷", "value": "0.03", "unit": "mg/kg", "outcome": "nonconforming"}
    state_result(county, "S1", "nonconforming", formal=True, results=[banned])
    assert look(county, code).verdict.sentence["zh"] == "检验不合格：甲胺磷 0.03 mg/kg"


def test_a_lifted_hold_stays_visible_with_its_day(county: County) -> None:
    code = label(county, packed(county)).trace_code
    hold = county.record("hold", batches=["P1"], details={"reason": "等待检测"})
    assert look(county, code).verdict.sentence["zh"] == "暂停销售，等待结果"
    county.record("release", details={"hold": hold.event_id, "reason": "检测合格"})
    passport = look(county, code)
    assert passport.verdict.level == "grey"
    assert passport.live == ()
    assert [notice.lifted for notice in passport.lifted] == ["2026-05-29"]


def test_a_hold_that_is_placed_and_lifted_twice_is_one_line(county: County) -> None:
    code = label(county, packed(county)).trace_code
    for _ in range(2):
        hold = county.record("hold", batches=["P1"], details={"reason": "等待检测"})
        county.record("release", details={"hold": hold.event_id, "reason": "检测合格"})
    assert len(look(county, code).lifted) == 1


def test_a_result_that_is_not_reviewed_is_shown_to_nobody(county: County) -> None:
    code = label(county, packed(county)).trace_code
    sample(county, "S1", "P1")
    secret = {"analyte": "毒死蜱", "value": "77.77", "unit": "%", "limit": "50"}
    state_result(county, "S1", "positive", status="preliminary", results=[secret])
    passport = look(county, code)
    assert passport.verdict.sentence["zh"] == "暂停销售，等待结果"
    assert passport.tests is not None
    assert passport.tests.results == ()
    assert "77.77" not in text_of(passport)
    bundle = receipt(county, code)
    assert bundle is not None
    assert not [item for item in bundle.items if b"77.77" in item.record]


def test_an_official_result_is_shown_once_it_is_released(county: County) -> None:
    code = label(county, packed(county)).trace_code
    sample(county, "S1", "P1", purpose="supervised", who="regulator")
    state_result(county, "S1", "nonconforming", formal=True)
    hidden = look(county, code)
    assert (hidden.verdict.code, hidden.tests and hidden.tests.results) == ("ON_HOLD", ())
    release_result(county, "S1", "nonconforming")
    assert look(county, code).verdict.code == "TEST_FAILED"


def test_a_positive_screening_that_a_laboratory_clears_is_shown_as_replaced(county: County) -> None:
    code = label(county, packed(county)).trace_code
    check_batch(county, "P1", "positive", formal=False)
    assert look(county, code).verdict.code == "RAPID_POSITIVE"
    check_batch(county, "P1")
    passport = look(county, code)
    assert passport.verdict.level == "green"
    assert [notice.code for notice in passport.lifted] == ["RAPID_POSITIVE"]
    assert passport.tests is not None
    assert [result.replaced for result in passport.tests.results] == [False, True]


def test_a_required_test_that_is_awaited_is_told(county: County) -> None:
    register_product(county, test_policy="rapid")
    code = label(county, packed(county)).trace_code
    sample(county, "S1", "P1")
    county.record(
        "testing",
        "laboratory",
        details={"sample": "S1", "laboratory": county.code("laboratory"), "status": "registered"},
    )
    assert live_codes(look(county, code)) == ["NO_TEST", "TEST_PENDING"]
    county.now.seconds += 25 * 3600
    assert live_codes(look(county, code)) == ["NO_TEST", "TEST_OVERDUE"]


# --- codes --------------------------------------------------------------------------------------------------------


def test_a_code_that_was_never_issued_is_unknown(county: County) -> None:
    passport = look(county, "3K7TQ9W2MX4RA6BC")
    assert (passport.standing, passport.batch, passport.journey) == ("unknown", None, ())


def test_a_withdrawn_label_is_void(county: County) -> None:
    issued = label(county, packed(county))
    county.record("correction", details={"corrects": [issued.event_id], "reason": "印错"})
    passport = look(county, issued.trace_code)
    assert (passport.standing, passport.batch) == ("void", None)


def test_a_label_without_a_batch_is_not_in_use_yet(county: County) -> None:
    passport = look(county, label(county, None).trace_code)
    assert (passport.standing, passport.verdict.level) == ("unbound", "grey")


# --- the mark -----------------------------------------------------------------------------------------------------


def test_every_entry_behind_the_page_is_proved_and_can_be_proved_elsewhere(county: County) -> None:
    code = label(county, packed(county)).trace_code
    passport = look(county, code)
    assert passport.integrity is not None
    assert passport.integrity.whole
    bundle = receipt(county, code)
    assert bundle is not None
    shown = check_bundle(bundle, [county.service.signer.verifier])
    assert tuple(item.seq + 1 for item in shown) == passport.integrity.entries
    assert not any(item.disclosed for item in shown)


def test_a_receipt_holds_nothing_for_a_code_that_leads_nowhere(county: County) -> None:
    assert receipt(county, "3K7TQ9W2MX4RA6BC") is None


@pytest.mark.parametrize(
    "table, column, changed",
    [
        ("entries", "record", lambda old: old.replace(b"P2", b"P9")),
        ("entries", "record", lambda _: b"{"),
        ("entries", "record_salt", lambda _: bytes(32)),
        ("entries", "entry", lambda _: bytes(10)),
        ("entries", "entry", lambda old: old.replace(b"v", b"w")),
        ("disclosures", "value", lambda _: b'"9"'),
        ("disclosures", "salt", lambda _: bytes(32)),
        ("entries", None, None),
    ],
)
def test_a_row_that_was_changed_or_deleted_makes_the_page_red_and_is_named(
    county: County, table: str, column: str | None, changed: Callable[[bytes], bytes]
) -> None:
    code = label(county, packed(county)).trace_code
    county.harvest("H9")
    other = label(county, "H9", PRODUCT).trace_code
    grading = county.size - 4
    if column is None:
        tamper(county.service, f"DELETE FROM {table} WHERE seq = ?", grading)
    else:
        change(county.service, table, column, grading, changed)
    passport = look(county, code)
    assert (passport.verdict.level, passport.verdict.code) == ("red", "TAMPERED")
    assert passport.integrity is not None
    assert passport.integrity.broken == (grading + 1,)
    assert f"第 {grading + 1} 条" in passport.verdict.sentence["zh"]
    assert (passport.product, passport.journey, passport.tests) == (None, (), None)
    assert look(county, other).verdict.code == ""


def test_a_ledger_that_was_put_back_makes_every_page_red(county: County) -> None:
    code = label(county, packed(county)).trace_code
    county.harvest("H9")
    tamper(county.service, "DELETE FROM checkpoints WHERE size = ?", county.size)
    passport = look(county, code)
    assert passport.verdict.code == "TAMPERED"
    assert passport.integrity is not None
    assert passport.integrity.broken == (county.size,)


def test_a_checkpoint_signed_by_another_key_makes_every_page_red(county: County) -> None:
    code = label(county, packed(county)).trace_code
    forged = "substr(note, 1, length(note) - 40) || 'FORGED/+' || substr(note, length(note) - 31)"
    tamper(county.service, f"UPDATE checkpoints SET note = {forged} WHERE size = ?", county.size)
    assert look(county, code).verdict.code == "TAMPERED"
    with pytest.raises(Untrusted):
        receipt(county, code)


def test_cooling_storing_and_what_came_back_are_told_on_the_way_and_make_no_step_of_their_own(
    county: County,
) -> None:
    county.harvest("H1", "100")
    county.move("precooling", "H1", "100", details={"temperature": "2.5"})
    county.move("storage", "H1", "100", details={"temperature": "3"})
    county.hand_over("H1", "60", "producer", "shop")
    reason = {"reason": "到货过热"}
    back = county.move("return", "H1", "10", "shop", to="producer", details=reason)
    county.move("receiving", "H1", "10", details={"shipping": back.event_id})
    county.move("sale", "H1", "20", "shop")
    county.move("return", "H1", "1", "shop", details=reason)
    steps = {step.step: step.words["zh"] for step in look_at(county, "H1", PRODUCT).journey}
    assert steps["transport"] == "发货 1 次，收货 2 次；预冷 1 次（2.5 ℃）；贮存 1 次（3 ℃）；退货 1 次"
    assert steps["sale"] == "已销售；退货 1 次"
    assert len(steps) <= 7
