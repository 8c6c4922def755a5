"""Control: goods are stopped and let go, recalled; statements are corrected and objected to."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import (
    Amount,
    Batch,
    Code,
    Date,
    EventBody,
    Field,
    Flag,
    Identifier,
    Kind,
    ListOf,
    Moment,
    Table,
    Text,
    Unit,
    Whole,
)

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
        Field("hold", Identifier("uuid"), "对应的暂停", "Hold", _EVENT, required=True, also=("暂停单号",)),
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
_CONSIGNEE = (
    Field("organisation", Code("organisation"), "收货单位", "Consignee", "gz-fruit-shop", required=True),
    Field("batch", Batch(), "召回批次", "Batch", "LZ5KG-20260612"),
    Field("notified_at", Moment(), "通知时间", "Notified at", "2026-06-20T10:00:00+08:00"),
    Field(
        "unit",
        Unit(),
        "单位",
        "Unit",
        "kg",
        measures=("on_hand", "sold", "returned", "disposed"),
        also=("计量单位",),
    ),
    Field("on_hand", Amount(), "在库数量", "On hand", "80"),
    Field("sold", Amount(), "已售数量", "Sold", "45"),
    Field("returned", Amount(), "已退回数量", "Returned", "100"),
    Field("disposed", Amount(), "已处置数量", "Disposed", "25"),
    Field("finish_on", Date(), "完成日期", "Finish date", "2026-06-28"),
)
RECALL_UPDATE: Final = Kind(
    "recall_update",
    "召回进展",
    "Recall update",
    "control",
    "上报一次召回的进展：各收货单位的数字、完成日期；收货单位可以上报自己的数字。",
    "States how far a recall is: figures and finish dates per consignee, who may state their own.",
    recorders=words.HOLDERS | {"regulator"},
    permits=frozenset({"performed_by"}),
    fields=(
        Field(
            "recall", Identifier("uuid"), "对应的召回", "Recall", _EVENT, required=True, also=("召回单号",)
        ),
        Field("status", words.RECALL_STATUS, "召回状态", "Status", "in_progress", required=True, public=True),
        Field("consignees", Table(_CONSIGNEE, most=1000), "收货单位进展", "Consignees", None),
        Field("finish_on", Date(), "召回完成日期", "Finish date of the recall", "2026-06-30"),
        Field("level", Whole(1, 3), "召回级别", "Level", 2, public=True),
        Field("reason", Text(300), "说明", "Reason", "门店已下架", "Taken off the shelves", public=True),
        Field("document", Text(80), "文书编号", "Document", "佛市监召〔2026〕3 号"),
    ),
    first=(
        "details.recall",
        "details.status",
        "details.consignees.organisation",
        "details.consignees.returned",
        "details.finish_on",
    ),
)
OBJECTION: Final = Kind(
    "objection",
    "异议",
    "Objection",
    "control",
    "有关单位对一条记录提出异议；原记录不变，异议与它并列可见。",
    "Whoever is concerned contradicts a statement; it stays, and the objection stands beside it.",
    recorders=words.ANYBODY,
    permits=frozenset({"batches", "performed_by"}),
    fields=(
        Field(
            "to",
            Identifier("uuid"),
            "异议针对的记录",
            "Objects to",
            _EVENT,
            required=True,
            also=("异议对象单号",),
        ),
        Field(
            "grounds",
            Text(1000, lines=True),
            "异议理由",
            "Grounds",
            "样品并非取自本批次",
            "The sample is not from this batch",
            required=True,
        ),
        Field("asks_retest", Flag(), "申请复检", "Asks for a retest", True),
    ),
    first=("details.to", "details.grounds", "details.asks_retest"),
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
            ListOf(Identifier("uuid"), most=100_000),
            "要更正的记录单号",
            "Corrects",
            (_EVENT,),
            required=True,
            public=True,
            also=("被更正单号",),
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
