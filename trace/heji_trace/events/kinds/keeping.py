"""Keeping: goods are cooled and stored within one custody, watched by loggers, counted."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Amount, Field, Identifier, Kind, Moment, Table, Temperature, Text

_EVENT = "0197636e-95c0-7c3a-9d51-3f6a1c0e2b10"
_PERMITS = frozenset({"site", "performed_by", "ended_at"})
_KEPT = ({"batch": "LZ20260612-01", "quantity": "1238", "unit": "kg", "to_site": "fg-store-01"},)
_TEMPERATURE = Field(
    "temperature", Temperature(), "温度（℃）", "Temperature (C)", "3.5", also=("温度",), public=True
)
_PLACE = Field("place", Text(60), "库位", "Place", "2 号库 A 区", "Room 2, zone A")

PRECOOLING: Final = Kind(
    "precooling",
    "预冷",
    "Precooling",
    "moving",
    "把批次预冷到目标温度；货物仍在本单位手中。",
    "Cools batches to a target temperature; they stay in the same custody.",
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        _TEMPERATURE,
        Field("method", words.COOLING, "预冷方式", "Cooling method", "forced_air"),
        _PLACE,
    ),
    first=("moves.batch", "moves.quantity", "moves.to_site", "details.temperature", "details.method"),
    sample={"site": "fg-packing-01", "moves": _KEPT},
)

STORAGE: Final = Kind(
    "storage",
    "贮存",
    "Storage",
    "moving",
    "把批次放进本单位的仓库或冷库；货物仍在本单位手中。",
    "Puts batches into a store of the same organisation; they stay in the same custody.",
    also=("冷藏", "仓储"),
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(_TEMPERATURE, _PLACE),
    first=("moves.batch", "moves.quantity", "moves.to_site", "details.temperature", "details.place"),
    sample={"site": "fg-packing-01", "moves": _KEPT},
)

_READING = (
    Field("at", Moment(), "读数时间", "Read at", "2026-06-12T14:00:00+08:00", required=True),
    Field(
        "temperature",
        Temperature(),
        "读数温度（℃）",
        "Reading (C)",
        "3.6",
        required=True,
        also=("温度", "读数温度"),
    ),
    Field("humidity", Amount(most=100), "湿度（%）", "Humidity (%)", "92", also=("湿度", "相对湿度")),
)

CONDITION: Final = Kind(
    "condition",
    "温湿度记录",
    "Condition",
    "moving",
    "记录仪在运输或贮存中测得的一段温湿度；按产品的贮存温度判断是否超限或缺失。",
    "A series of temperature and humidity from a logger, judged by the product's storage band.",
    also=("温度记录", "冷链记录"),
    recorders=words.HOLDERS,
    permits=frozenset({"batches", "site", "performed_by", "ended_at"}),
    fields=(
        Field(
            "shipping",
            Identifier("uuid"),
            "发货单号",
            "Shipping record",
            _EVENT,
            help_zh="填写后，该次发货的全部批次都计入。",
            help_en="With it, all batches of that shipment are concerned.",
        ),
        Field("logger", Text(60), "记录仪", "Logger", "TH-20231"),
        Field("readings", Table(_READING, most=5000), "读数", "Readings", None, required=True),
    ),
    first=(
        "batches",
        "details.shipping",
        "details.logger",
        "details.readings.at",
        "details.readings.temperature",
    ),
    sample={"site": "fg-truck-01"},
)

STOCK_COUNT: Final = Kind(
    "stock_count",
    "盘点",
    "Stock count",
    "moving",
    "说明清点时手中实有的批次数量；与账面的差额记为盘盈或盘亏。",
    "States what of batches is on hand when counted; the difference from the books is recorded as variance.",
    also=("库存盘点",),
    recorders=words.HOLDERS,
    needs=frozenset({"moves"}),
    permits=_PERMITS,
    fields=(
        Field("reason", Text(200), "差异原因", "Reason of variance", "失水减重", "Lost water in storage"),
        Field("counter", Text(60), "清点人", "Counted by", "陈仓管", "Ms Chen"),
    ),
    first=("moves.batch", "moves.quantity", "details.reason", "details.counter"),
    sample={"site": "fg-store-01", "moves": ({"batch": "LZ20260612-01", "quantity": "412.5", "unit": "kg"},)},
)
