"""Growing: cycles are opened, inputs applied, batches harvested."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Amount, Code, Field, Kind, ListOf, Text, Whole

PLANTING: Final = Kind(
    "planting",
    "种植",
    "Planting",
    "growing",
    "在一块地上开始一个生产周期；多年生果树每年开一个周期。",
    "Opens a crop cycle on a plot; a perennial gets one each year.",
    also=("定植", "播种"),
    recorders=words.GROWERS,
    needs=frozenset({"site"}),
    permits=frozenset({"performed_by", "ended_at"}),
    fields=(
        Field(
            "cycle",
            Code("cycle"),
            "周期编号",
            "Cycle",
            "2026-litchi-031",
            required=True,
            public=True,
            also=("生产周期", "茬口"),
        ),
        Field("crop", Text(40), "作物", "Crop", "荔枝", "Litchi", required=True, public=True),
        Field("variety", Text(40), "品种", "Variety", "妃子笑", "Feizixiao", public=True),
        Field("area", Amount(positive=True), "面积（亩）", "Area (mu)", "12.5", also=("面积",)),
        Field("planted_year", Whole(1500, 2200), "定植年份", "Planted in", 2009, public=True),
        Field("season", Text(40), "季别", "Season", "2026 夏", "Summer 2026"),
        Field(
            "seed_source", Text(120), "种苗来源", "Seed or seedling source", "佛冈县果苗场", "County nursery"
        ),
    ),
    first=("site", "details.cycle", "details.crop", "details.variety", "details.area"),
)

STOCKING: Final = Kind(
    "stocking",
    "进雏/入栏",
    "Stocking",
    "growing",
    "在一个养殖场开始一个养殖周期。",
    "Opens a rearing cycle on a farm.",
    also=("进雏", "入栏", "进苗"),
    recorders=words.GROWERS,
    needs=frozenset({"site"}),
    permits=frozenset({"performed_by", "ended_at"}),
    fields=(
        Field(
            "cycle",
            Code("cycle"),
            "周期编号",
            "Cycle",
            "2026-layer-002",
            required=True,
            public=True,
            also=("生产周期",),
        ),
        Field("species", Text(40), "畜禽种类", "Species", "蛋鸡", "Laying hens", required=True, public=True),
        Field("variety", Text(40), "品种", "Breed", "清远麻鸡", "Qingyuan partridge", public=True),
        Field("head_count", Whole(1), "数量（头/只）", "Head count", 3000, also=("数量", "存栏数")),
        Field("animal_source", Text(120), "畜禽来源", "Source of animals", "清远种鸡场", "County hatchery"),
    ),
    first=("site", "details.cycle", "details.species", "details.head_count", "details.animal_source"),
    sample={"site": "fg-farm-002"},
)

FIELD_OPERATION: Final = Kind(
    "field_operation",
    "农事操作",
    "Field operation",
    "growing",
    "记录一次农事或饲养操作：灌溉、除草、修剪、疏果、套袋、巡查、消毒等。",
    "Records work on a crop or with animals: irrigation, weeding, pruning, bagging, scouting, disinfection.",
    also=("农事", "田间作业", "饲养操作"),
    recorders=words.GROWERS | {"service"},
    needs=frozenset({"cycles"}),
    permits=frozenset({"site", "performed_by", "ended_at"}),
    fields=(
        Field("operation", words.OPERATION, "操作", "Operation", "bagging", required=True, public=True),
        Field("area", Amount(positive=True), "作业面积（亩）", "Area (mu)", "12.5", also=("作业面积",)),
        Field("workers", Text(60), "作业人员", "Workers", "三组 6 人", "Team 3, six people"),
        Field("equipment", Text(60), "机具", "Equipment", "滴灌系统", "Drip lines"),
        Field("observed", Text(200), "病虫害发生情况", "Pests observed", "荔枝蝽零星", "A few stink bugs"),
    ),
    first=("cycles", "site", "details.operation", "details.area", "details.observed"),
)

INPUT_APPLICATION: Final = Kind(
    "input_application",
    "投入品使用",
    "Input application",
    "growing",
    "记录一次用药、施肥、兽药或饲料的使用；所列周期全部计入。",
    "Records a use of pesticide, fertiliser, veterinary medicine or feed, for all cycles named.",
    also=("用药", "施药", "施肥", "喂料", "农药使用", "兽药使用"),
    recorders=words.GROWERS | {"service"},
    needs=frozenset({"cycles"}),
    permits=frozenset({"site", "performed_by", "ended_at"}),
    fields=(
        Field(
            "input_type",
            words.INPUT_TYPE,
            "投入品类型",
            "Input type",
            "pesticide",
            required=True,
            public=True,
        ),
        Field(
            "name",
            Text(80),
            "投入品名称",
            "Product name",
            "高效氯氟氰菊酯乳油",
            "Lambda-cyhalothrin EC",
            required=True,
            kept=True,
        ),
        Field(
            "licence_number",
            Text(40),
            "登记证号/批准文号",
            "Licence number",
            "PD20080005",
            public=True,
            also=("登记证号", "批准文号", "农药登记证号"),
        ),
        Field(
            "active_substances",
            ListOf(Text(60), most=10),
            "有效成分",
            "Active substances",
            ("高效氯氟氰菊酯",),
            public=True,
        ),
        Field("formulation", Text(40), "剂型", "Formulation", "5% EC", public=True),
        Field("dose", Text(60), "用量", "Dose", "20 mL/亩", "20 mL/mu"),
        Field("method", Text(60), "施用方法", "Method", "喷雾", "Spraying"),
        Field("target", Text(60), "防治对象", "Target", "荔枝蝽", "Litchi stink bug", public=True),
        Field("package_code", Text(64), "包装追溯码", "Package code", "10080005" + "1001" + "0" * 20),
        Field(
            "withdrawal_days",
            Whole(0, 400),
            "休药期或安全间隔期（天）",
            "Withdrawal period or interval (days)",
            7,
            help_zh="兽药和农药都按标签填写；与间隔期表不一致时，按较长的判断。",
            help_en="By the label, of medicines and pesticides; the longer of it and the table's counts.",
            also=("休药期（天）", "休药期", "安全间隔期（天）", "安全间隔期", "Withdrawal period (days)"),
        ),
    ),
    first=("cycles", "details.input_type", "details.name", "details.active_substances", "details.dose"),
)

HARVEST: Final = Kind(
    "harvest",
    "采收",
    "Harvest",
    "growing",
    "从生产周期采收出新批次；捡蛋、屠宰也在此记录。",
    "Makes batches out of cycles; collecting eggs and slaughter too.",
    also=("采摘", "捡蛋", "屠宰"),
    recorders=words.GROWERS,
    needs=frozenset({"cycles", "outputs"}),
    permits=frozenset({"site", "performed_by", "ended_at"}),
    fields=(
        Field("method", Text(40), "采收方式", "Method", "人工剪采", "Cut by hand"),
        Field("grade", Text(20), "等级", "Grade", "统货", "Ungraded", public=True),
    ),
    first=("cycles", "outputs.batch", "outputs.product", "outputs.quantity", "outputs.packages"),
)
