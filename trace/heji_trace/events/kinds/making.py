"""Making: batches become other batches by collection, grading, processing and packaging."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Amount, Code, Date, Field, Kind, ListOf, Moment, Text, Unit

_PROCESS = Field(
    "process", Text(80), "工艺", "Process", "预冷后人工分拣", "Sorted by hand after cooling", public=True
)
_GRADE = Field("grade", Text(20), "等级", "Grade", "一级", "I", public=True)
_COMMON = (
    Field("loss_quantity", Amount(), "损耗数量", "Loss", "12.5", also=("损耗",)),
    Field("loss_unit", Unit(), "损耗单位", "Loss unit", "kg", required_when=("loss_quantity", ())),
    Field("best_before", Date(), "最佳食用日期", "Best before", "2026-06-19", public=True),
    Field("use_by", Date(), "保质期至", "Use by", "2026-06-22", public=True),
    Field("batch_number", Text(40), "产品批号", "Batch number", "20260612-A03-01", public=True),
)
_FIRST = ("inputs.batch", "inputs.quantity", "outputs.batch", "outputs.product", "outputs.quantity")
_NEEDS = frozenset({"inputs", "outputs"})
_PERMITS = frozenset({"site", "performed_by", "ended_at"})
_PACKED = (
    {
        "batch": "LZ5KG-20260612",
        "product": "litchi-fzx-5kg",
        "quantity": "1230",
        "unit": "kg",
        "packages": 246,
        "site": "fg-store-01",
    },
)

COLLECTION: Final = Kind(
    "collection",
    "收储集货",
    "Collection",
    "making",
    "把收来的批次归集成一个批次；账本中没有的来源批次会先询问，再按来源不明记录。",
    "Gathers batches into one; an input the ledger does not know is asked back, then opened as of unknown origin.",
    also=("收储", "集货", "收购"),
    recorders=words.MAKERS,
    needs=_NEEDS,
    permits=_PERMITS,
    fields=(_PROCESS, _GRADE, *_COMMON),
    first=_FIRST,
    sample={"site": "fg-station-gaogang", "outputs": _PACKED},
)
GRADING: Final = Kind(
    "grading",
    "分级分拣",
    "Grading",
    "making",
    "按等级把批次分成新的批次。",
    "Divides batches into new ones by grade.",
    also=("分级", "分拣"),
    recorders=words.MAKERS,
    needs=_NEEDS,
    permits=_PERMITS,
    fields=(_PROCESS, _GRADE, *_COMMON),
    first=_FIRST,
    sample={"site": "fg-packing-01", "outputs": _PACKED},
)
PROCESSING: Final = Kind(
    "processing",
    "加工",
    "Processing",
    "making",
    "把批次加工成另一种产品的批次。",
    "Makes batches of another product.",
    recorders=words.MAKERS,
    needs=_NEEDS,
    permits=_PERMITS,
    fields=(_PROCESS, _GRADE, *_COMMON),
    first=_FIRST,
    sample={"site": "fg-packing-01", "outputs": _PACKED},
)
PACKAGING: Final = Kind(
    "packaging",
    "包装",
    "Packaging",
    "making",
    "把批次包装成可销售的单品批次。",
    "Packs batches into batches of a product for sale.",
    recorders=words.MAKERS,
    needs=_NEEDS,
    permits=_PERMITS,
    fields=(_PROCESS, _GRADE, *_COMMON),
    first=_FIRST,
    sample={"site": "fg-packing-01", "outputs": _PACKED},
)

CONFORMITY_CERTIFICATE: Final = Kind(
    "conformity_certificate",
    "承诺达标合格证",
    "Conformity certificate",
    "making",
    "为上市的批次开具承诺达标合格证；收购后混装或分装的批次要重新开具。",
    "The producer's promise for batches going to market; goods mixed or divided after purchase need a new one.",
    also=("合格证", "达标合格证"),
    # A buyer who mixes or divides lots must issue a new one, so not producers alone.
    recorders=words.MAKERS,
    needs=frozenset({"batches"}),
    permits=frozenset({"site", "performed_by"}),
    fields=(
        Field(
            "product",
            Code("product"),
            "产品",
            "Product",
            "litchi-fzx-5kg",
            public=True,
            help_zh="不填则为批次的产品。",
            help_en="Left out, it is the product of the batches.",
        ),
        Field("quantity", Amount(positive=True), "数量", "Quantity", "1230", required=True, also=("重量",)),
        Field("unit", Unit(), "单位", "Unit", "kg", required=True, also=("计量单位",)),
        Field(
            "origin",
            Text(120),
            "产地",
            "Origin",
            "广东省清远市佛冈县高岗镇",
            "Gaogang, Fogang",
            required=True,
        ),
        Field(
            "contact",
            Text(60),
            "联系方式",
            "Contact",
            "0763-0000000",
            help_zh="不填则为主体登记的联系方式。",
            help_en="Left out, it is the one that the organisation registered.",
        ),
        Field(
            "promise",
            ListOf(words.PROMISE, most=3),
            "承诺内容",
            "Promise",
            ("no_banned_inputs", "residues_within_limits", "truthful"),
            required=True,
        ),
        Field(
            "basis",
            ListOf(words.BASIS, most=3),
            "承诺依据",
            "Basis",
            ("quality_control", "commissioned_test"),
            required=True,
            public=True,
        ),
        Field(
            "issued_at",
            Moment(),
            "开具时间",
            "Issued at",
            "2026-06-12T15:00:00+08:00",
            required=True,
            public=True,
            also=("开具日期",),
        ),
        Field("number", Text(60), "合格证编号", "Number", "HGZ-20260612-03"),
        Field("signer", Text(40), "签名人", "Signed by", "黄理事长", "Chairman Huang"),
    ),
    first=("batches", "details.quantity", "details.origin", "details.promise", "details.basis"),
)
