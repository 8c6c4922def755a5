"""Registers: who, where, what, under which certificate, mandate and edition of the rules."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import (
    Amount,
    Code,
    Date,
    Field,
    Flag,
    Identifier,
    Kind,
    ListOf,
    Table,
    Text,
    TextMap,
    Unit,
    Whole,
)

_MEMBERSHIP = (
    Field("organisation", Code("organisation"), "所属组织", "Organisation", "fg-litchi-coop", required=True),
    Field("from", Date(), "加入日期", "From", "2024-03-01", required=True),
    Field("until", Date(), "退出日期", "Until", "2027-02-28"),
)

ORGANISATION: Final = Kind(
    "organisation",
    "主体登记",
    "Organisation",
    "registers",
    "登记或更新一个责任主体：企业、合作社、农户、检测机构、监管部门等。",
    "Registers or updates an organisation: enterprise, co-operative, household, laboratory, authority.",
    also=("主体名录", "单位登记"),
    recorders=frozenset({"operator"}),
    fields=(
        Field("code", Code("organisation"), "主体编号", "Code", "fg-litchi-coop", required=True, public=True),
        Field(
            "name",
            Text(80),
            "名称",
            "Name",
            "佛冈县高岗荔枝专业合作社",
            "Gaogang Litchi Co-operative",
            required=True,
            public=True,
            sealed_when=("subject_type", "farm_household"),
            also=("主体名称",),
        ),
        Field(
            "subject_type", words.SUBJECT_TYPE, "主体类型", "Type", "cooperative", required=True, public=True
        ),
        Field(
            "roles", ListOf(words.ROLE, most=10), "角色", "Roles", ("producer",), required=True, public=True
        ),
        Field(
            "uscc",
            Identifier("uscc"),
            "统一社会信用代码",
            "Unified social credit code",
            "93441821MA00TE5T2T",
            public=True,
        ),
        Field(
            "division_code", Identifier("division"), "行政区划代码", "Division code", "441821", public=True
        ),
        Field("member_of", Table(_MEMBERSHIP, most=50), "成员关系", "Member of", None),
        Field("contact", Text(200), "联系方式", "Contact", "0763-0000000"),
        Field("status", words.STATUS, "状态", "Status", "active", public=True),
    ),
    sample={"organisation": "fg-centre"},
    first=("details.code", "details.name", "details.subject_type", "details.roles", "details.division_code"),
)

SITE: Final = Kind(
    "site",
    "地点登记",
    "Site",
    "registers",
    "登记或更新一个地点：地块、包装场所、仓库、实验室、服务站、车辆、市场。",
    "Registers or updates a site: plot, packing centre, store, laboratory, station, vehicle, market.",
    also=("地块登记", "场所登记"),
    recorders=words.ANYBODY,
    fields=(
        Field("code", Code("site"), "地点编号", "Code", "fg-plot-031", required=True, public=True),
        Field(
            "name", Text(80), "名称", "Name", "高岗三江口 31 号地", "Plot 31 at Sanjiangkou", required=True
        ),
        Field("site_type", words.SITE_TYPE, "地点类型", "Type", "plot", required=True, public=True),
        Field(
            "organisation",
            Code("organisation"),
            "所属主体",
            "Owner",
            "fg-litchi-coop",
            required=True,
            public=True,
        ),
        Field(
            "division_code", Identifier("division"), "行政区划代码", "Division code", "441821", public=True
        ),
        Field("area", Amount(positive=True), "面积（亩）", "Area (mu)", "12.5", public=True, also=("面积",)),
        Field(
            "location",
            Text(200),
            "详细位置",
            "Exact location",
            "北纬 23.98，东经 113.62",
            "23.98 N, 113.62 E",
        ),
        Field("status", words.STATUS, "状态", "Status", "active", public=True),
    ),
    first=("details.code", "details.name", "details.site_type", "details.organisation", "details.area"),
)

_CONVERSION = (
    Field("unit", Unit(), "换算单位", "Unit", "carton", required=True),
    Field("equals", Amount(positive=True), "等于", "Equals", "5", required=True),
    Field("of", Unit(), "折合单位", "Of", "kg", required=True),
)

PRODUCT: Final = Kind(
    "product",
    "产品登记",
    "Product",
    "registers",
    "登记或更新一个单品（SKU）：名称、规格、保质期、声明的认证、检测要求。",
    "Registers or updates a product (SKU): name, pack, shelf life, claims, test policy.",
    also=("产品目录", "单品登记"),
    recorders=frozenset({"operator", "producer", "processor"}),
    fields=(
        Field("code", Code("product"), "产品编号", "Code", "litchi-fzx-5kg", required=True, public=True),
        Field("name", Text(80), "产品名称", "Name", "妃子笑荔枝 5 千克装", required=True, public=True),
        Field("name_en", Text(80), "英文名称", "English name", "Feizixiao litchi, 5 kg", public=True),
        Field("commodity", Text(40), "品类", "Commodity", "荔枝", required=True, public=True),
        Field(
            "gtin",
            Identifier("gtin"),
            "商品条码（GTIN）",
            "GTIN",
            "6901234567892",
            public=True,
            also=("GTIN", "商品条码"),
        ),
        Field("net_content", Text(40), "净含量", "Net content", "5 kg", public=True),
        Field("conversions", Table(_CONVERSION, most=20), "单位换算", "Unit conversions", None),
        Field(
            "shelf_life_days",
            Whole(1, 7300),
            "保质期（天）",
            "Shelf life (days)",
            7,
            public=True,
            also=("保质期",),
        ),
        Field("claims", ListOf(words.SCHEME, most=8), "声明的认证", "Claims", ("green_food",), public=True),
        Field("standard", Text(80), "执行标准", "Standard", "NY/T 515-2002", public=True),
        Field(
            "grades",
            ListOf(Text(20), most=20),
            "等级",
            "Grades",
            ("特级", "一级"),
            ("Extra", "I"),
            public=True,
        ),
        Field(
            "pack_spec",
            Text(120),
            "包装规格",
            "Pack",
            "泡沫箱加冰，5 kg/箱",
            "Foam box with ice, 5 kg",
            public=True,
        ),
        Field("test_policy", words.TEST_POLICY, "检测要求", "Test policy", "rapid", public=True),
        Field(
            "balance_tolerance",
            Amount(most=100),
            "平衡允差（%）",
            "Balance tolerance (%)",
            "3",
            also=("平衡允差",),
        ),
        Field(
            "storage_band",
            Text(40),
            "贮存温度",
            "Storage band",
            "0–5 ℃",
            public=True,
            help_zh="如 0–5 ℃ 或 ≤ -18 ℃；据此判断冷链。",
            help_en="Such as 0-5 C or <= -18 C; the cold chain is judged by it.",
        ),
        Field(
            "storage_tolerance_minutes",
            Whole(0, 10_000),
            "超温允许时长（分钟）",
            "Tolerated minutes outside the band",
            30,
        ),
        Field("storage_margin", Amount(most=50), "超温硬限（℃）", "Hard limit beyond the band (C)", "5"),
    ),
    first=(
        "details.code",
        "details.name",
        "details.commodity",
        "details.shelf_life_days",
        "details.test_policy",
    ),
)

CERTIFICATE: Final = Kind(
    "certificate",
    "证书登记",
    "Certificate",
    "registers",
    "登记一张证书：绿色食品、有机产品、地理标志、SC 等，及其有效期和核验时间。",
    "Registers a certificate with its validity and when it was checked.",
    recorders=words.ANYBODY,
    fields=(
        Field("number", Text(60), "证书编号", "Number", "LB-18-26061234567A", required=True, public=True),
        Field("scheme", words.SCHEME, "认证类型", "Scheme", "green_food", required=True, public=True),
        Field(
            "holder", Code("organisation"), "持证单位", "Holder", "fg-litchi-coop", required=True, public=True
        ),
        Field("products", ListOf(Code("product")), "适用产品", "Products", ("litchi-fzx-5kg",), public=True),
        Field("sites", ListOf(Code("site")), "适用地点", "Sites", ("fg-plot-031",)),
        Field("valid_from", Date(), "有效期起", "Valid from", "2025-03-01", required=True, public=True),
        Field("valid_to", Date(), "有效期止", "Valid to", "2028-02-29", public=True),
        Field(
            "issuer",
            Text(80),
            "发证机构",
            "Issuer",
            "中国绿色食品发展中心",
            "China Green Food Development Center",
            public=True,
        ),
        Field("checked_at", Date(), "核验日期", "Checked on", "2026-05-20", public=True),
    ),
    first=("details.scheme", "details.number", "details.holder", "details.valid_from", "details.valid_to"),
    periods=(("valid_from", "valid_to"),),
)

MANDATE: Final = Kind(
    "mandate",
    "代录授权",
    "Mandate",
    "registers",
    "授权另一单位替本单位录入指定类型的记录；可限定地点和期限，可撤销。",
    "Lets another organisation record for yours: kinds, sites and dates; revocable.",
    recorders=words.ANYBODY,
    fields=(
        Field("code", Code("mandate"), "授权编号", "Code", "fg-mandate-007", required=True),
        Field("to", Code("organisation"), "被授权单位", "To", "fg-station-gaogang", required=True),
        Field(
            "kinds",
            ListOf(Code("kind"), most=60),
            "授权类型",
            "Kinds",
            ("harvest", "input_application"),
            required=True,
        ),
        Field("sites", ListOf(Code("site")), "限定地点", "Sites", ("fg-plot-031",)),
        Field("from", Date(), "起始日期", "From", "2026-01-01", required=True),
        Field("until", Date(), "截止日期", "Until", "2026-12-31"),
        Field("revoked", Flag(), "已撤销", "Revoked", False),
    ),
    first=("details.code", "details.to", "details.kinds", "details.from", "details.until"),
    periods=(("from", "until"),),
)

INSTRUMENT: Final = Kind(
    "instrument",
    "仪器登记",
    "Instrument",
    "registers",
    "登记或更新一台检测仪器及其检定有效期；过期后的检测只算初步结果。",
    "Registers a laboratory's instrument and until when it is calibrated; tests after that are preliminary.",
    also=("设备登记", "仪器设备"),
    recorders=words.LABORATORIES,
    fields=(
        Field("code", Code("instrument"), "仪器编号", "Code", "DY-3500PLUS-07", required=True, public=True),
        Field("model", Text(80), "型号", "Model", "DY-3500PLUS", required=True, public=True),
        Field("methods", ListOf(Text(80), most=20), "适用方法", "Methods", ("酶抑制率法",), public=True),
        Field(
            "calibrated_until",
            Date(),
            "检定有效期至",
            "Calibrated until",
            "2027-03-31",
            required=True,
            public=True,
        ),
        Field("serial", Text(60), "出厂编号", "Serial number", "3500P2023071"),
    ),
    sample={"organisation": "fg-rapid-centre"},
    first=("details.code", "details.model", "details.methods", "details.calibrated_until"),
)

EDITION: Final = Kind(
    "edition",
    "标准版本",
    "Edition",
    "registers",
    "载入一个版本的限量、间隔期、休药期、阈值或节假日表；未核实的版本只作示例。",
    "Loads an edition of limits, intervals, withdrawal periods, thresholds or holidays; unverified ones are example data.",
    recorders=frozenset({"operator"}),
    fields=(
        Field("table", words.EDITION_TABLE, "表", "Table", "intervals", required=True, public=True),
        Field(
            "edition", Text(60), "版本", "Edition", "2026-示例", "2026-example", required=True, public=True
        ),
        Field(
            "rows",
            Table(TextMap(), most=2000),
            "内容",
            "Rows",
            ({"active": "高效氯氟氰菊酯", "crop": "荔枝", "days": "14"},),
            required=True,
            public=True,
        ),
        Field(
            "source",
            Text(300),
            "来源",
            "Source",
            "农药标签公开资料",
            "Published labels",
            required=True,
            public=True,
        ),
        Field("verified", Flag(), "已核实", "Verified", False, required=True, public=True),
        Field(
            "effective_from", Date(), "生效日期", "Effective from", "2026-01-01", required=True, public=True
        ),
        Field("effective_to", Date(), "失效日期", "Effective to", "2026-12-31", public=True),
    ),
    sample={"organisation": "fg-centre"},
    first=(
        "details.table",
        "details.edition",
        "details.source",
        "details.verified",
        "details.effective_from",
    ),
    periods=(("effective_from", "effective_to"),),
    form=False,
)
