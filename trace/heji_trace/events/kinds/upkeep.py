"""Upkeep of the ledger: sealed values are erased, and a restored log says what it left behind."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Date, Field, Identifier, Kind, ListOf, Table, Text, Whole

_ERASED = (
    Field(
        "event",
        Identifier("uuid"),
        "记录单号",
        "Record",
        "0197636e-95c0-7c3a-9d51-3f6a1c0e2b10",
        required=True,
        public=True,
    ),
    Field(
        "pointers",
        ListOf(Text(300), most=500),
        "字段位置",
        "Pointers",
        ("/details/contact", "/note"),
        required=True,
        public=True,
    ),
)

ERASURE: Final = Kind(
    "erasure",
    "删除个人信息",
    "Erasure",
    "control",
    "应本人请求或依法删除指明的密封值；承诺值留在账本，原有凭证仍可验证。",
    "Erases the sealed values named; their commitments stay, so that earlier receipts still verify.",
    recorders=frozenset({"operator"}),
    fields=(
        # Public, so that whoever audits the log sees why a value cannot be opened, and a restored backup erases again.
        Field(
            "values", Table(_ERASED, most=500), "删除内容", "Values erased", None, required=True, public=True
        ),
        Field(
            "ground",
            words.LEGAL_GROUND,
            "法律依据",
            "Legal ground",
            "consent_withdrawn",
            required=True,
            public=True,
        ),
        Field("requested_on", Date(), "请求日期", "Requested on", "2026-08-03"),
        Field("request", Text(200), "请求说明", "Request", "申请表 2026-07", "Form 2026-07"),
    ),
    first=(
        "details.values.event",
        "details.values.pointers",
        "details.ground",
        "details.requested_on",
        "details.request",
    ),
    sample={"organisation": "fg-centre"},
)

LOG_GAP: Final = Kind(
    "log_gap",
    "日志断点",
    "Log gap",
    "control",
    "从较旧的备份恢复后，系统记下被留在身后的检查点；只由系统写入。",
    "After a restore from an older backup the system names the checkpoint it left behind; made by the system alone.",
    recorders=frozenset({"operator"}),
    fields=(
        Field(
            "checkpoint",
            Text(4000, lines=True),
            "留下的检查点",
            "Checkpoint left behind",
            "trace.example/log\n52\nFp1Tz0GcKyB3DiUkjaNNTiSGfVqmVwfrxgKb2DX+UXc=\n",
            required=True,
            public=True,
        ),
        Field("restored_size", Whole(), "恢复到的记录数", "Restored size", 48, required=True, public=True),
        Field("reason", Text(300), "恢复原因", "Reason", "磁盘损坏", "Disk failure", public=True),
    ),
    sample={"organisation": "fg-centre"},
    first=("details.checkpoint", "details.restored_size", "details.reason"),
    form=False,
)
