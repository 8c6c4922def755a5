from __future__ import annotations

import csv
import io

import zxingcpp
from PIL import Image

from county import PACKED, County
from heji_trace.identifiers.codes import is_trace_code

LABELS = "/api/v1/labels"


def packed(county: County) -> None:
    county.harvest("B1", "100")
    county.make("packaging", {"B1": "50"}, {"P1": "48"})


def test_labels_are_issued_with_codes_and_a_receipt(county: County) -> None:
    packed(county)
    answer = county.post(LABELS, {"product": PACKED, "batch": "P1", "copies": 30})
    assert answer.status_code == 201
    issued = answer.get_json()
    assert is_trace_code(issued["trace_code"])
    assert issued["url"] == f"http://127.0.0.1:8080/t/{issued['trace_code']}"
    assert issued["receipt"]["event_id"] == issued["run"]
    assert issued["prints"].keys() == {"pdf", "svg", "png", "csv"}


def test_a_run_is_printed_in_four_forms_and_its_code_reads_back(county: County) -> None:
    packed(county)
    issued = county.post(LABELS, {"product": PACKED, "batch": "P1", "copies": 30}).get_json()
    prints = {
        ending: county.get(f"{LABELS}/{issued['run']}.{ending}") for ending in ("pdf", "svg", "png", "csv")
    }
    assert {answer.status_code for answer in prints.values()} == {200}
    assert prints["pdf"].get_data().startswith(b"%PDF-")
    assert prints["svg"].get_data(as_text=True).startswith("<svg ")
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(prints["png"].get_data())))
    assert code.text == issued["url"]
    [row] = csv.DictReader(io.StringIO(prints["csv"].get_data().decode("utf-8-sig")))
    assert row["trace_code"].replace("-", "") == issued["trace_code"]
    assert row["url"] == issued["url"]
    assert row["copies"] == "30"


def test_a_run_of_others_and_one_that_does_not_exist_are_answered_alike(county: County) -> None:
    packed(county)
    issued = county.post(LABELS, {"product": PACKED, "batch": "P1", "copies": 30}).get_json()
    assert county.get(f"{LABELS}/{issued['run']}.csv", "neighbour").status_code == 404
    assert county.get(f"{LABELS}/{county.new_id()}.csv").status_code == 404
    assert county.get(f"{LABELS}/{issued['run']}.csv", "regulator").status_code == 200


def test_labels_for_a_held_or_unknown_batch_are_refused(county: County) -> None:
    packed(county)
    county.record("hold", batches=["P1"], details={"reason": "待查"})
    size = county.size
    held = county.post(LABELS, {"product": PACKED, "batch": "P1", "copies": 1})
    assert held.status_code == 409
    unknown = county.post(LABELS, {"product": PACKED, "batch": "NONE", "copies": 1})
    assert unknown.status_code == 422
    shapes = county.post(LABELS, {"product": 5, "copies": "3", "colour": "red"})
    assert {problem["pointer"] for problem in shapes.get_json()["problems"]} == {
        "/product",
        "/copies",
        "/colour",
    }
    assert county.size == size


def test_labels_for_a_batch_past_its_day_are_asked_about_once(county: County) -> None:
    packed(county)
    county.make(
        "packaging",
        {"B1": "2"},
        {"P9": "2"},
        details={"use_by": "2026-05-28"},
        acknowledged=["USE_BY_PASSED"],
    )
    wanted = {"product": PACKED, "batch": "P9", "copies": 1}
    asked = county.post(LABELS, wanted)
    assert asked.status_code == 409
    assert [each["code"] for each in asked.get_json()["questions"]] == ["USE_BY_PASSED"]
    assert county.post(LABELS, wanted | {"acknowledged": ["USE_BY_PASSED"]}).status_code == 201
    assert county.post(LABELS, wanted | {"acknowledged": 5}).status_code == 422


def test_a_run_that_was_taken_back_is_not_printed(county: County) -> None:
    packed(county)
    issued = county.post(LABELS, {"product": PACKED, "batch": "P1", "copies": 3}).get_json()
    county.record("correction", details={"corrects": [issued["run"]], "reason": "印错"})
    answer = county.get(f"{LABELS}/{issued['run']}.pdf")
    assert answer.status_code == 409
    assert answer.get_json()["code"] == "label-run-withdrawn"


def test_a_run_tells_its_standing_from_issue_over_binding_to_voiding(county: County) -> None:
    packed(county)
    run = county.post(LABELS, {"product": PACKED, "copies": 3}).get_json()["run"]
    assert county.get(f"{LABELS}/{run}").get_json()["standing"] == "unbound"
    bound = county.raw("label_bind", details={"run": run, "batch": "P1"})
    assert county.post("/api/v1/events", bound).status_code == 201
    told = county.get(f"{LABELS}/{run}").get_json()
    assert (told["standing"], told["batch"]) == ("bound", "P1")
    code = told["trace_code"]
    assert county.client.get(f"/t/{code}").status_code == 200
    void = county.raw("label_void", details={"run": run, "reason": "印刷错误"})
    assert county.post("/api/v1/events", void).status_code == 201
    assert county.get(f"{LABELS}/{run}").get_json()["standing"] == "void"
    assert county.get(f"{LABELS}/{run}.pdf").status_code == 409
    page = county.client.get(f"/t/{code}.json")
    assert page.status_code == 410
    assert page.get_json()["verdict"]["code"] == "CODE_VOID"
    assert county.get(f"{LABELS}/{run}", "neighbour").status_code == 404


def test_what_is_no_order_of_labels_is_refused(county: County) -> None:
    packed(county)
    bodies: list[object] = [[], "labels", 5, None]
    for body in bodies:
        answer = county.post(LABELS, body)
        assert (answer.status_code, answer.get_json()["problems"][0]["code"]) == (422, "not-an-object")
