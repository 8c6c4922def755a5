"""The parts of an event that all kinds share; each kind says which of them it uses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from heji_trace.events.kinds.fields import (
    Amount,
    Batch,
    Code,
    Field,
    Identifier,
    ListOf,
    Moment,
    Table,
    Text,
    Unit,
    Whole,
)

_BATCH = Field(
    "batch", Batch(), "批次", "Batch", "LZ20260612-01", required=True, public=True, also=("批次号", "批号")
)
_QUANTITY = Field(
    "quantity", Amount(positive=True), "数量", "Quantity", "1250.5", required=True, also=("重量",)
)
_UNIT = Field("unit", Unit(), "单位", "Unit", "kg", required=True, also=("计量单位",))
_PACKAGES = Field("packages", Whole(), "件数", "Packages", 250)
_OLD_PRODUCT = Field(
    "product",
    Code("product"),
    "产品",
    "Product",
    None,
    public=True,
    also=("产品编号",),
    help_zh="批次在账本中还没有记录时填写。",
    help_en="For a batch that the ledger does not know yet.",
)

INPUT_COLUMNS: Final = (_BATCH, _QUANTITY, _UNIT, _OLD_PRODUCT)
OUTPUT_COLUMNS: Final = (
    _BATCH,
    Field(
        "product",
        Code("product"),
        "产品",
        "Product",
        "litchi-fzx-fresh",
        required=True,
        public=True,
        also=("产品编号",),
    ),
    _QUANTITY,
    _UNIT,
    _PACKAGES,
    Field("site", Code("site"), "存放地点", "Stored at", "fg-store-01", public=True),
)
MOVE_COLUMNS: Final = (
    _BATCH,
    Field("quantity", Amount(), "数量", "Quantity", "1250.5", required=True, also=("重量",)),
    _UNIT,
    _PACKAGES,
    Field(
        "to_organisation",
        Code("organisation"),
        "接收单位",
        "To organisation",
        "gz-fruit-shop",
        also=("收货单位", "收货方"),
    ),
    Field("to_site", Code("site"), "送达地点", "To site", "gz-shop-01", also=("收货地点",)),
    _OLD_PRODUCT,
)
_ATTACHMENT_COLUMNS = (
    Field(
        "sha256",
        Identifier("sha256"),
        "文件摘要",
        "SHA-256",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        required=True,
    ),
    Field("name", Text(120), "文件名", "File name", "田间照片.jpg", "field.jpg", required=True),
    Field("media_type", Text(80), "文件类型", "Media type", "image/jpeg", required=True),
)

_PARTS = (
    Field(
        "id",
        Identifier("uuid"),
        "单号",
        "Record id",
        "0197636e-95c0-7c3a-9d51-3f6a1c0e2b11",
        required=True,
        public=True,
        also=("编号", "记录编号"),
    ),
    Field("kind", Text(40), "类型", "Kind", "harvest", required=True, public=True, also=("记录类型",)),
    Field(
        "occurred_at",
        Moment(),
        "时间",
        "Time",
        "2026-06-12T07:40:00+08:00",
        required=True,
        public=True,
        also=("发生时间", "日期", "操作时间", "操作日期"),
    ),
    Field("ended_at", Moment(), "结束时间", "End time", "2026-06-12T11:20:00+08:00", public=True),
    Field(
        "organisation",
        Code("organisation"),
        "责任主体",
        "Organisation",
        "fg-litchi-coop",
        required=True,
        public=True,
        also=("单位编号", "主体", "组织"),
    ),
    Field("performed_by", Code("organisation"), "执行单位", "Performed by", "fg-spray-team", public=True),
    Field("site", Code("site"), "地点", "Site", "fg-plot-031", public=True, also=("地块", "场所")),
    Field(
        "cycles",
        ListOf(Code("cycle")),
        "生产周期",
        "Cycles",
        ("2026-litchi-031",),
        public=True,
        also=("茬口", "周期"),
    ),
    Field("inputs", Table(INPUT_COLUMNS), "投入", "Input", None, public=True),
    Field("outputs", Table(OUTPUT_COLUMNS), "产出", "Output", None, public=True),
    Field("moves", Table(MOVE_COLUMNS), "货物", "Goods", None, public=True),
    Field(
        "batches",
        ListOf(Batch(), most=2000),
        "涉及批次",
        "Batches",
        ("LZ20260612-01",),
        public=True,
        also=("批次", "批次号", "批号"),
    ),
    Field("attachments", Table(_ATTACHMENT_COLUMNS, most=50), "附件", "Attachments", None),
    Field("acknowledged", ListOf(Text(60), most=50), "已确认的提示", "Acknowledged", None),
    Field("note", Text(1000, lines=True), "备注", "Note", "雨后第二天采收", "Picked the day after rain"),
)

ENVELOPE: Final[Mapping[str, Field]] = MappingProxyType({part.name: part for part in _PARTS})
ALWAYS: Final = frozenset({"id", "kind", "occurred_at", "organisation"})
"""Parts that every event must carry."""
PERMITTED: Final = frozenset({"attachments", "acknowledged", "note"})
"""Parts that every event may carry."""
