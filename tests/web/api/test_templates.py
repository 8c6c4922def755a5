from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from county import PRODUCT, County


@pytest.mark.parametrize("language, title", [("zh", "采收"), ("en", "Harvest")])
def test_a_program_gets_the_sheet_with_its_organisation_s_lists(
    county: County, language: str, title: str
) -> None:
    headers = county.headers("producer") | {"Accept-Language": language}
    answer = county.client.get("/api/v1/templates/harvest.xlsx", headers=headers)
    book = openpyxl.load_workbook(BytesIO(answer.data))
    assert book.worksheets[0].title == title
    offered = {str(cell) for row in book.worksheets[-1].iter_rows(values_only=True) for cell in row}
    assert any(each.startswith(f"{PRODUCT} · ") for each in offered)


@pytest.mark.parametrize("kind", ["label_issue", "nothing"])
def test_a_kind_without_a_sheet_is_unknown(county: County, kind: str) -> None:
    answer = county.get(f"/api/v1/templates/{kind}.xlsx")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_the_sheet_offers_for_whom_one_may_record_and_nobody_else(county: County) -> None:
    book = openpyxl.load_workbook(BytesIO(county.get("/api/v1/templates/harvest.xlsx", "producer").data))
    columns = list(book.worksheets[-1].iter_cols(values_only=True))
    [offered] = [column for column in columns if column[0] == "责任主体"]
    assert [each for each in offered[1:] if each] == ["fg-litchi-coop · fg-litchi-coop 单位"]
