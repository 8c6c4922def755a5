"""A process that reads texts by one reader, tells which it has read, and is ended by the kernel if it thinks too long.

python reading.py READER
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import fields as types
from heji_trace.events.kinds import words
from heji_trace.events.sheets import cells, columns
from heji_trace.people.accounts import fold_name
from heji_trace.proving import canonical
from heji_trace.vocabulary.units import parse_unit

SECONDS = 10
"""Of the processor; an honest reader needs one or two, a careless one hours."""
LENGTH = 1 << 18


def _cell_of(kind: types.FieldType) -> Callable[[str], object]:
    return lambda text: cells.read_cell(kind, text)


READERS: Mapping[str, Callable[[str], object]] = {
    "name of an account": fold_name,
    "JSON": lambda text: canonical.load(json.dumps(text, ensure_ascii=False).encode()),
    "heading": columns.folded_heading,
    "title": columns.find_kind,
    "unit": parse_unit,
    "quantity": cells.split_quantity,
    "text": _cell_of(types.Text()),
    "list": _cell_of(types.ListOf(types.Text())),
    "amount": _cell_of(types.Amount(most=100)),
    "money": _cell_of(types.Money()),
    "temperature": _cell_of(types.Temperature()),
    "day": _cell_of(types.Date()),
    "moment": _cell_of(types.Moment()),
    "choice": _cell_of(words.MEDIUM),
    "whole number": _cell_of(types.Whole()),
    "flag": _cell_of(types.Flag()),
}
CARELESS = "careless"

TEXTS: Mapping[str, str] = {
    "marks": "a" + "\u0301\u0316" * (LENGTH // 2),
    "marks in one": "\u0f73" * LENGTH,
    "blanks": "a" + " " * LENGTH + "b",
    "blanks in a day": "2026-01-01" + " " * LENGTH + "x\ny",
    "blanks in a clock": "2026-01-01 8:3" + " " * LENGTH + "x",
    "blanks behind a number": "1" + " " * LENGTH + "C" + " " * LENGTH + "x",
    "noughts": "0" * LENGTH + "x",
    "noughts behind a point": "1." + "0" * LENGTH + "x",
    "thousands": "1" + ",111" * (LENGTH // 4) + "x",
    "brackets": "(" * LENGTH,
    "numbers": ",".join(map(str, range(LENGTH // 6))),
}


def main(reader: str) -> None:
    """Read all texts by the reader of that name, and tell which have been read."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    if reader == CARELESS:
        re.fullmatch(r"(a+)+b", "a" * 60)
    for name, text in TEXTS.items():
        # Refused is as good as read.
        with suppress(InvalidEvent):
            READERS[reader](text)
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
