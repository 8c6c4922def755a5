"""The words in which tables are declared: their metadata, and columns of the few types that both databases share.

A projection's column that copies a sealed value says so in its `info`. `ERASABLE` columns hold an event's details as
JSON, and an erasure takes members out of them; `KEPT` columns hold the numbers and codes on which stock, lineage,
labels and warnings rest, which no erasure takes (`heji_trace.events.erasable`).
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text
from sqlalchemy.ext.compiler import compiles

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite's rowid alias must be INTEGER; the eight bytes are the same.
Big = BigInteger().with_variant(Integer(), "sqlite")

ERASABLE: Final[dict[Any, Any]] = {"sealed": "erasable"}
KEPT: Final[dict[Any, Any]] = {"sealed": "kept"}


@compiles(Text, "postgresql")
def _text_in_order_of_bytes(_type: Text, _compiler: Any, **_options: Any) -> str:
    """Text is sorted and compared as SQLite does, whatever language the database was made for: replays depend on it."""
    return 'TEXT COLLATE "C"'


def table(name: str, *items: Any) -> Table:
    """A table of this schema; STRICT on SQLite, so that a column holds its own type only."""
    return Table(name, metadata, *items, sqlite_strict=True)


def text(name: str, **options: Any) -> Column[str]:
    """A column of text."""
    return Column(name, Text, **{"nullable": False, **options})


def maybe(name: str, **options: Any) -> Column[str | None]:
    """A column of text that may be absent."""
    return Column(name, Text, **{"nullable": True, **options})


def whole(name: str, **options: Any) -> Column[int]:
    """A column of whole numbers of eight bytes."""
    return Column(name, Big, **{"nullable": False, **options})


def rank() -> Column[int]:
    """Where the statement stands among others: its own entry, or that of the first statement that it corrects."""
    return Column("rank", Big, nullable=False, server_default="0")


def withdrawn() -> Column[int | None]:
    """The entry that took the row back, if one did."""
    return Column("withdrawn_seq", Big, nullable=True)
