"""The words in which kinds are declared: types of fields, fields, kinds.

Everything here is plain data. What a declaration means is said once per reader: `schemas` (parser and sealing),
`sheets` and `templates` (spreadsheets), `kinds.forms` (web form), `kinds.openapi` and `kinds.document` (description).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

IdentifierForm = Literal["uuid", "sha256", "gtin", "uscc", "division", "trace_code", "phone_code"]


class Option(NamedTuple):
    """One value of a choice: the slug that is recorded, and what people call it."""

    value: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Text:
    """Free text of at most `limit` characters; `lines` allows line breaks."""

    limit: int = 200
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """An identifier that a client chose, of the thing named by `of`: ASCII letters, digits, `.`, `_`, `-`."""

    of: str
    limit: int = 40


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch identifier: ASCII letters, digits and `-`, at most 20, so that it fits GS1's AI (10)."""


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier with a published form, and a check where it has one."""

    form: IdentifierForm


@dataclass(frozen=True, slots=True)
class Amount:
    """A plain decimal number as text, trailing zeros kept; `positive` refuses zero, `most` caps it."""

    positive: bool = False
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in yuan as text."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """A temperature in degrees Celsius as text, which may be below zero."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of `heji_trace.vocabulary.units`."""


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar day, `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An RFC 3339 moment with an offset, kept as it was sent."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a fixed set of slugs."""

    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false, and nothing that merely looks like it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from `least` to `most`."""

    least: int = 0
    most: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TextMap:
    """An object of texts under ASCII names, such as one row of a table of limits."""

    most: int = 40
    limit: int = 500


@dataclass(frozen=True, slots=True)
class EventBody:
    """A whole event inside another, sealed and opened by its own kind's marks."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of single values, without repetition."""

    item: Scalar
    most: int = 200


@dataclass(frozen=True, slots=True)
class Table:
    """A list of objects that share `columns` (or of free text maps, where `columns` is one `TextMap`)."""

    columns: tuple[Field, ...] | TextMap
    most: int = 500


Scalar = (
    Text
    | Code
    | Batch
    | Identifier
    | Amount
    | Money
    | Temperature
    | Unit
    | Date
    | Moment
    | Choice
    | Flag
    | Whole
)
FieldType = Scalar | TextMap | EventBody | ListOf | Table


# Declarations are compared by identity: each stands once, and examples may be dicts.
@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One named value of an event.

    `public` values stand in the record in clear, all others are sealed; `sealed_when` names a sibling and the value
    of it that seals a public field. `kept` words are those that warnings rest on, which no erasure takes
    (`heji_trace.events.erasable`). `required_when` names a sibling and the values of it that demand this one (no
    values: any); `measures` names siblings in the row of a table that say nothing without this one.
    A public `Table` of columns is public as a list, and each column by its own mark. A field without example stays out
    of example events, but for tables, whose example row is made of their columns' examples.
    """

    name: str
    type: FieldType
    zh: str
    en: str
    example: object
    example_en: object = None
    required: bool = False
    public: bool = False
    sealed_when: tuple[str, str] | None = None
    kept: bool = False
    required_when: tuple[str, tuple[str, ...]] | None = None
    measures: tuple[str, ...] = ()
    help_zh: str = ""
    help_en: str = ""
    also: tuple[str, ...] = ()
    """Further headings under which people write this column."""


Area = Literal["registers", "growing", "making", "testing", "moving", "control"]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of event: who may record it, which parts of the envelope it uses, and its details.

    `first` names at most five values (`outputs.batch`, `details.crop`) that a form shows at once, in that order.
    `periods` are pairs of details of which the first may not come after the second. `form` is false for a kind that
    only one door of its own makes.
    """

    name: str
    zh: str
    en: str
    area: Area
    about_zh: str
    about_en: str
    recorders: frozenset[str]
    fields: tuple[Field, ...]
    first: tuple[str, ...]
    needs: frozenset[str] = frozenset()
    permits: frozenset[str] = frozenset()
    periods: tuple[tuple[str, str], ...] = ()
    form: bool = True
    also: tuple[str, ...] = ()
    """Further words by which people name a sheet of this kind."""
    sample: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Parts of the example event that differ from the envelope's own examples."""

    def uses(self, part: str) -> bool:
        """Whether events of this kind may carry `part` of the envelope."""
        return part in self.needs or part in self.permits
