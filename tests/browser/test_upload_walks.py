from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from browser.walks import Walker, everywhere
from county import CYCLE, PRODUCT, County

pytestmark = pytest.mark.browser

HEADINGS = ("时间", "责任主体", "生产周期", "产出批次", "产品", "数量", "单位")
INSTRUMENT_HEADINGS = (
    *("检测点名称", "被检单位", "档口编号", "样品名称", "检测项目", "限定值", "检测值", "检测结论"),
    *("检测人员", "检测时间", "审核人员姓名", "上报人员姓名"),
    *("检测设备名称", "检测模块", "检测方法", "仪器生产厂家", "备注"),
)


def harvest_sheet(county: County, *quantities: str) -> bytes:
    """A spreadsheet as a co-operative keeps it, in the encoding of a Chinese Windows."""
    rows = [
        ",".join((county.at(24)[:10], county.code("producer"), CYCLE, f"UP-{at}", PRODUCT, quantity, "斤"))
        for at, quantity in enumerate(quantities, start=1)
    ]
    return "\r\n".join([",".join(HEADINGS), *rows]).encode("gb18030")


def instrument_file(county: County, *samples: str) -> bytes:
    """The workbook of a rapid tester: help text above the header, no batch and no unit in it."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["带 * 的列必填，检测结论只填合格或不合格"])
    sheet.append(INSTRUMENT_HEADINGS)
    for sample in samples:
        seen = (
            "佛冈快检室",
            county.code("producer"),
            None,
            sample,
            "有机磷和氨基甲酸酯类农药",
            None,
            13.12,
            "合格",
        )
        tested = ("王工", f"{county.at(2)[:10]} 04:20:00", "陈工", None)
        sheet.append([*seen, *tested, "DY-3500PLUS", "分光", "抑制率法", "达元", None])
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def upload(walker: Walker, name: str, data: bytes, folder: Path) -> None:
    """Choose a file on the upload page and have it checked."""
    file = folder / name
    file.write_bytes(data)
    page = walker.open("/desk/upload")
    page.set_input_files("#file", file)
    walker.press(page.locator(".send button.main"))


def confirm(walker: Walker) -> None:
    """Press the button that records the file."""
    walker.press(walker.page.locator('button[name="record"]'))
    assert walker.page.locator(".done").is_visible(), walker.text


@everywhere
def test_red_cells_are_mended_in_the_file_and_it_is_confirmed(
    walker: Walker, county: County, tmp_path: Path
) -> None:
    walker.sign_in("producer")
    walker.open("/desk/upload", "upload")
    size = county.size
    upload(walker, "采收.csv", harvest_sheet(county, "120.5", "很多", "-3"), tmp_path)
    walker.look("red-cells")
    assert walker.page.locator("td.wrong").count() == 2
    assert walker.page.locator('button[name="record"]').count() == 0
    upload(walker, "采收.csv", harvest_sheet(county, "120.5", "８０", "30"), tmp_path)
    walker.look("ready")
    assert county.size == size
    confirm(walker)
    walker.look("recorded")
    assert county.size == size + 3
    upload(walker, "采收 副本.csv", harvest_sheet(county, "120.5", "８０", "30"), tmp_path)
    assert walker.page.locator(".done").is_visible()
    assert county.size == size + 3


@everywhere
def test_an_instrument_s_file_asks_for_the_batch_that_it_does_not_name(
    walker: Walker, county: County, tmp_path: Path
) -> None:
    county.harvest("LZ-1")
    walker.sign_in("laboratory")
    size = county.size
    upload(walker, "检测数据.xlsx", instrument_file(county, "荔枝", "鲜荔枝"), tmp_path)
    walker.look("unmatched")
    assert county.size == size
    fields = walker.page.locator(".match input[list]")
    assert fields.count() == 2
    for at in range(2):
        fields.nth(at).fill("LZ-1")
    walker.press(walker.page.locator("section:has(.match) button.main"))
    walker.look("matched")
    confirm(walker)
    walker.look("recorded")
    assert county.size == size + 4


def test_without_script_a_file_is_uploaded_and_confirmed_too(
    county: County, arrive: Callable[..., Walker], tmp_path: Path
) -> None:
    walker = arrive(script=False)
    walker.sign_in("producer")
    size = county.size
    upload(walker, "采收.csv", harvest_sheet(county, "120.5"), tmp_path)
    confirm(walker)
    assert county.size == size + 1


def test_a_file_of_nothing_is_refused_with_a_sentence(walker: Walker, county: County, tmp_path: Path) -> None:
    walker.sign_in("producer")
    upload(walker, "空.xlsx", b"PK\x03\x04 nothing", tmp_path)
    assert walker.page.locator(".refusal").is_visible()
    walker.look("refused")
