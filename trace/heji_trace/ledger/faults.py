"""What verifying finds: one fault for each thing that does not fit, and how rows are read for it.

Text columns are read as bytes: a flipped bit can leave what is no UTF-8, and that must be a finding and not a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, Table, Text, cast

from heji_trace import sentences


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit: `seq` is an entry, or `table` and `row` (its key) name another row.

    `kind` is the code of its sentence.
    """

    kind: str
    seq: int | None = None
    table: str | None = None
    row: str | None = None
    names: Mapping[str, object] = field(default_factory=dict)

    def sentence(self, language: str) -> str:
        """One sentence for people in `language` ("zh" or "en")."""
        places = {"seq": self.seq, "table": self.table, "row": self.row}
        return sentences.say(self.kind, language, **{**places, **self.names})


def raw(connection: Connection, table: Table) -> list[ColumnElement[Any]]:
    """The columns of a table, text as the bytes that stand in the file."""
    if connection.dialect.name != "sqlite":
        return list(table.columns)
    return [
        cast(column, LargeBinary).label(column.name) if isinstance(column.type, Text) else column
        for column in table.columns
    ]


def readable(value: Any) -> str:
    """A column's value as a key of a row is shown, whatever its bytes are."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def row_fault(kind: str, table: Table, place: Iterable[object], **names: object) -> Fault:
    """A fault of one row, named by the values of its primary key."""
    return Fault(kind, table=table.name, row=",".join(map(readable, place)), names=names)
