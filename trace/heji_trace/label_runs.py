"""Runs of labels as they are printed: the codes of a run, for who issued it, and the words on the label."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from heji_trace.codes import trace_url
from heji_trace.errors import Conflict, Unknown
from heji_trace.label_sheet import Label
from heji_trace.parties import Author
from heji_trace.rights import may_oversee
from heji_trace.state import State
from heji_trace.tables import labels


@dataclass(frozen=True, slots=True)
class LabelRun:
    """A run of labels; `withdrawn` says that a correction took it back: it is not printed any more."""

    run: str
    organisation: str
    product: str
    batch: str | None
    trace_code: str
    phone_code: str
    copies: int
    withdrawn: bool


def run_of(connection: Connection, author: Author, run: str) -> LabelRun:
    """The run of this event id; raises Unknown unless the author's organisation issued it, or oversees."""
    row = connection.execute(select(labels).where(labels.c.run == run)).first()
    is_mine = row is not None and (may_oversee(author) or row.organisation == author.organisation)
    if row is None or not is_mine or row.trace_code is None or row.phone_code is None:
        raise Unknown
    return LabelRun(
        row.run,
        row.organisation,
        row.product,
        row.batch,
        row.trace_code,
        row.phone_code,
        row.copies,
        row.withdrawn_seq is not None,
    )


def label_of(connection: Connection, run: LabelRun, base_url: str, language: str) -> Label:
    """What one label of the run says; raises Conflict for a run that was taken back."""
    if run.withdrawn:
        raise Conflict("label-run-withdrawn", run=run.run)
    state = State(connection)
    product = state.find_registered("product", run.product) or {}
    name = (product.get("name_en") if language == "en" else None) or product.get("name") or run.product
    batch = state.find_batch(run.batch) if run.batch else None
    number = (batch["batch_number"] if batch else None) or run.batch or ""
    return Label(
        name, number, run.trace_code, run.phone_code, trace_url(base_url, run.trace_code), run.copies
    )
