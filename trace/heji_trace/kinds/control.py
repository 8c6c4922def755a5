"""Control: goods are stopped and let go, recalled, statements corrected, labels issued."""

from __future__ import annotations

from typing import Final

from heji_trace.kinds import words
from heji_trace.kinds.fields import Batch, Code, EventBody, Field, Flag, Identifier, Kind, ListOf, Text, Whole

_EVENT = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b10"
_WATCHERS = words.LABORATORIES | {"regulator", "operator"}
_SCOPE = Field(
    "scope", Text(400, lines=True), "范围说明", "Scope", "该批次全部在库货物", "All stock of the batch"
)

HOLD: Final = Kind(
    "hold",
    "暂停销售",
    "Hold",
    "control",
    "暂停批次的销售和移动，直到解除。",
    "Stops batches until the hold is released.",
    recorders=words.HOLDERS | _WATCHERS,
    needs=frozenset({"batches"}),
    permits=frozenset({"performed_by"}),
    fields=(
        Field(
            "reason",
            Text(200),
            "原因",
            "Reason",
            "快检阳性，等待复检",
            "Screening positive, awaiting retest",
            required=True,
            public=True,
        ),
        _SCOPE,
    ),
    first=("batches", "details.reason", "details.scope"),
)
RELEASE: Final = Kind(
    "release",
    "解除暂停",
    "Release",
    "control",
    "解除一次暂停；只有作出暂停的单位或监管部门可以解除。",
    "Ends a hold; only who placed it or the regulator may.",
    recorders=words.HOLDERS | _WATCHERS,
    permits=frozenset({"batches", "performed_by"}),
    fields=(
        Field("hold", Identifier("uuid"), "暂停单号", "Hold", _EVENT, required=True),
        Field(
            "reason", Text(200), "原因", "Reason", "复检合格", "Retest conforms", required=True, public=True
        ),
    ),
    first=("details.hold", "details.reason"),
)
RECALL: Final = Kind(
    "recall",
    "召回",
    "Recall",
    "control",
    "召回批次及由其制成的全部批次。",
    "Recalls batches and everything made from them.",
    recorders=words.HOLDERS | {"regulator"},
    needs=frozenset({"batches"}),
    permits=frozenset({"performed_by"}),
    fields=(
        Field(
            "level",
            Whole(1, 3),
            "召回级别",
            "Level",
            2,
            required=True,
            public=True,
            help_zh="1、2、3 级：24、48、72 小时内启动。",
            help_en="1, 2, 3: start within 24, 48, 72 hours.",
        ),
        Field("ordered", Flag(), "责令召回", "Ordered", False, required=True, public=True),
        Field(
            "reason",
            Text(300),
            "原因",
            "Reason",
            "克百威超标",
            "Carbofuran above the limit",
            required=True,
            public=True,
        ),
        _SCOPE,
        Field("document", Text(80), "文书编号", "Document", "佛市监召〔2026〕3 号"),
    ),
    first=("batches", "details.level", "details.ordered", "details.reason", "details.document"),
)
CORRECTION: Final = Kind(
    "correction",
    "更正",
    "Correction",
    "control",
    "撤回写错的记录，或以新的记录替换；原记录仍然可见。",
    "Withdraws a mistaken statement or replaces it; both stay visible.",
    recorders=words.ANYBODY,
    fields=(
        Field(
            "corrects",
            ListOf(Identifier("uuid"), most=5000),
            "被更正单号",
            "Corrects",
            (_EVENT,),
            required=True,
            public=True,
        ),
        Field(
            "reason",
            Text(200),
            "更正原因",
            "Reason",
            "重量录入错误",
            "Weight mistyped",
            required=True,
            public=True,
        ),
        Field("replacement", EventBody(), "替换记录", "Replacement", None),
    ),
    first=("details.corrects", "details.reason"),
)
LABEL_ISSUE: Final = Kind(
    "label_issue",
    "标签发放",
    "Label issue",
    "control",
    "为一个产品批次发放追溯码；只能由标签页面生成。",
    "Issues a trace code for a batch of a product; made by the label door alone.",
    recorders=frozenset({"producer", "processor"}),
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
