from __future__ import annotations

import csv
import io
import re

from county import PRODUCT, County
from web.doors import Now
from web.people import Person


def test_the_recall_page_shows_what_consignees_report(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "shop")
    details = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id
    figures = {
        "organisation": county.code("shop"),
        "unit": "kg",
        "returned": "37.5",
        "finish_on": "2026-06-05",
        "notified_at": "2026-06-01T02:30:00Z",
    }
    told = {"recall": recall, "status": "in_progress", "consignees": [figures]}
    county.record("recall_update", "shop", details=told)
    page = Person(county, "regulator").see(f"/desk/recalls/{recall}")
    assert "37.5 千克" in page
    assert 'data-key="37500000000">37.5' in page
    assert "2026-06-05" in page
    assert "2026-06-01 10:30" in page
    assert "T02:30" not in page
    assert "/desk/record/recall_update?" in page
    assert f"/desk/recalls/{recall}/call-list.csv" in page


def test_a_recall_that_was_stated_finished_says_what_is_still_to_be_recovered(county: County) -> None:
    county.harvest("B1", "100")
    details = {"level": 3, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id
    person, unfinished = Person(county, "regulator"), "已报完成，但账本显示仍有 100 千克 待追回"
    assert unfinished not in person.see(f"/desk/recalls/{recall}")
    stated = {"recall": recall, "status": "finished"}
    county.record("recall_update", "regulator", details=stated, acknowledged=["RECALL_UNFINISHED"])
    assert unfinished in person.see(f"/desk/recalls/{recall}")
    county.move("disposal", "B1", "100", "producer", details={"method": "destruction", "reason": "超标"})
    assert "已报完成" not in person.see(f"/desk/recalls/{recall}")


def test_whom_to_call_about_a_recall_is_a_file_too(county: County) -> None:
    shop = county.code("shop")
    details = {"code": shop, "name": "水果店", "subject_type": "enterprise", "roles": ["shop"]}
    county.record("organisation", "operator", details=details | {"contact": "020-00000002"})
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "shop")
    stated = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=stated).event_id

    def rows(who: str) -> dict[str, dict[str, str]]:
        answer = Person(county, who).client.get(f"/desk/recalls/{recall}/call-list.csv?lang=zh")
        return {row["代码"]: row for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}

    told = rows("regulator")[shop]
    assert (told["批次"], told["主体"], told["在库"], told["联系方式"]) == (
        "B1",
        "水果店",
        "60 kg",
        "020-00000002",
    )
    assert rows("shop")[shop]["联系方式"] == ""


def test_the_file_of_a_recall_has_what_consignees_report_and_says_as_of_when_it_was_made(
    county: County,
) -> None:
    shop, packer = county.code("shop"), county.code("packer")
    county.harvest("B1", "100")
    county.make("packaging", {"B1": "60"}, {"P1": "60"})
    for batch in ("B1", "P1"):
        county.hand_over(batch, "30", "producer", "shop")
    stated = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=stated).event_id
    figures = [
        {"organisation": shop, "batch": "B1", "unit": "kg", "returned": "20", "sold": "10"},
        {"organisation": shop, "batch": "P1", "unit": "kg", "returned": "30"},
        {"organisation": packer, "unit": "kg", "on_hand": "1", "finish_on": "2026-06-09"},
    ]
    details = {"recall": recall, "status": "in_progress", "consignees": figures}
    told_in = county.record("recall_update", "regulator", details=details).seq + 1

    def rows(who: str) -> dict[str, dict[str, str]]:
        answer = Person(county, who).client.get(f"/desk/recalls/{recall}/call-list.csv?lang=zh")
        return {row["代码"]: row for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}

    told = rows("regulator")
    assert told[shop]["上报已退回"] == "B1 20 kg; P1 30 kg"
    assert told[shop]["上报已售"] == "B1 10 kg"
    # Who has none of it by the ledger reports all the same.
    assert (told[packer]["在库"], told[packer]["上报在库"], told[packer]["完成期限"]) == (
        "",
        "1 kg",
        "2026-06-09",
    )
    assert told[packer]["上报的账本条目"] == str(told_in)
    assert {row["依据账本至第几条"] for row in told.values()} == {str(county.size)}
    assert {row["截至时间"][:10] for row in told.values()} == {county.at()[:10]}
    assert list(rows("shop")) == [shop]


