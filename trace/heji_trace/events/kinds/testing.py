"""Testing: samples are drawn from a target, results are stated about a sample."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Amount, Batch, Code, Field, Flag, Kind, ListOf, Moment, Table, Text

_ANALYSED = (
    Field("analyte", Text(80), "环境项目", "Analyte", "镉", "Cadmium", required=True, public=True),
    Field("value", Text(40), "检测值", "Value", "0.18", required=True, public=True, also=("结果值",)),
    Field("unit", Text(20), "结果单位", "Result unit", "mg/kg", public=True),
    Field(
        "limit",
        Amount(),
        "限定值",
        "Limit",
        "0.30",
        public=True,
        also=("限量",),
        help_zh="不得高于此值；不填则不判定。",
        help_en="Not to be exceeded; without it nothing is judged.",
    ),
    Field("edition", Text(60), "标准", "Edition of the limit", "GB 15618-2018", public=True),
)

ENVIRONMENT_TEST: Final = Kind(
    "environment_test",
    "产地环境检测",
    "Environment test",
    "testing",
    "记录产地土壤、灌溉水或空气的检测结果；超过所填限定值时，该产地采收的批次会有提示。",
    "States what was found in soil, water or air of a site; above a stated limit, what is harvested there is warned about.",
    also=("环境检测", "土壤检测", "水质检测"),
    recorders=words.GROWERS | words.LABORATORIES,
    needs=frozenset({"site"}),
    permits=frozenset({"performed_by"}),
    fields=(
        Field("medium", words.MEDIUM, "环境介质", "Medium", "soil", required=True, public=True),
        Field("results", Table(_ANALYSED, most=200), "检测结果", "Results", None, required=True, public=True),
        Field("laboratory", Code("organisation"), "检测机构", "Laboratory", "fg-rapid-centre"),
        Field("report", Text(80), "报告编号", "Report", "HJ-2026-0117"),
    ),
    first=(
        "site",
        "details.medium",
        "details.results.analyte",
        "details.results.value",
        "details.results.limit",
    ),
)

_WITH_RESULT = ("status", ("preliminary", "reviewed", "final"))

_SAMPLE = (
    Field("sample", Code("sample"), "样品编号", "Sample", "S20260612-001", required=True, public=True),
    Field("batch", Batch(), "样品批次", "Batch of the sample", "LZ20260612-01", public=True),
    Field("site", Code("site"), "采样地点", "Sampled at", "fg-plot-031", public=True),
    Field(
        "cycles", ListOf(Code("cycle")), "样品周期", "Cycles of the sample", ("2026-litchi-031",), public=True
    ),
    Field(
        "composite_of",
        ListOf(Batch(), most=50),
        "混合样批次",
        "Composite of",
        ("LZ20260612-01", "LZ20260612-02"),
        public=True,
    ),
)

SAMPLING: Final = Kind(
    "sampling",
    "抽样",
    "Sampling",
    "testing",
    "从批次，或从采收前的地块与周期抽取样品；样品与对象在此绑定。",
    "Draws samples from batches, or from a plot and its cycle before harvest, and binds them to it.",
    recorders=words.LABORATORIES | {"regulator", "producer"},
    permits=frozenset({"batches", "site", "cycles", "performed_by", "ended_at"}),
    fields=(
        Field("purpose", words.PURPOSE, "抽样目的", "Purpose", "commissioned", required=True, public=True),
        Field("samples", Table(_SAMPLE, most=200), "样品", "Samples", None, required=True, public=True),
        Field("sampler", Text(60), "抽样人", "Sampler", "李工", "Ms Li"),
        Field("seal", Text(60), "封样编号", "Seal number", "FY-0612-01"),
        Field("retained", Flag(), "已留备样", "Retained portion kept", True),
    ),
    first=(
        "details.purpose",
        "details.samples.sample",
        "details.samples.batch",
        "details.sampler",
        "details.seal",
    ),
)

_RESULT = (
    Field(
        "analyte",
        Text(80),
        "检测项目",
        "Analyte",
        "有机磷和氨基甲酸酯类农药",
        "Organophosphates and carbamates",
        required=True,
        public=True,
    ),
    Field("value", Text(40), "检测值", "Value", "13.12", required=True, public=True, also=("结果值",)),
    Field("unit", Text(20), "结果单位", "Result unit", "%", public=True),
    Field("lod", Amount(), "检出限", "LOD", "0.005", public=True),
    Field("loq", Amount(), "定量限", "LOQ", "0.01", public=True),
    Field("limit", Amount(), "限定值", "Limit", "50", public=True, also=("限量",)),
    Field("edition", Text(60), "限量版本", "Edition of the limit", "GB/T 5009.199-2003", public=True),
    Field("outcome", words.CONCLUSION, "单项判定", "Outcome", "negative", public=True),
)

TESTING: Final = Kind(
    "testing",
    "检测",
    "Testing",
    "testing",
    "记录样品的收样、检测、审核或最终结果；每一步是一条新的记录。",
    "States a sample's receipt, result, review or final result; each step is a further event.",
    recorders=words.LABORATORIES | {"producer"},
    permits=frozenset({"batches", "site", "performed_by", "ended_at"}),
    fields=(
        Field("sample", Code("sample"), "样品编号", "Sample", "S20260612-001", required=True, public=True),
        Field(
            "laboratory",
            Code("organisation"),
            "检测机构",
            "Laboratory",
            "fg-rapid-centre",
            required=True,
            public=True,
        ),
        Field(
            "method",
            Text(80),
            "检测方法",
            "Method",
            "酶抑制率法",
            "Enzyme inhibition",
            public=True,
            required_when=_WITH_RESULT,
        ),
        Field(
            "method_class",
            words.METHOD_CLASS,
            "方法类别",
            "Method class",
            "rapid",
            public=True,
            required_when=_WITH_RESULT,
        ),
        Field(
            "results",
            Table(_RESULT, most=600),
            "检测结果",
            "Results",
            None,
            public=True,
            required_when=_WITH_RESULT,
        ),
        Field(
            "conclusion",
            words.CONCLUSION,
            "检测结论",
            "Conclusion",
            "negative",
            public=True,
            required_when=_WITH_RESULT,
        ),
        Field("status", words.TEST_STATUS, "检测状态", "Status", "reviewed", required=True, public=True),
        Field(
            "released_at",
            Moment(),
            "公布时间",
            "Released at",
            "2026-06-12T16:00:00+08:00",
            public=True,
            help_zh="监督抽查的结果只由监管部门公布。",
            help_en="An official result is released by a regulator alone.",
        ),
        Field("tester", Text(60), "检测人员", "Tester", "王工", "Mr Wang"),
        Field("verifier", Text(60), "审核人员", "Verifier", "陈工", "Ms Chen"),
        Field("instrument", Text(60), "检测设备", "Instrument", "DY-3500PLUS", kept=True),
        Field("tested_at", Moment(), "检测时间", "Tested at", "2026-06-12T14:20:00+08:00"),
    ),
    first=(
        "details.sample",
        "details.results.analyte",
        "details.results.value",
        "details.conclusion",
        "details.status",
    ),
    sample={"organisation": "fg-rapid-centre"},
)
