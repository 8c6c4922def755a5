"""What warnings and questions are called and how they are told: the same words on page, JSON, telephone and label desk.

The sentences stand in `sentences/warnings.toml`. A stored warning keeps plain facts (`data`), such as an amount in
millionths; `told` adds the words for them in both languages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from heji_trace import sentences
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.words import MEDIUM, SCHEME
from heji_trace.judging.levels import COUNTED
from heji_trace.vocabulary.crops import find_crop_english
from heji_trace.vocabulary.substances import find_english
from heji_trace.vocabulary.units import dump_amount

Said = dict[str, str]
"""Words in both languages: `{"zh": …, "en": …}`."""

MOST_SHORT = 70
"""Characters of a text for telephone and SMS."""

_AMOUNTS = ("short", "in", "out", "counted", "had")
_MOST_HOURS = 48
# A table's name in both languages, such as "高效氯氟氰菊酯 lambda-cyhalothrin".
_BILINGUAL = re.compile(
    r"(?P<zh>.*[\u3400-\u9fff]\S*)\s+(?P<en>[^\u3400-\u9fff]*[A-Za-z]{2}[^\u3400-\u9fff]*)"
)
_MEDIA = {option.value: {"zh": option.zh, "en": option.en.lower()} for option in MEDIUM.options}
_SCHEMES = {option.value: {"zh": option.zh, "en": option.en} for option in SCHEME.options}
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


def said(code: str, **names: object) -> Said:
    """A sentence in both languages; a name that is itself `Said` is put in by language."""
    return {
        language: sentences.say(
            code, language, **{name: _in(value, language) for name, value in names.items()}
        )
        for language in sentences.LANGUAGES
    }


def same(text: str) -> Said:
    """A word that is the same in both languages, such as a proper name."""
    return dict.fromkeys(sentences.LANGUAGES, text)


def joined(parts: list[Said]) -> Said:
    """A list, each member once."""
    once = list({each["zh"]: each for each in parts}.values())
    return {
        "zh": "、".join(sentences.isolated(each["zh"]) for each in once),
        "en": ", ".join(sentences.isolated(each["en"]) for each in once),
    }


def joined_clauses(parts: list[Said]) -> Said:
    """Clauses of one sentence, in their order."""
    return {"zh": "；".join(each["zh"] for each in parts), "en": "; ".join(each["en"] for each in parts)}


def day_said(day: date) -> Said:
    """A day as people write it: 2026年6月12日, 12 June 2026."""
    return {
        "zh": f"{day.year}年{day.month}月{day.day}日",
        "en": f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
    }


def day_of_year_said(day: date) -> Said:
    """The same where the year goes without saying: 6月12日, 12 June."""
    return {"zh": f"{day.month}月{day.day}日", "en": f"{day.day} {_MONTHS[day.month - 1]}"}


def delay_said(hours: int) -> Said:
    """A delay as people count it: hours up to two days, whole days beyond."""
    if hours > _MOST_HOURS:
        return said("delay-days", days=hours // 24)
    return said("delay-hours", hours=hours)


def name_said(name: str) -> Said:
    """The name of a substance, or one that its table gives in both languages; any other name as it stands."""
    both = _BILINGUAL.fullmatch(name.strip())
    if both:
        return {"zh": both["zh"], "en": both["en"]}
    return {"zh": name, "en": find_english(name.strip()) or name}


def crop_said(crop: str) -> Said:
    """The name of a crop or species."""
    return {"zh": crop, "en": find_crop_english(crop) or crop}


def scheme_said(scheme: str) -> Said:
    """The name of a certification scheme."""
    return _SCHEMES.get(scheme, same(scheme))


def example_mark(*, is_example: bool) -> Said:
    """What is set behind a limit or interval that is not verified; else nothing."""
    if not is_example:
        return same("")
    mark = said("example-mark")
    return {"zh": mark["zh"], "en": f" {mark['en']}"}


def group_mark(group: str | None) -> Said:
    """What is set behind an interval that a table names for a group of crops alone; else nothing."""
    if group is None:
        return same("")
    mark = said("group-mark", group=name_said(group))
    return {"zh": mark["zh"], "en": f" {mark['en']}"}


def label_mark() -> Said:
    """What is set behind an interval that no table names, but the label of the product."""
    mark = said("label-mark")
    return {"zh": mark["zh"], "en": f" {mark['en']}"}


def kind_said(kind: str) -> Said:
    """The name of a kind of event."""
    declared = KINDS.get(kind)
    return {"zh": declared.zh, "en": declared.en} if declared else same(kind)


def title_of(code: str) -> Said:
    """The short name of a warning, such as 已召回 / Recalled."""
    return said(f"title-{code}")


def told(data: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a warning or a question, with words for amounts, delays, names and codes in both languages.

    `in` becomes `in_zh` and `in_en`, and so on, as sentences ask for them.
    """
    names: dict[str, Any] = dict(data)
    words: dict[str, Said] = {
        "example": example_mark(is_example=data.get("verified") is False),
        "group": label_mark() if data.get("by_label") else group_mark(data.get("group")),
    }
    if "dimension" in data:
        for name in _AMOUNTS:
            if name in data:
                words[name] = {
                    language: dump_amount(data["dimension"], data[name], language)
                    for language in sentences.LANGUAGES
                }
    if "hours" in data:
        words["delay"] = delay_said(data["hours"])
    if "active" in data:
        words["active"] = _actives_said(str(data["active"])) if data["active"] else said("active-unnamed")
    if "actives" in data:
        words["actives"] = _actives_said(str(data["actives"]))
    if "analyte" in data:
        words["analyte"] = name_said(str(data["analyte"]))
    if "codes" in data:
        words["codes"] = joined([title_of(code) for code in str(data["codes"]).split(", ")])
    if "kind" in data:
        words["kind"] = kind_said(str(data["kind"]))
    if "medium" in data:
        words["medium"] = _MEDIA.get(str(data["medium"]), same(str(data["medium"])))
    if "scheme" in data:
        words["scheme"] = scheme_said(str(data["scheme"]))
    for name, word in words.items():
        names |= {f"{name}_{language}": word[language] for language in sentences.LANGUAGES}
    return names


def _actives_said(actives: str) -> Said:
    return joined([name_said(active) for active in actives.split("、")])


def say_warning(code: str, data: Mapping[str, Any], source: str | None = None) -> Said:
    """The sentence of a warning for consumers; `source` is the batch it was inherited from, None for an own one.

    `data` is what the warning was stored with; a member `variant` chooses a fuller sentence. Where amounts are withheld
    from its reader, its title is all that is said.
    """
    if code in COUNTED and "dimension" not in data:
        return title_of(code)
    known = sentences.catalogue()
    keys = [f"warn-{code}-{data['variant']}"] if "variant" in data else []
    keys += [f"warn-{code}-{data['gap']}"] if "gap" in data else []
    if source is not None:
        keys.insert(0, f"warn-{code}-inherited")
    key = next((key for key in keys if key in known), f"warn-{code}")
    return said(key, **{**told(data), "source": source or ""})


def say_short(code: str, batch: str) -> Said:
    """The warning in at most 70 characters, for telephone and SMS."""
    return said(f"short-{code}", batch=batch)


def _in(value: object, language: str) -> object:
    return value[language] if isinstance(value, dict) else value
