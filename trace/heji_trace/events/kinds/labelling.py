"""Labelling: trace codes are issued, bound to a batch, declared void."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds.fields import Batch, Code, Field, Identifier, Kind, Text, Whole

_EVENT = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b10"
_RECORDERS = frozenset({"producer", "processor"})
_RUN = Field(
    "run",
    Identifier("uuid"),
    "对应的标签",
    "Label run",
    _EVENT,
    required=True,
    help_zh="发放该追溯码的记录。",
    help_en="The record by which the code was issued.",
    also=("标签发放单号",),
)

LABEL_ISSUE: Final = Kind(
    "label_issue",
    "标签发放",
    "Label issue",
    "control",
    "为一个产品批次发放追溯码；只能由标签页面生成。",
    "Issues a trace code for a batch of a product; made by the label door alone.",
    recorders=_RECORDERS,
    fields=(
        Field("product", Code("product"), "产品", "Product", "litchi-fzx-5kg", required=True, public=True),
        Field("batch", Batch(), "批次", "Batch", "LZ5KG-20260612"),
        Field(
            "trace_code", Identifier("trace_code"), "追溯码", "Trace code", "3K7TQ9W2MX4RA6BC", required=True
        ),
        Field(
            "phone_code",
            Identifier("phone_code"),
            "电话查询码",
            "Telephone code",
            "4082190376",
            required=True,
        ),
        Field("copies", Whole(1, 1_000_000), "张数", "Copies", 250, required=True),
        Field(
            "file_hash",
            Identifier("sha256"),
            "文件摘要",
            "File hash",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ),
    ),
    first=("details.product", "details.batch", "details.copies"),
    form=False,
)

LABEL_BIND: Final = Kind(
    "label_bind",
    "标签绑定",
    "Label binding",
    "control",
    "把先发放、未绑定批次的追溯码绑定到一个批次；绑错了，先撤回再绑定。",
    "Binds a trace code that was issued without batch to its batch; what was bound wrongly is taken back first.",
    recorders=_RECORDERS,
    fields=(_RUN, Field("batch", Batch(), "批次", "Batch", "LZ5KG-20260612", required=True)),
    first=("details.run", "details.batch"),
)

LABEL_VOID: Final = Kind(
    "label_void",
    "标签作废",
    "Label voiding",
    "control",
    "作废一个追溯码：之后扫码只显示已作废。",
    "Declares a trace code void: whoever scans it is told so.",
    recorders=_RECORDERS,
    fields=(
        _RUN,
        Field("reason", Text(200), "作废原因", "Reason", "印刷错误", "Misprinted", required=True),
    ),
    first=("details.run", "details.reason"),
)
