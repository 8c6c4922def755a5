"""The declarations as a document: `docs/events.md` is what `dump_markdown` gives, and a test holds them equal.

python -m heji_trace.events.kinds.document > docs/events.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import groupby

from heji_trace.events.kinds import KINDS, Kind, is_needed, parts_of
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds.envelope import ALWAYS, ENVELOPE, PERMITTED
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.kinds.identifiers import FORMS

_AREAS = {
    "registers": "Registers 登记",
    "growing": "Growing 种养",
    "making": "Making 加工与包装",
    "testing": "Testing 抽样与检测",
    "moving": "Moving 流通",
    "control": "Control 管控",
}

_HEAD = """# Events 事件

An event is a statement of what happened. This file is generated from the declarations in
`trace/heji_trace/events/kinds/` by `python -m heji_trace.events.kinds.document`; change those, not this file.

- **●** public: stands in the record in clear. Everything else is sealed: the record holds a commitment to it.
  (●) is public but for one case, which is named.
- **required** is needed always; "with …" when a sibling has one of these values.
- Amounts are text (`"12.50"`), so that trailing zeros are kept. Moments carry an offset. Absent means left out; null
  counts as absent. An unknown field is an error.
- Spreadsheets take the Chinese or the English name of a field, or its name in code, as heading.

事件是对已经发生之事的陈述。● 为公开字段，其余字段默认密封：账本只保存其承诺值。数量用文本填写，保留末尾的零；
时间必须带时区；不填的字段直接省略。
"""


def dump_markdown() -> str:
    """The description of all kinds, in Markdown."""
    return "\n".join([_HEAD, *_envelope(), *_kinds()]).rstrip() + "\n"


def _envelope() -> Iterator[str]:
    yield "## The envelope 公共部分\n"
    yield from _table(ENVELOPE.values(), ALWAYS)
    for part in ENVELOPE.values():
        if isinstance(part.type, types.Table) and isinstance(part.type.columns, tuple):
            yield f"\n### Each of `{part.name}` {part.zh}\n"
            yield from _table(
                part.type.columns, {column.name for column in part.type.columns if column.required}
            )


def _kinds() -> Iterator[str]:
    for area, kinds in groupby(KINDS.values(), key=lambda kind: kind.area):
        yield f"\n## {_AREAS[area]}\n"
        for kind in kinds:
            yield from _kind(kind)


def _kind(kind: Kind) -> Iterator[str]:
    yield f"### `{kind.name}` {kind.zh} · {kind.en}\n"
    yield f"{kind.about_zh}\n\n{kind.about_en}\n"
    yield f"- Recorded by: {', '.join(sorted(kind.recorders))}"
    yield f"- Envelope: {_parts(kind)}"
    for earlier, later in kind.periods:
        yield f"- `{earlier}` may not come after `{later}`"
    yield ""
    yield from _table(kind.fields, {field.name for field in kind.fields if field.required})
    for field in kind.fields:
        if isinstance(field.type, types.Table) and isinstance(field.type.columns, tuple):
            yield f"\nEach of `{field.name}`:\n"
            yield from _table(
                field.type.columns, {column.name for column in field.type.columns if column.required}
            )
    yield "\n```json"
    yield json.dumps(example_event(kind), ensure_ascii=False, indent=2)
    yield "```\n"


def _parts(kind: Kind) -> str:
    own = [
        part.name for part in parts_of(kind) if part.name not in PERMITTED and part.name not in {"id", "kind"}
    ]
    said = [f"**{name}**" if is_needed(kind, name) else name for name in own]
    return ", ".join(said)


def _table(fields: Iterable[types.Field], required: AbstractSet[str]) -> Iterator[str]:
    yield "| field | 中文 | English | value | | |"
    yield "|---|---|---|---|---|---|"
    for field in fields:
        cells = (
            f"`{field.name}`",
            field.zh,
            field.en,
            _value(field.type),
            _mark(field),
            _need(field, required),
        )
        yield "| " + " | ".join(cells) + " |"


def _mark(field: types.Field) -> str:
    if not field.public:
        return ""
    if field.sealed_when:
        sibling, value = field.sealed_when
        return f"(●) sealed when `{sibling}` is `{value}`"
    return "●"


def _need(field: types.Field, required: AbstractSet[str]) -> str:
    if field.name in required:
        return "required"
    if field.measures:
        return "with " + ", ".join(f"`{each}`" for each in field.measures)
    if not field.required_when:
        return ""
    sibling, values = field.required_when
    return f"with `{sibling}`" + (" " + ", ".join(f"`{value}`" for value in values) if values else "")


_PLAIN = {
    types.Batch: "batch identifier",
    types.Amount: "amount as text",
    types.Money: "yuan as text",
    types.Temperature: "℃ as text",
    types.Unit: "unit",
    types.Date: "`YYYY-MM-DD`",
    types.Moment: "moment with offset",
    types.Flag: "true or false",
    types.TextMap: "object of texts",
    types.EventBody: "a whole event, sealed by its own kind's marks",
}


def _value(kind: types.FieldType) -> str:
    match kind:
        case types.Text(limit=limit):
            return f"text, at most {limit}"
        case types.Code(of=of):
            return f"code of {'an' if of[0] in 'aeiou' else 'a'} {of}"
        case types.Identifier(form=form):
            return FORMS[form].en
        case types.Choice(options=options):
            return ", ".join(f"`{option.value}` {option.zh}" for option in options)
        case types.Whole(least=least, most=most):
            return f"whole number, {least} to {most}"
        case types.ListOf(item=item):
            return f"list of: {_value(item)}"
        case types.Table(columns=types.TextMap()):
            return "list of objects of texts"
        case types.Table():
            return "list of objects, below"
        case _:
            return _PLAIN[type(kind)]


if __name__ == "__main__":
    sys.stdout.write(dump_markdown())
