from __future__ import annotations

import re
from typing import Any

import pytest

from county import CYCLE, PRODUCT, County
from heji_trace.proving.proof import check_bundle

pytestmark = pytest.mark.both_databases

EVENTS = "/api/v1/events"


def harvest(county: County, batch: str = "B1", who: str = "producer", **parts: Any) -> dict[str, Any]:
    outputs = [{"batch": batch, "product": PRODUCT, "quantity": "100.0", "unit": "kg"}]
    return county.raw("harvest", who, cycles=[CYCLE], outputs=outputs, **parts)


def test_an_event_is_recorded_and_answered_with_its_receipt(county: County) -> None:
    size = county.size
    answer = county.post(EVENTS, harvest(county))
    assert answer.status_code == 201
    receipt = answer.get_json()
    assert receipt.keys() == {"seq", "entry_hash", "recorded_at", "event_id", "warnings", "proof_url"}
    assert receipt["seq"] == size == county.size - 1
    assert re.fullmatch(r"[0-9a-f]{64}", receipt["entry_hash"])
    assert receipt["proof_url"] == f"http://127.0.0.1:8080/api/v1/events/{receipt['event_id']}/proof"


def test_a_repeat_gets_the_same_receipt_and_nothing_is_written(county: County) -> None:
    event = harvest(county)
    first = county.post(EVENTS, event)
    size = county.size
    again = county.post(EVENTS, event)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json() == again.get_json()
    assert county.size == size


def test_the_same_id_with_other_content_is_a_conflict_without_receipt(county: County) -> None:
    event = harvest(county)
    county.post(EVENTS, event)
    size = county.size
    answer = county.post(EVENTS, {**event, "note": "别的内容"})
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "id-with-other-content"
    assert "seq" not in answer.get_json()
    foreign = county.post(EVENTS, event, "neighbour")
    assert foreign.status_code in (403, 409)
    assert county.size == size


def test_what_looks_wrong_is_asked_back_once_and_then_recorded_with_a_warning(county: County) -> None:
    county.harvest("B1", "100")
    inputs = [{"batch": "B1", "quantity": "150", "unit": "kg"}]
    outputs = [{"batch": "P1", "product": "litchi-5kg", "quantity": "150", "unit": "kg"}]
    event = county.raw("packaging", inputs=inputs, outputs=outputs)
    size = county.size
    asked = county.post(EVENTS, event)
    assert asked.status_code == 409
    document = asked.get_json()
    assert document["code"] == "needs-acknowledgement"
    assert [question["code"] for question in document["questions"]] == ["OVER_CONSUMPTION"]
    assert all(question["zh"] and question["en"] for question in document["questions"])
    assert county.size == size
    told = county.post(EVENTS, {**event, "acknowledged": ["OVER_CONSUMPTION"]})
    assert told.status_code == 201
    assert "OVER_CONSUMPTION" in told.get_json()["warnings"]


def taking(county: County, kind: str, who: str, quantity: str) -> dict[str, Any]:
    inputs = [{"batch": "B1", "quantity": quantity, "unit": "kg"}]
    outputs = [{"batch": "N1", "product": PRODUCT, "quantity": quantity, "unit": "kg"}]
    return county.raw(kind, who, inputs=inputs, outputs=outputs)


def test_of_one_s_own_stock_the_question_tells_how_much_is_missing(county: County) -> None:
    county.harvest("B1", "137.25")
    for kind in ("collection", "grading"):
        answer = county.post(EVENTS, taking(county, kind, "producer", "1000"))
        [question] = answer.get_json()["questions"]
        assert answer.status_code == 409
        assert "862.75 千克" in question["zh"]
        assert "862.75 kg" in question["en"]


@pytest.mark.parametrize("path", [EVENTS, f"{EVENTS}/bulk?dry_run=1"])
def test_of_a_neighbour_s_stock_no_question_tells_a_figure(county: County, path: str) -> None:
    county.harvest("B1", "137.25")
    size, answers = county.size, []
    for quantity in ("138", "1000"):
        event = taking(county, "collection", "station", quantity)
        answer = county.post(path, event if path == EVENTS else [event], "station")
        assert answer.status_code == 409
        [question] = answer.get_json()["questions"]
        assert question["code"] == "OVER_CONSUMPTION"
        answers.append((question["zh"], question["en"]))
        assert not re.search(r"862\.75|0\.75|千克| kg", answer.get_data(as_text=True))
    # However much is asked for, the words are the same.
    assert answers[0] == answers[1]
    assert not re.search(r"\d", "".join(answers[0]).replace("B1", ""))
    assert county.get("/api/v1/batches/B1", "station").status_code == 404
    assert county.size == size


def test_what_was_taken_of_a_neighbour_s_stock_after_all_is_found_with_its_amount(county: County) -> None:
    county.harvest("B1", "137.25")
    event = taking(county, "collection", "station", "1000") | {"acknowledged": ["OVER_CONSUMPTION"]}
    assert county.post(EVENTS, event, "station").status_code == 201
    live = county.get("/api/v1/batches/B1/warnings", "regulator").get_json()["live"]
    [found] = [each for each in live if each["code"] == "OVER_CONSUMPTION"]
    assert "862.75 千克" in found["zh"]


def test_labels_are_not_issued_through_the_general_door(county: County) -> None:
    details = {"product": PRODUCT, "trace_code": "0" * 16, "phone_code": "1234567890", "copies": 1}
    size = county.size
    answer = county.post(EVENTS, county.raw("label_issue", details=details))
    assert answer.status_code == 422
    assert county.size == size


