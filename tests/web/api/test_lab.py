from __future__ import annotations

import io
import json
from typing import Any

from werkzeug.test import TestResponse

from county import PRODUCT, County
from labelled import label
from web.sent_files import rapid_file, rapid_row

IMPORTS = "/api/v1/lab/imports"


def drop(
    county: County,
    data: bytes,
    choices: dict[str, str] | None = None,
    query: str = "",
    who: str = "laboratory",
) -> TestResponse:
    form: dict[str, Any] = {"file": (io.BytesIO(data), "快检.xlsx")}
    if choices is not None:
        form["choices"] = json.dumps(choices)
    return county.client.post(f"{IMPORTS}{query}", data=form, headers=county.headers(who))


def test_rows_are_matched_by_sample_or_batch_and_the_others_parked(county: County) -> None:
    county.harvest("LZ-01")
    county.harvest("LZ-02")
    sample = {"purpose": "commissioned", "samples": [{"sample": "S-001", "batch": "LZ-01"}]}
    county.record("sampling", "laboratory", details=sample, hours_ago=20)
    data = rapid_file(rapid_row(note="样品 S-001"), rapid_row(note="LZ-02"), rapid_row(note=""))
    answer = drop(county, data)
    assert answer.status_code == 201
    document = answer.get_json()
    assert document["refused"] == []
    assert [row["line"] for row in document["matched"]] == [3, 4, 4]
    [parked] = document["parked"]
    assert (parked["line"], parked["sample_name"]) == (5, "荔枝")
    assert {"LZ-01", "LZ-02"} <= {each["value"] for each in parked["suggestions"]}
    tested = [
        county.get(f"/api/v1/events/{row['event_id']}", "laboratory").get_json()["event"]
        for row in document["matched"]
    ]
    assert [event["kind"] for event in tested] == ["testing", "sampling", "testing"]
    assert tested[0]["details"]["sample"] == "S-001"


def test_a_parked_row_waits_until_it_is_chosen_for(county: County) -> None:
    county.harvest("LZ-01")
    data = rapid_file(rapid_row(note=""))
    parked = drop(county, data).get_json()
    assert parked["matched"] == []
    size = county.size
    wrong = county.post(IMPORTS, {"import_id": parked["import_id"], "choices": {"3": "NONE"}}, "laboratory")
    assert wrong.status_code == 422
    assert wrong.get_json()["problems"][0]["line"] == 3
    assert county.size == size
    chosen = {"import_id": parked["import_id"], "choices": {"3": "LZ-01"}}
    told = county.post(IMPORTS, chosen, "laboratory")
    assert told.status_code == 201
    assert [row["line"] for row in told.get_json()["matched"]] == [3, 3]
    assert told.get_json()["parked"] == []
    again = county.post(IMPORTS, chosen, "laboratory")
    assert again.status_code == 200
    assert again.get_json()["matched"] == told.get_json()["matched"]
    foreign = county.post(IMPORTS, chosen, "other_laboratory")
    assert foreign.status_code == 404


def test_choices_come_with_the_file_too_and_the_file_again_answers_the_same(county: County) -> None:
    county.harvest("LZ-01")
    data = rapid_file(rapid_row(note=""))
    first, again = drop(county, data, {"3": "LZ-01"}), drop(county, data, {"3": "LZ-01"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.get_json()["matched"] == again.get_json()["matched"]


def test_a_refused_row_keeps_everything_out_and_says_why(county: County) -> None:
    county.harvest("LZ-01")
    data = rapid_file(rapid_row(note="LZ-01"), rapid_row(value="约十", note="LZ-01"))
    size = county.size
    answer = drop(county, data)
    assert answer.status_code == 422
    [problem] = answer.get_json()["problems"]
    assert (problem["line"], problem["column"]) == (4, "检测值")
    dry = drop(county, data, query="?dry_run=1")
    assert dry.status_code == 200
    assert [each["line"] for each in dry.get_json()["refused"]] == [4]
    assert county.size == size


def test_a_dry_run_neither_records_nor_parks(county: County) -> None:
    county.harvest("LZ-01")
    size = county.size
    dry = drop(county, rapid_file(rapid_row(note="LZ-01"), rapid_row()), query="?dry_run=1").get_json()
    assert dry["import_id"] is None
    assert len(dry["matched"]) == 2
    assert len(dry["parked"]) == 1
    assert county.size == size


def test_only_who_tests_sends_instruments_files(county: County) -> None:
    data = rapid_file(rapid_row(note="LZ-01"))
    assert drop(county, data, who="shop").status_code == 403
    bulk = county.client.post(
        "/api/v1/events/bulk",
        data={"file": (io.BytesIO(data), "快检.xlsx")},
        headers=county.headers("laboratory"),
    )
    assert bulk.status_code == 422
    assert bulk.get_json()["problems"][0]["code"] == "instrument-file"


def test_choices_that_cannot_be_read_are_refused(county: County) -> None:
    data = rapid_file(rapid_row())
    for choices in ({"x": "LZ-01"}, {"3": ""}, {"3": 5}):
        assert drop(county, data, choices).status_code == 422  # type: ignore[arg-type]
    parked = drop(county, data).get_json()["import_id"]
    bodies: list[tuple[object, str]] = [
        ([], ""),
        ({"import_id": 5, "choices": {}}, "/import_id"),
        ({"choices": {}}, ""),
        ({"import_id": parked, "choices": []}, "/choices"),
    ]
    for body, pointer in bodies:
        answer = county.post(IMPORTS, body, "laboratory")
        assert answer.status_code == 422
        assert answer.get_json()["problems"][0]["pointer"] == pointer
    assert county.post(IMPORTS, {"import_id": "x", "choices": {}}, "laboratory").status_code == 404


def test_a_file_that_names_others_or_their_codes_tells_nothing_of_their_goods(county: County) -> None:
    county.harvest("LZ-01")
    issued = label(county, "LZ-01", PRODUCT)
    sample = {"purpose": "supervised", "samples": [{"sample": "S-001", "batch": "LZ-01"}]}
    county.record("sampling", "laboratory", details=sample)
    named = ("S-001", "LZ-01", issued.trace_code, issued.phone_code, "nothing")
    rows = [rapid_row(note=each) for each in named] + [rapid_row(被检单位="单位")]
    answer = drop(county, rapid_file(*rows), query="?dry_run=1", who="neighbour")
    document = answer.get_json()
    assert (document["matched"], document["refused"]) == ([], [])
    assert [row["suggestions"] for row in document["parked"]] == [[]] * 6
