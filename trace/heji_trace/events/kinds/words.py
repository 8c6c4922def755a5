"""The closed vocabularies of events: slugs for programs, Chinese and English words for people."""

from __future__ import annotations

from typing import Final

from heji_trace.events.kinds.fields import Choice, Option


def _choice(*options: tuple[str, str, str]) -> Choice:
    return Choice(tuple(Option(*option) for option in options))


SUBJECT_TYPE: Final = _choice(
    ("enterprise", "企业", "Enterprise"),
    ("cooperative", "合作社", "Co-operative"),
    ("family_farm", "家庭农场", "Family farm"),
    ("farm_household", "农户", "Farm household"),
    ("service_org", "服务组织", "Service organisation"),
    ("village_collective", "村集体", "Village collective"),
    ("authority", "机关", "Authority"),
    ("laboratory", "检测机构", "Laboratory"),
)

ROLE: Final = _choice(
    ("producer", "生产者", "Producer"),
    ("processor", "加工包装者", "Processor"),
    ("laboratory", "检测机构", "Laboratory"),
    ("third_party_laboratory", "第三方检测机构", "Third-party laboratory"),
    ("carrier", "承运者", "Carrier"),
    ("shop", "销售者", "Shop"),
    ("station", "服务站", "Service station"),
    ("regulator", "监管部门", "Regulator"),
    ("operator", "运营方", "Operator"),
    ("service", "社会化服务组织", "Service provider"),
)

STATUS: Final = _choice(("active", "正常", "Active"), ("closed", "已停用", "Closed"))

SITE_TYPE: Final = _choice(
    ("plot", "地块", "Plot"),
    ("farm", "养殖场", "Farm"),
    ("packing", "包装场所", "Packing centre"),
    ("store", "仓库", "Store"),
    ("laboratory", "实验室", "Laboratory"),
    ("station", "服务站", "Service station"),
    ("vehicle", "车辆", "Vehicle"),
    ("market", "市场门店", "Market or shop"),
)

SCHEME: Final = _choice(
    ("green_food", "绿色食品", "Green food"),
    ("organic", "有机产品", "Organic"),
    ("geo_indication", "地理标志", "Geographical indication"),
    ("one_village_one_product", "一村一品", "One village one product"),
    ("special_product", "名特优新", "Famous, special, superior, new product"),
    ("sc_licence", "食品生产许可（SC）", "Food production licence (SC)"),
    ("gap", "良好农业规范（GAP）", "Good agricultural practice (GAP)"),
    ("poverty_relief", "扶贫产品", "Poverty-relief product"),
)

TEST_POLICY: Final = _choice(
    ("none", "不要求检测", "No test required"),
    ("rapid", "要求快检", "Rapid test required"),
    ("laboratory", "要求实验室检测", "Laboratory test required"),
)

EDITION_TABLE: Final = _choice(
    ("intervals", "安全间隔期", "Intervals before harvest"),
    ("limits", "残留限量", "Residue limits"),
    ("withdrawals", "休药期", "Withdrawal periods"),
    ("thresholds", "判定阈值", "Thresholds"),
    ("holidays", "放假与补班日期", "Holidays and working weekends"),
)

INPUT_TYPE: Final = _choice(
    ("pesticide", "农药", "Pesticide"),
    ("fertiliser", "肥料", "Fertiliser"),
    ("veterinary", "兽药", "Veterinary medicine"),
    ("feed", "饲料", "Feed"),
)

OFFICIAL: Final = "supervised"
"""The purpose of an official sample, whose result the authority makes public."""

PURPOSE: Final = _choice(
    ("self_check", "自检", "Own check"),
    ("commissioned", "委托", "Commissioned"),
    (OFFICIAL, "监督抽查", "Official sampling"),
    ("monitoring", "风险监测", "Monitoring"),
    ("retest", "复检", "Retest"),
)

METHOD_CLASS: Final = _choice(
    ("rapid", "快速检测", "Rapid test"), ("formal", "实验室检测", "Laboratory test")
)