def test_the_recall_page_names_the_buyers_outside_the_chain_and_the_level_in_force(county: County) -> None:
    county.harvest("B1", "100")
    county.make("packaging", {"B1": "50"}, {"P1": "50"})
    county.hand_over("P1", "20", "producer", "shop")
    county.move("sale", "P1", "12", "shop", details={"counterparty": "江边餐馆", "market": "江南市场"})
    details = {"level": 3, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id
    told = {"recall": recall, "status": "in_progress", "level": 1}
    county.record("recall_update", "regulator", details=told)
    page = Person(county, "regulator").see(f"/desk/recalls/{recall}")
    for words in ("江边餐馆", "江南市场", "12 千克", "一级"):
        assert words in page
    assert "三级" not in page
    assert "江边餐馆" in Person(county, "shop").see(f"/desk/recalls/{recall}")
    assert "江边餐馆" not in Person(county, "producer").see(f"/desk/recalls/{recall}")
    assert "一级" in Person(county, "shop").see("/desk/recalls")


def test_a_recall_corrected_at_the_desk_is_conducted_under_the_same_address(county: County) -> None:
    county.harvest("B1")
    recalled = county.record(
        "recall", batches=["B1"], details={"level": 2, "ordered": False, "reason": "克百威超标"}
    )
    person = Person(county, "producer")
    form = person.see(f"/desk/record/recall?corrects={recalled.event_id}")
    answer = person.send("/desk/record/recall", form, {"reason": "级别写错", "details.level": "1"})
    assert answer.status_code == 303
    address = f"/desk/recalls/{recalled.event_id}"
    assert f'href="{address}"' in person.see("/desk/batches/B1")
    assert f'href="{address}"' in person.see("/desk/recalls")
    assert "一级" in person.see(address)
    again = person.see(answer.headers["Location"])
    assert "更正" in again
    updated = county.post(f"/api/v1/recalls/{recalled.event_id}/updates", {"status": "in_progress"})
    assert updated.status_code == 201


def test_a_date_is_alarming_while_it_is_missed_and_no_longer(county: County, now: Now) -> None:
    county.harvest("B1", "100")
    details = {"level": 3, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id

    def alarming() -> list[str]:
        page = Person(county, "regulator").see(f"/desk/recalls/{recall}")
        return re.findall(r'<div class="alarm"><dt>([^<]+)', page)

    def state(status: str) -> None:
        county.record("recall_update", "regulator", details={"recall": recall, "status": status})

    assert alarming() == ["待追回"]
    now.seconds += 73 * 3600
    assert alarming() == ["启动期限", "待追回"]
    state("in_progress")
    assert alarming() == ["待追回"]
    now.seconds += 60 * 86_400
    assert alarming() == ["完成期限", "待追回"]
    county.move("disposal", "B1", "100", "producer", details={"method": "destruction", "reason": "超标"})
    state("finished")
    assert alarming() == []


def test_the_list_tells_of_each_recall_what_is_recalled_and_how_far_it_is(county: County) -> None:
    county.harvest("B1", "100")
    details = {"level": 2, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id
    person = Person(county, "regulator")
    assert "鲜荔枝 B1" in person.see("/desk/recalls")
    stated = {"recall": recall, "status": "finished"}
    county.record("recall_update", "regulator", details=stated, acknowledged=["RECALL_UNFINISHED"])
    assert re.search(r"<small>二级 · 已完成</small>", person.see("/desk/recalls"))


def test_more_recalls_than_a_page_holds_are_listed_from_the_newest(county: County) -> None:
    names = [f"B{at}" for at in range(52)]
    county.recorder.submit_all([county.harvesting(name) for name in names], county.authors["producer"])
    details = {"level": 2, "ordered": True, "reason": "超标"}
    for name in names:
        county.record("recall", "regulator", batches=[name], details=details)
    person = Person(county, "regulator")
    page = person.see("/desk/recalls")
    assert ("B51" in page, "B2<" in page, "B1<" in page) == (True, True, False)
    [earlier] = re.findall(r'class="button" href="(/desk/recalls\?before=\d+)"', page)
    rest = person.see(earlier)
    assert ("B1<" in rest, "B0<" in rest, "B2<" in rest, 'class="button"' in rest) == (
        True,
        True,
        False,
        False,
    )


def test_a_consignee_is_not_told_the_name_of_a_household_and_who_conducts_the_recall_is(
    county: County,
) -> None:
    code = county.code("producer")
    details = {"code": code, "name": "农户甲", "subject_type": "farm_household", "roles": ["producer"]}
    county.record("organisation", "operator", details=details)
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "shop")
    stated = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=stated).event_id
    for who, is_told in (("regulator", True), ("producer", True), ("shop", False)):
        person = Person(county, who)
        for address in ("/desk/batches/B1", "/desk/batches/B1/trace.csv", f"/desk/recalls/{recall}"):
            page = person.see(address)
            assert code in page
            assert ("农户甲" in page) == is_told


def test_a_recall_is_not_extended_to_what_one_may_not_read(county: County) -> None:
    county.harvest("B1", "100")
    sample = {"purpose": "commissioned", "samples": [{"sample": "S-1", "batch": "B1"}]}
    county.record("sampling", "laboratory", details=sample)
    facts = {
        "code": "fg-plum-1",
        "name": "一号李园",
        "site_type": "plot",
        "organisation": county.code("neighbour"),
    }
    county.record("site", "neighbour", details=facts)
    opened = {"cycle": "2026-plum", "crop": "荔枝"}
    county.record("planting", "neighbour", hours_ago=2000, site="fg-plum-1", details=opened)
    made = [{"batch": "N1", "product": PRODUCT, "quantity": "10", "unit": "kg"}]
    county.record("harvest", "neighbour", cycles=["2026-plum"], outputs=made)
    stated = {"level": 2, "ordered": False, "reason": "超标"}
    recall = county.record("recall", "neighbour", batches=["N1"], details=stated).event_id
    person = Person(county, "neighbour")
    for named in ("S-1", "B1"):
        answer = person.client.get(f"/desk/recalls/{recall}/extend?batch={named}")
        assert answer.headers["Location"] == f"/desk/recalls/{recall}?missed={named}"
