from __future__ import annotations

import hashlib
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heji_scanners.readers import rapid17
from heji_scanners.readers.rapid17 import COLUMNS, RapidRow, is_rapid17, read_rapid17
from heji_trace.errors import InvalidEvent
from heji_trace.events.schemas import parse_event, seal

INPUTS = Path(__file__).parents[1] / "inputs"
HEADER = [heading for heading, _, _ in COLUMNS]
GOOD = dict(
    zip(
        HEADER,
        ["快检中心", "高岗合作社", "A-03", "荔枝", "有机磷和氨基甲酸酯类农药", "50", "13.12", "合格", "王工",
         "2026-06-12 14:20:00", "陈工", "王工", "DY-3500PLUS", "分光", "抑制率法", "达元", ""],
        strict=True,
    )
)  # fmt: skip


def csv(*rows: dict[str, str], header: list[str] = HEADER) -> bytes:
    lines = [header, *([row.get(heading, "") for heading in header] for row in rows)]
    return "\r\n".join("\t".join(line) for line in lines).encode("gb18030")


def problems_of(
    *rows: dict[str, str], header: list[str] = HEADER
) -> list[tuple[str, int | None, str | None]]:
    found = read_rapid17(csv(*rows, header=header), "a.csv").problems
    assert all(problem.sentence("zh") and problem.sentence("en") for problem in found)
    return [(problem.code, problem.line, problem.column) for problem in found]


def only_row(**changes: str) -> RapidRow:
    (row,) = read_rapid17(csv({**GOOD, **changes}), "a.csv").rows
    return row


def stated(row: RapidRow, **more: Any) -> dict[str, Any]:
    known = {
        "sample": "S1",
        "organisation": "fg-rapid-centre",
        "laboratory": "fg-rapid-centre",
        "batches": ["LZ-1"],
    }
    return rapid17.testing_event(row, **{**known, **more})


def test_the_template_s_file_is_read_with_its_help_row_and_serial_times() -> None:
    data = (INPUTS / "rapid17.xlsx").read_bytes()
    assert is_rapid17(data)
    file = read_rapid17(data, "rapid17.xlsx")
    assert file.problems == ()
    assert file.sha256 == hashlib.sha256(data).hexdigest()
    cucumber, pork, litchi = file.rows
    assert (cucumber.line, cucumber.sample_name, cucumber.value, cucumber.conforms) == (
        3,
        "青瓜",
        "13.12",
        True,
    )
    assert cucumber.tested_at == "2020-05-20T13:12:00+08:00"
    assert cucumber.limit == ""
    assert (pork.value, pork.analyte, pork.note) == ("阴性", "莱克多巴胺", "第二次检测")
    assert (litchi.value, litchi.limit, litchi.conforms) == ("62.5", "50%", False)
    assert {row.file_sha256 for row in file.rows} == {file.sha256}


def test_a_gb18030_file_with_its_header_in_the_first_row_is_read() -> None:
    first, second = read_rapid17((INPUTS / "rapid17-gb18030.txt").read_bytes(), "x.txt").rows
    assert (first.line, first.value, first.tested_at) == (2, "未检出", "2026-06-12T09:05:00+08:00")
    assert (second.value, second.limit, second.method) == ("<0.01", "0.02", "")


def test_other_sheets_are_not_taken_for_a_tester_s_file() -> None:
    assert not is_rapid17((INPUTS / "harvest-gb18030.csv").read_bytes())
    assert not is_rapid17(b"\xff\xff")
    with pytest.raises(InvalidEvent) as refused:
        read_rapid17((INPUTS / "packaging.xlsx").read_bytes(), "x.xlsx")
    assert refused.value.problems[0].code == "not-rapid17"


@pytest.mark.parametrize("heading", [heading for heading, _, required in COLUMNS if required])
def test_a_required_cell_that_is_blank_is_named(heading: str) -> None:
    assert ("missing-field", 2, heading) in problems_of({**GOOD, heading: " "})


def test_a_required_column_that_is_missing_is_named() -> None:
    header = [heading for heading in HEADER if heading != "检测时间"]
    assert problems_of(GOOD, header=header)[0] == ("missing-heading", 1, "检测时间")


