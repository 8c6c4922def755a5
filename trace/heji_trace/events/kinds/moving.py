"""Moving: goods pass between custodies, and out of the chain."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import (
    Amount,
    Batch,
    Code,
    Field,
    Identifier,
    Kind,
    Money,
    Table,
    Text,
    Unit,
)

_EVENT = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b10"
_PERMITS = frozenset({"site", "performed_by", "ended_at"})

SHIPPING: Final = Kind(
    "shipping",
    "发货运输",
    "Shipping",
    "moving",
    "把批次发往另一单位或另一地点。",
    "Sends batches to another organisation or site.",
    also=("发货", "运输", "出库"),
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field("carrier", Code("organisation"), "承运单位", "Carrier", "fg-cold-chain"),
        Field("vehicle", Text(40), "车牌号", "Vehicle", "粤R12345"),
        Field("seal", Text(40), "铅封号", "Seal", "QF-0612-07"),
        Field("document", Text(60), "随车单据号", "Document", "YD20260612-003"),
    ),
    first=("moves.batch", "moves.quantity", "moves.to_organisation", "details.vehicle", "details.document"),
)

_REJECTED = (
    Field("batch", Batch(), "拒收批次", "Rejected batch", "LZ20260612-01", required=True),
    Field("quantity", Amount(positive=True), "拒收数量", "Rejected quantity", "12.5", required=True),
    Field("unit", Unit(), "拒收单位", "Rejected unit", "kg", required=True),
)

RECEIVING: Final = Kind(
    "receiving",
    "收货",
    "Receiving",
    "moving",
    "确认收到的批次和数量；账本中没有的批次会先询问，再按来源不明记录。",
    "Takes batches in; one the ledger does not know is asked back, then opened as of unknown origin.",
    also=("到货", "入库"),
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field("shipping", Identifier("uuid"), "发货单号", "Shipping record", _EVENT),
        Field("rejected", Table(_REJECTED, most=500), "拒收", "Rejected", None),
        Field(
            "inspection",
            Text(200),
            "到货查验",
            "Inspection on arrival",
            "外观正常，果心温度 4 ℃",
            "Looks sound, core at 4 °C",
            public=True,
        ),
    ),
    first=("moves.batch", "moves.quantity", "details.shipping", "details.inspection"),
    sample={
        "organisation": "gz-fruit-shop",
        "site": "gz-shop-01",
        "moves": ({"batch": "LZ20260612-01", "quantity": "1238", "unit": "kg", "packages": 250},),
    },
)

SALE: Final = Kind(
    "sale",
    "销售",
    "Sale",
    "moving",
    "把批次卖给消费者或系统外的买方。",
    "Sells batches to consumers or to a buyer outside the system.",
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field("counterparty", Text(120), "买方", "Buyer", "门店零售", "Retail"),
        Field("price", Money(), "单价（元）", "Price (yuan)", "16.80", also=("单价", "价格")),
        Field(
            "market",
            Text(80),
            "销售市场",
            "Market",
            "广州江南果菜批发市场",
            "Jiangnan market, Guangzhou",
            public=True,
        ),
    ),
    first=("moves.batch", "moves.quantity", "details.market", "details.counterparty", "details.price"),
)

_RECALL = Field("recall", Identifier("uuid"), "对应的召回", "Recall", _EVENT, also=("召回单号",))

RETURN: Final = Kind(
    "return",
    "退货",
    "Return",
    "moving",
    "填写接收单位：把批次退回给它；不填：消费者或系统外买方把批次退回本单位。",
    "Gives batches back to the organisation named; with none named, buyers outside give them back to the recorder.",
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field(
            "reason",
            Text(200),
            "退货原因",
            "Reason",
            "到货温度过高",
            "Arrived too warm",
            required=True,
            public=True,
        ),
        Field("counterparty", Text(120), "退货方", "Returned by", "门店顾客", "A customer"),
        Field("refund", Money(), "退款单价（元）", "Refund (yuan)", "16.80"),
        Field(
            "market", Text(80), "退货市场", "Market", "广州江南果菜批发市场", "Jiangnan market", public=True
        ),
        Field("of", Identifier("uuid"), "原发货或销售单号", "Shipping or sale record", _EVENT),
        _RECALL,
    ),
    first=("moves.batch", "moves.quantity", "moves.to_organisation", "details.reason", "details.of"),
)

DISPOSAL: Final = Kind(
    "disposal",
    "处置",
    "Disposal",
    "moving",
    "说明批次被销毁、无害化处理、转作他用或腐损清出；货物从此离开追溯链。",
    "States that batches were destroyed, treated, put to other use or cleared out; they leave the chain.",
    also=("销毁", "无害化处理"),
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field("reason", Text(200), "处置原因", "Reason", "召回退货", "Recalled", required=True, public=True),
        Field("method", words.DISPOSAL_METHOD, "处置方式", "Disposal method", "destruction", required=True),
        Field("place", Text(120), "处置地点", "Place", "县无害化处理中心", "County treatment centre"),
        Field("witness", Text(60), "监督人", "Witness", "镇农办 李工", "Ms Li of the town office"),
        Field("document", Text(80), "处置凭证号", "Document", "WHH-2026-018"),
        _RECALL,
    ),
    first=(
        "moves.batch",
        "moves.quantity",
        "details.method",
        "details.reason",
        "details.document",
    ),
    sample={"moves": ({"batch": "LZ20260612-01", "quantity": "18.5", "unit": "kg"},)},
)
