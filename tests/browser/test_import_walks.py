"""A file with mistakes: uploaded, given back with red cells, mended, recorded, taken back; long work watched."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

import heji_web.files.upload
from browser.walks import Walker, everywhere
from county import CYCLE, PRODUCT, County

pytestmark = pytest.mark.browser

HEADINGS = ("时间", "生产周期", "批次", "产品", "数量", "单位", "备注")


def harvest_book(county: County, *quantities: str) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "采收"
    sheet.append(HEADINGS)
    for at, quantity in enumerate(quantities, 1):
        sheet.append((county.at(24)[:10], CYCLE, f"UP-{at}", PRODUCT, quantity, "斤", f"第 {at} 筐"))
    return saved(book)


def saved(book: Any) -> bytes:
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def upload(walker: Walker, name: str, data: bytes, folder: Path) -> None:
    """Choose a file on the upload page and have it checked."""
    file = folder / name
    file.write_bytes(data)
    walker.open("/desk/upload").set_input_files("#file", file)
    walker.press(walker.page.locator(".send button.main"))


def download(walker: Walker, selector: str) -> bytes:
    """What a link of the page gives to keep."""
    with walker.page.expect_download() as given:
        walker.page.locator(selector).first.click()
    return Path(given.value.path()).read_bytes()


@everywhere
def test_red_cells_are_mended_in_the_sheet_given_back_and_the_whole_file_is_taken_back(
    walker: Walker, county: County, tmp_path: Path
) -> None:
    walker.sign_in("producer")
    size = county.size
    upload(walker, "采收.xlsx", harvest_book(county, "120.5", "很多", "-3"), tmp_path)
    walker.look("red-cells")
    book = openpyxl.load_workbook(io.BytesIO(download(walker, 'a[href*="errors.xlsx"]')))
    sheet = book.worksheets[0]
    red = [cell.coordinate for row in sheet for cell in row[1:] if cell.fill.fgColor.rgb == "FFFFC7CE"]
    assert red == ["F3", "F4"]
    assert sheet["A3"].value
    sheet["F3"], sheet["F4"] = "80", "30"
    upload(walker, "采收-待修改.xlsx", saved(book), tmp_path)
    walker.look("mended")
    assert county.size == size
    walker.press(walker.page.locator('button[name="record"]'))
    walker.look("recorded")
    assert county.size == size + 3
    walker.open("/desk/imports", "my-imports")
    assert walker.page.locator(".records li").count() == 1
    walker.press(walker.page.locator(".records a").first)
    walker.look("import")
    walker.page.locator("details.undo summary").click()
    walker.choose('input[name="reason"]', "称错了")
    walker.press(walker.page.locator("details.undo button"))
    walker.look("undone")
    assert county.size == size + 4
    assert walker.page.locator("details.undo").count() == 0
    walker.open("/desk/imports", "my-imports-undone")
    assert walker.page.locator(".records li.struck").count() == 1


def test_a_template_from_the_form_is_filled_and_uploaded_without_choosing_anything(
    walker: Walker, county: County, tmp_path: Path
) -> None:
    walker.sign_in("producer")
    walker.open("/desk/record/harvest", "form")
    book = openpyxl.load_workbook(io.BytesIO(download(walker, 'a[href*="/desk/templates/"]')))
    sheet = book.worksheets[0]
    columns = {cell.value.rstrip("*"): cell.column for cell in sheet[1]}
    filled = {
        "时间": county.at(24)[:10],
        "生产周期": CYCLE,
        "批次": "T-1",
        "产品": PRODUCT,
        "数量": "5",
        "单位": "千克",
    }
    for heading, value in filled.items():
        sheet.cell(row=3, column=columns[heading], value=value)
    size = county.size
    upload(walker, "随便.xlsx", saved(book), tmp_path)
    walker.press(walker.page.locator('button[name="record"]'))
    assert county.size == size + 1


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_long_file_shows_how_far_it_is_and_then_what_came_of_it(
    county: County,
    arrive: Callable[..., Walker],
    tmp_path: Path,
    script: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A fast machine would have read the file before anybody could be shown how far it is.
    monkeypatch.setattr(heji_web.files.upload, "PATIENCE", 0.02)
    walker = arrive(script=script)
    walker.page.set_default_timeout(60_000)
    walker.sign_in("producer")
    day = county.at(24)[:10]
    rows = "".join(f"{day},{CYCLE},L-{number},{PRODUCT},10,千克\n" for number in range(6000))
    upload(walker, "采收.csv", ("时间,生产周期,批次,产品,数量,单位\n" + rows).encode(), tmp_path)
    assert walker.page.locator("progress").count() == 1
    if script:
        walker.look("waiting")
    walker.page.locator('button[name="record"]').wait_for(timeout=120_000)
    size = county.size
    walker.press(walker.page.locator('button[name="record"]'))
    walker.page.locator(".done").wait_for(timeout=120_000)
    assert county.size == size + 6000
    if script:
        walker.look("recorded")
