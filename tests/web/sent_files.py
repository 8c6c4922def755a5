"""Files as people send them, made for the tests of the doors."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

from openpyxl import Workbook

from county import CYCLE, PRODUCT

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HARVEST_HEADINGS = ("时间", "生产周期", "批次", "产品", "数量", "单位")
RAPID17 = [
    "检测点名称",
    "被检单位",
    "档口编号",
    "样品名称",
    "检测项目",
    "限定值",
    "检测值",
    "检测结论",
    "检测人员",
    "检测时间",
    "审核人员姓名",
    "上报人员姓名",
    "检测设备名称",
    "检测模块",
    "检测方法",
    "仪器生产厂家",
    "备注",
]


def harvest_rows(*batches: str, quantity: str = "12.5") -> list[tuple[str, ...]]:
    return [("2026-05-28 08:00", CYCLE, batch, PRODUCT, quantity, "kg") for batch in batches]


def csv_file(headings: Sequence[str], rows: Sequence[Sequence[str]], encoding: str = "gb18030") -> bytes:
    return "\r\n".join(",".join(row) for row in [headings, *rows]).encode(encoding)


def xlsx_file(
    headings: Sequence[str],
    rows: Sequence[Sequence[object]],
    title: str = "采收",
    merged: str | None = None,
) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.append(list(headings))
    for row in rows:
        sheet.append(list(row))
    if merged:
        sheet.merge_cells(merged)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def repacked(data: bytes, **parts: bytes) -> bytes:
    """A workbook with some parts replaced or added; `__` stands for `/`, `_xml` for the ending."""
    names = {name.replace("__", "/").replace("_xml", ".xml"): part for name, part in parts.items()}
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in names:
                new.writestr(name, old.read(name))
        for name, part in names.items():
            new.writestr(name, part)
    return stream.getvalue()


def rapid_row(value: str = "13.12", conclusion: str = "合格", note: str = "", **other: str) -> list[str]:
    """A row of an instrument's file: a litchi sample of 佛冈某合作社, tested in the morning."""
    cells = {
        "检测点名称": "佛冈快检中心",
        "被检单位": "fg-litchi-coop",
        "样品名称": "荔枝",
        "检测项目": "有机磷和氨基甲酸酯类农药",
        "限定值": "50",
        "检测值": value,
        "检测结论": conclusion,
        "检测人员": "王工",
        "检测时间": "2026-05-28 13:14:20",
        "审核人员姓名": "陈工",
        "检测设备名称": "DY-3500PLUS",
        "检测方法": "抑制率法",
        "备注": note,
        **other,
    }
    return [cells.get(heading, "") for heading in RAPID17]


def rapid_file(*rows: Sequence[str]) -> bytes:
    return xlsx_file(["填写说明"], [RAPID17, *rows], title="Sheet1")


def form(data: bytes, name: str) -> tuple[bytes, str]:
    """The body of a form with one file, and its media type; the test client would leave a large one open."""
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"