@pytest.mark.parametrize(
    "heading, text, code",
    [
        ("检测值", "约13", "bad-test-value"),
        ("检测值", "1.2.3", "bad-test-value"),
        ("检测结论", "阴性", "bad-test-conclusion"),
        ("检测结论", "不确定", "bad-test-conclusion"),
        ("检测时间", "昨天", "bad-date"),
        ("检测时间", "2026-02-30 10:00", "bad-date"),
        ("检测值", "阳性", "conclusion-against-value"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named(heading: str, text: str, code: str) -> None:
    ((found, line, _),) = problems_of({**GOOD, heading: text})
    assert (found, line) == (code, 2)


@pytest.mark.parametrize(
    "text, value",
    [("13.12", "13.12"), ("１３．１２％", "13.12"), ("-3.2", "-3.2"), ("0.50", "0.50"), ("＜0.01", "<0.01"), ("ND", "未检出"),
     ("阴性(-)", "阴性"), ("阴性（－）", "阴性")],
)  # fmt: skip
def test_values_are_read_as_testers_write_them(text: str, value: str) -> None:
    assert only_row(检测值=text).value == value


def test_a_row_becomes_an_event_that_the_ledger_reads() -> None:
    event = parse_event(stated(only_row()))
    assert event.kind == "testing"
    assert event.occurred_at == "2026-06-12T14:20:00+08:00"
    assert event.batches == ("LZ-1",)
    assert event.details["results"] == [
        {
            "analyte": "有机磷和氨基甲酸酯类农药",
            "value": "13.12",
            "unit": "%",
            "limit": "50",
            "outcome": "negative",
        }
    ]
    assert event.details["method_class"] == "rapid"
    assert "高岗合作社" in (event.note or "")
    assert "高岗合作社" not in str(seal(event.body)[0])


def test_a_screening_is_positive_and_never_nonconforming() -> None:
    assert stated(only_row(检测结论="不合格"))["details"]["conclusion"] == "positive"


@pytest.mark.parametrize(
    "value, conclusion, status", [("可疑", "suspicious", "reviewed"), ("无效", "invalid", "invalid")]
)
@pytest.mark.parametrize("said", ["合格", "不合格"])
def test_a_run_without_a_result_is_never_negative(
    value: str, conclusion: str, status: str, said: str
) -> None:
    event = parse_event(stated(only_row(检测值=value, 检测结论=said)))
    assert (event.details["conclusion"], event.details["status"]) == (conclusion, status)
    assert event.details["results"][0]["outcome"] == conclusion
    assert f"检测结论：{said}；" in (event.note or "")


def test_a_percent_sign_is_kept_whatever_the_method_is_called() -> None:
    (result,) = stated(only_row(检测值="13.12%", 检测方法="速测卡"))["details"]["results"]
    assert (result["value"], result["unit"]) == ("13.12", "%")
    (result,) = stated(only_row(检测值="13.12", 检测方法="速测卡"))["details"]["results"]
    assert "unit" not in result


@pytest.mark.parametrize("limit", ["不得检出", "≤50", "0.05mg/kg"])
def test_a_limit_in_words_is_kept_in_the_note(limit: str) -> None:
    event = stated(only_row(限定值=limit))
    assert "limit" not in event["details"]["results"][0]
    assert f"限定值：{limit}；" in event["note"]


def test_a_column_that_stands_twice_is_named_since_nobody_knows_which_counts() -> None:
    twice = [*HEADER, "检测值"]
    assert problems_of(GOOD, header=twice) == [("repeated-heading", 1, "检测值")]
    assert problems_of(GOOD, header=[*HEADER, "审核人员"]) == [("repeated-heading", 1, "审核人员")]


@pytest.mark.parametrize(
    "verifier, status", [("陈工", "reviewed"), ("王工", "preliminary"), ("", "preliminary")]
)
def test_a_result_is_reviewed_only_by_a_second_person(verifier: str, status: str) -> None:
    assert stated(only_row(审核人员姓名=verifier))["details"]["status"] == status


def test_the_sampling_binds_the_sample_to_its_batches() -> None:
    row = only_row()
    single = parse_event(
        rapid17.sampling_event(row, sample="S1", organisation="lab", batches=["LZ-1"], purpose="self_check")
    )
    assert single.details["samples"] == [{"sample": "S1", "batch": "LZ-1"}]
    pooled = parse_event(
        rapid17.sampling_event(row, sample="S1", organisation="lab", batches=["LZ-1", "LZ-2"])
    )
    assert pooled.details["samples"] == [{"sample": "S1", "composite_of": ["LZ-1", "LZ-2"]}]
    assert pooled.batches == ("LZ-1", "LZ-2")


def test_the_same_row_of_the_same_file_is_the_same_event() -> None:
    assert stated(only_row())["id"] == stated(only_row())["id"]
    assert stated(only_row())["id"] != stated(only_row(备注="更正"))["id"]
    sampling = rapid17.sampling_event(
        only_row(), sample="S1", organisation="fg-rapid-centre", batches=["LZ-1"]
    )
    assert sampling["id"] != stated(only_row())["id"]


def test_columns_for_sample_and_batch_are_taken_where_a_workstation_adds_them() -> None:
    (row,) = read_rapid17(
        csv({**GOOD, "样品编号": "S20260612-001", "批次": "LZ-1"}, header=[*HEADER, "样品编号", "批次"]),
        "a.csv",
    ).rows
    assert (row.sample, row.batch) == ("S20260612-001", "LZ-1")


def test_merged_cells_among_the_results_are_refused() -> None:
    book = openpyxl.load_workbook(INPUTS / "rapid17.xlsx")
    book.active.merge_cells("A3:A4")
    stream = io.BytesIO()
    book.save(stream)
    file = read_rapid17(stream.getvalue(), "x.xlsx")
    assert {(problem.code, problem.line) for problem in file.problems} >= {
        ("merged-cell", 3),
        ("merged-cell", 4),
    }
    assert [row.line for row in file.rows] == [5]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(HEADER), st.text(max_size=12), max_size=6))
def test_any_cells_at_all_give_rows_or_problems(cells: dict[str, str]) -> None:
    with suppress(InvalidEvent):
        file = read_rapid17(csv({**GOOD, **cells}), "a.csv")
        for row in file.rows:
            with suppress(InvalidEvent):
                parse_event(stated(row))


@given(st.binary(max_size=300))
def test_any_bytes_at_all_raise_only_the_project_s_errors(data: bytes) -> None:
    with suppress(InvalidEvent):
        read_rapid17(data, "x")