def test_an_event_is_read_back_with_what_the_reader_may_see(county: County) -> None:
    event = harvest(county, note="内部")
    county.post(EVENTS, event)
    own = county.get(f"{EVENTS}/{event['id']}").get_json()
    assert own["event"] == event
    assert own["sealed"] == []
    assert own["withdrawn_by"] is None
    county.hand_over("B1", "10", "producer", "shop")
    seen = county.get(f"{EVENTS}/{event['id']}", "shop").get_json()
    assert seen["event"]["outputs"] == [{"batch": "B1", "product": PRODUCT}]
    assert seen["sealed"] == ["/note", "/outputs/0/quantity", "/outputs/0/unit"]


def test_a_foreign_event_is_answered_like_one_that_does_not_exist(county: County) -> None:
    event = harvest(county)
    county.post(EVENTS, event)
    foreign = county.get(f"{EVENTS}/{event['id']}", "neighbour")
    nothing = county.get(f"{EVENTS}/{county.new_id()}", "neighbour")
    assert foreign.status_code == nothing.status_code == 404
    strip = {"request"}
    assert {k: v for k, v in foreign.get_json().items() if k not in strip} == {
        k: v for k, v in nothing.get_json().items() if k not in strip
    }
    assert county.get(f"{EVENTS}/{event['id']}/proof", "neighbour").status_code == 404
    assert county.get(f"{EVENTS}/{event['id']}", None).status_code == 401


def test_a_proof_verifies_offline_and_discloses_only_what_its_reader_may_see(county: County) -> None:
    event = harvest(county)
    county.post(EVENTS, event)
    county.hand_over("B1", "10", "producer", "shop")
    key = county.client.get("/log/key").get_data(as_text=True).strip()
    for who, pointers in (("producer", {"/outputs/0/quantity", "/outputs/0/unit"}), ("shop", set())):
        answer = county.get(f"{EVENTS}/{event['id']}/proof", who)
        assert answer.status_code == 200
        [shown] = check_bundle(answer.get_data(), [key])
        assert shown.record["event"]["id"] == event["id"]
        assert set(shown.disclosed) == pointers


def test_a_corrected_event_stays_readable_and_names_its_correction(county: County) -> None:
    event = harvest(county)
    county.post(EVENTS, event)
    details = {"corrects": [event["id"]], "reason": "写错了"}
    correction = county.post(EVENTS, county.raw("correction", details=details)).get_json()
    assert county.get(f"{EVENTS}/{event['id']}").get_json()["withdrawn_by"] == correction["seq"]


def test_the_list_is_paged_by_place_and_filtered(county: County) -> None:
    batches = [f"B{number}" for number in range(7)]
    for batch in batches:
        county.harvest(batch)
    listed: list[dict[str, Any]] = []
    cursor: int | None = 0
    while cursor is not None:
        page = county.get(f"{EVENTS}?kind=harvest&limit=3&cursor={cursor}").get_json()
        assert len(page["events"]) <= 3
        listed += page["events"]
        cursor = page["next"]
    assert [each["event"]["outputs"][0]["batch"] for each in listed] == batches
    assert [each["seq"] for each in listed] == sorted({each["seq"] for each in listed})
    one = county.get(f"{EVENTS}?batch=B3").get_json()["events"]
    assert [each["event"]["outputs"][0]["batch"] for each in one] == ["B3"]
    assert county.get(f"{EVENTS}?since={county.at(-1)}").get_json()["events"] == []
    assert county.get(f"{EVENTS}?organisation=fg-plum-coop").get_json()["events"] == []


def test_a_query_that_cannot_be_read_is_refused_parameter_by_parameter(county: County) -> None:
    answer = county.get(f"{EVENTS}?batch=a_b&kind=x&since=yesterday&cursor=-1&limit=1e3&colour=red&kind=y")
    assert answer.status_code == 422
    problems = {problem["pointer"]: problem for problem in answer.get_json()["problems"]}
    assert problems.keys() == {"/batch", "/kind", "/since", "/cursor", "/limit", "/colour"}
    assert all(problem["zh"] and problem["en"] for problem in problems.values())


def certified(county: County) -> str:
    county.harvest("B1", "100")
    return county.certify("B1", "100").event_id


def test_a_certificate_is_printed_on_a4_and_on_labels(county: County) -> None:
    certificate = certified(county)
    for query, pages in (("", 1), ("?copies=9", 2), ("?paper=label&copies=3", 3)):
        answer = county.get(f"{EVENTS}/{certificate}/certificate.pdf{query}")
        assert answer.status_code == 200
        assert answer.content_type == "application/pdf"
        assert len(re.findall(rb"/Type /Page\b(?!s)", answer.data)) == pages


def test_what_is_no_certificate_or_not_ones_own_is_not_printed(county: County) -> None:
    certificate = certified(county)
    other = county.harvest("B2", "10").event_id
    for event_id, who, status in (
        (certificate, "neighbour", 404),
        (other, "producer", 404),
        (county.new_id(), "producer", 404),
        (certificate, None, 401),
    ):
        assert county.get(f"{EVENTS}/{event_id}/certificate.pdf", who).status_code == status
    for query in ("?copies=0", "?copies=801", "?paper=a3", "?colour=red"):
        assert county.get(f"{EVENTS}/{certificate}/certificate.pdf{query}").status_code == 422
