"""Tables that a spreadsheet program opens: with a mark that they are UTF-8, and no cell that runs as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from flask import Response

from heji_trace.events.sheets import safe_cell
from heji_web.requests.answers import dump_quantity


def dump_csv(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The table as a file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(headings)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")


def csv_of(name: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Response:
    """The answer that a browser keeps as a file of this name."""
    response = Response(dump_csv(headings, rows), mimetype="text/csv; charset=utf-8")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def plain_amounts(amounts: Mapping[str, int]) -> str:
    """Amounts in one unit per dimension, so that a column can be summed."""
    told = [dump_quantity(dimension, amount) for dimension, amount in amounts.items() if amount]
    return "; ".join(f"{each['quantity']} {each['unit']}" for each in told)