TEST_STATUS: Final = _choice(
    ("registered", "已收样", "Received"),
    ("in_progress", "检测中", "In progress"),
    ("preliminary", "初步结果", "Preliminary"),
    ("reviewed", "已审核", "Reviewed"),
    ("final", "最终结果", "Final"),
    ("invalid", "检测无效", "Invalid run"),
    ("disputed", "有异议", "Disputed"),
    ("retest", "待复检", "To be retested"),
    ("superseded", "已被替代", "Superseded"),
    ("cancelled", "已取消", "Cancelled"),
)

CONCLUSION: Final = _choice(
    ("conforming", "合格", "Conforming"),
    ("nonconforming", "不合格", "Nonconforming"),
    ("negative", "阴性", "Negative"),
    ("positive", "阳性", "Positive"),
    ("suspicious", "可疑", "Suspicious"),
    ("invalid", "无效", "Invalid"),
)

OPERATION: Final = _choice(
    ("tillage", "整地", "Tillage"),
    ("irrigation", "灌溉", "Irrigation"),
    ("weeding", "除草", "Weeding"),
    ("pruning", "修剪", "Pruning"),
    ("thinning", "疏花疏果", "Thinning"),
    ("bagging", "套袋", "Bagging"),
    ("pollination", "授粉", "Pollination"),
    ("physical_control", "物理防治", "Physical pest control"),
    ("scouting", "病虫害巡查", "Scouting"),
    ("disinfection", "圈舍消毒", "Cleaning and disinfection"),
    ("inspection", "畜禽巡查", "Animal inspection"),
    ("transfer", "转群/移栽", "Transfer or transplanting"),
    ("clearing", "清园", "Clearing"),
    ("other", "其他农事", "Other work"),
)

MEDIUM: Final = _choice(("soil", "土壤", "Soil"), ("water", "灌溉水", "Water"), ("air", "空气", "Air"))

COOLING: Final = _choice(
    ("forced_air", "压差预冷", "Forced air"),
    ("water", "冷水预冷", "Hydrocooling"),
    ("ice", "碎冰预冷", "Ice"),
    ("vacuum", "真空预冷", "Vacuum"),
    ("cold_room", "冷库预冷", "Cold room"),
)

DISPOSAL_METHOD: Final = _choice(
    ("destruction", "销毁", "Destruction"),
    ("harmless_treatment", "无害化处理", "Harmless treatment"),
    ("compost", "堆肥", "Composting"),
    ("feed", "转作饲料", "Turned into feed"),
    ("donation", "捐赠", "Donation"),
    ("spoilage", "腐损清出", "Spoilage cleared"),
)

BASIS: Final = _choice(
    ("quality_control", "质量安全控制", "Quality control"),
    ("self_test", "自行检测", "Own test"),
    ("commissioned_test", "委托检测", "Commissioned test"),
)

PROMISE: Final = _choice(
    (
        "no_banned_inputs",
        "不使用禁用停用的农药兽药和非法添加物",
        "No banned or withdrawn medicines and no illegal additives",
    ),
    ("residues_within_limits", "常规农药兽药残留不超标", "Residues within the limits"),
    ("truthful", "对承诺的真实性负责", "The promise is truthful"),
)

RECALL_STATUS: Final = _choice(
    ("notified", "已通知", "Consignees notified"),
    ("in_progress", "召回中", "In progress"),
    ("finished", "已完成", "Finished"),
)

LEGAL_GROUND: Final = _choice(
    ("consent_withdrawn", "个人撤回同意", "Consent withdrawn"),
    ("purpose_ended", "处理目的已实现或不再必要", "Purpose achieved or no longer necessary"),
    ("retention_ended", "保存期限届满", "Retention period over"),
    ("unlawful", "处理违反法律或约定", "Processed unlawfully"),
    ("law", "法律法规要求", "Required by law"),
)

ROLES: Final = frozenset(option.value for option in ROLE.options)
ANYBODY: Final = ROLES
LABORATORIES: Final = frozenset({"laboratory", "third_party_laboratory"})
GROWERS: Final = frozenset({"producer"})
MAKERS: Final = frozenset({"producer", "processor", "station"})
HOLDERS: Final = frozenset({"producer", "processor", "station", "carrier", "shop"})
