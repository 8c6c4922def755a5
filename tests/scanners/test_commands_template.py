from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from county import CYCLE, PRODUCT
from heji_trace.events.kinds import KINDS
from scanners.answering import answering
from scanners.scan import Scan, scan_settings


def test_a_template_is_filled_and_read_again(alone: Scan) -> None:
    path = alone.folder / "采收.xlsx"
    assert str(path) in alone.run("template", "harvest", "-o", path).output
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    filled = {
        "时间": "2026-05-28 08:00",
        "生产周期": CYCLE,
        "产出批次": "LZ-1",
        "产出产品": PRODUCT,
        "产出数量": "12.5",
        "产出单位": "公斤",
    }
    headings = [str(cell.value).rstrip("*") for cell in sheet[1]]
    short = {heading: heading.removeprefix("产出") for heading in filled}
    # The second row is the template's example, which is not read.
    for heading, value in filled.items():
        named = heading if heading in headings else short[heading]
        sheet.cell(row=3, column=headings.index(named) + 1, value=value)
    book.save(path)
    told = alone.json("check", path)
    assert told["files"][0]["events"] == 1, told


def test_a_sheet_that_may_be_filled_is_not_written_over(alone: Scan) -> None:
    path = alone.file("采收.xlsx", b"filled")
    assert "--overwrite" in alone.run("template", "harvest", "-o", path, code=1).output
    assert path.read_bytes() == b"filled"
    alone.run("template", "harvest", "-o", path, "--overwrite")
    assert openpyxl.load_workbook(path).worksheets[0].title == "采收"


@pytest.mark.parametrize("kind", ["packaging", "shipping", "field_operation"])
def test_a_template_in_english(alone: Scan, kind: str) -> None:
    path = alone.folder / "t.xlsx"
    assert alone.json("template", kind, "-o", path)["ok"]
    alone.run("template", kind, "-o", path, "--language", "en", "--overwrite")
    assert openpyxl.load_workbook(path).worksheets[0].title == KINDS[kind].en


def test_a_sheet_of_the_server_has_the_lists_of_one_s_own(scan: Scan) -> None:
    path = scan.folder / "采收.xlsx"
    assert scan.json("template", "harvest", "-o", path)["own_lists"]
    assert {PRODUCT, CYCLE} <= listed(path)
    assert openpyxl.load_workbook(path).worksheets[0].title == KINDS["harvest"].zh
    scan.run("template", "harvest", "-o", path, "--language", "en", "--overwrite")
    assert openpyxl.load_workbook(path).worksheets[0].title == KINDS["harvest"].en


def test_offline_no_server_is_asked(scan: Scan) -> None:
    path = scan.folder / "采收.xlsx"
    assert not scan.json("template", "harvest", "-o", path, "--offline")["own_lists"]
    assert not {PRODUCT, CYCLE} & listed(path)


def test_without_a_line_the_general_sheet_is_written_and_that_is_told(alone: Scan) -> None:
    path = alone.folder / "采收.xlsx"
    told = alone.run("template", "harvest", "-o", path)
    assert "通用表格" in told.stderr
    assert "连不上服务器" in told.stderr
    assert path.is_file()
    assert alone.json("template", "harvest", "-o", path, "--overwrite") == {
        "ok": True,
        "kind": "harvest",
        "file": str(path),
        "own_lists": False,
    }


def test_without_a_server_or_a_token_nothing_is_asked_and_nothing_told(alone: Scan) -> None:
    one, other = alone.folder / "采收.xlsx", alone.folder / "采收-2.xlsx"
    assert alone.run("template", "harvest", "-o", one, HEJI_SCAN_SERVER="").stderr == ""
    assert alone.run("template", "harvest", "-o", other, HEJI_SCAN_TOKEN="").stderr == ""


def test_a_token_that_is_not_taken_gives_the_general_sheet(scan: Scan) -> None:
    (scan.folder / "token").write_text("stale")
    told = scan.run("template", "harvest", "-o", scan.folder / "采收.xlsx")
    assert "状态码 401" in told.stderr


def test_a_page_in_the_sheet_s_place_is_not_taken_for_one(tmp_path: Path) -> None:
    with answering() as told:
        scan = Scan(tmp_path, scan_settings(tmp_path, told.address, "token"))
        told.key = b"<html>accept our conditions</html>"
        assert "状态码 200" in scan.run("template", "harvest", "-o", tmp_path / "t.xlsx").stderr
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").worksheets[0].title == KINDS["harvest"].zh


def test_an_unknown_kind_gives_exit_code_2(alone: Scan) -> None:
    alone.run("template", "no-such-kind", code=2)


def test_a_template_that_cannot_be_written_is_told(alone: Scan) -> None:
    assert "无法写入" in alone.run("template", "harvest", "-o", alone.folder / "no" / "t.xlsx", code=1).output


def listed(path: Path) -> set[str]:
    """The codes in the lists that a template brings along, which nobody sees but those who pick."""
    book = openpyxl.load_workbook(path)
    [picks] = (sheet for sheet in book.worksheets if sheet.sheet_state == "hidden")
    return {str(cell).partition(" · ")[0] for row in picks.iter_rows(values_only=True) for cell in row}
