"""Runs of labels as they are printed: the codes of a run, for who issued it, and the words on the label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from heji_trace.choices import product_names
from heji_trace.codes import trace_url
from heji_trace.errors import Conflict, Unknown
from heji_trace.label_sheet import Label
from heji_trace.parties import Author
from heji_trace.rights import may_oversee
from heji_trace.rules import STOPPING
from heji_trace.state import State
from heji_trace.tables import batches, labels, stock, warnings

_MOST_RUNS: Final = 100
_MOST_BATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class LabelRun:
    """A run of labels; `withdrawn` says that a correction took it back, `void` that its code was declared void.

    Neither is printed any more.
    """

    run: str
    organisation: str
    product: str
    batch: str | None
    trace_code: str
    phone_code: str
    copies: int
    withdrawn: bool
    void: bool

    @property
    def standing(self) -> str:
        """What its code leads to: "void", "bound" or "unbound"."""
        if self.withdrawn or self.void:
            return "void"
        return "bound" if self.batch else "unbound"


@dataclass(frozen=True, slots=True)
class BatchToLabel:
    """A batch that an organisation holds and may want labels for; `held` is how much of it, by dimension.

    `stopped` are the codes of the warnings while which no labels are issued, `runs` how many runs it has already.
    """

    batch: str
    batch_number: str
    product: str
    name: str
    held: Mapping[str, int]
    stopped: tuple[str, ...]
    runs: int


def run_of(connection: Connection, author: Author, run: str) -> LabelRun:
    """The run of this event id; raises Unknown unless the author's organisation issued it, or oversees."""
    row = connection.execute(select(labels).where(labels.c.run == run)).first()
    is_mine = row is not None and (may_oversee(author) or row.organisation == author.organisation)
    if row is None or not is_mine or row.trace_code is None or row.phone_code is None:
        raise Unknown
    return _run(row)


def label_of(connection: Connection, run: LabelRun, base_url: str, language: str) -> Label:
    """What one label of the run says; raises Conflict for a run that was taken back or declared void."""
    if run.withdrawn:
        raise Conflict("label-run-withdrawn", run=run.run)
    if run.void:
        raise Conflict("label-already-void", run=run.run)
    state = State(connection)
    product = state.find_registered("product", run.product) or {}
    name = (product.get("name_en") if language == "en" else None) or product.get("name") or run.product
    batch = state.find_batch(run.batch) if run.batch else None
    number = (batch["batch_number"] if batch else None) or run.batch or ""
    return Label(
        name, number, run.trace_code, run.phone_code, trace_url(base_url, run.trace_code), run.copies
    )


def recent_runs(connection: Connection, organisation: str) -> list[LabelRun]:
    """The newest runs that an organisation issued, those taken back too."""
    query = select(labels).where(labels.c.organisation == organisation, labels.c.trace_code.is_not(None))
    rows = connection.execute(query.order_by(labels.c.seq.desc()).limit(_MOST_RUNS))
    return [_run(row) for row in rows]


def batches_to_label(connection: Connection, organisation: str, language: str) -> list[BatchToLabel]:
    """What an organisation holds of a registered product, the newest first."""
    query = (
        select(batches.c.batch, batches.c.batch_number, batches.c.product, stock.c.dimension, stock.c.amount)
        .join(stock, stock.c.batch == batches.c.batch)
        .where(
            stock.c.holder == organisation,
            stock.c.state == "held",
            stock.c.amount > 0,
            batches.c.product.is_not(None),
        )
        .order_by(batches.c.made_seq.desc(), batches.c.batch)
        .limit(_MOST_BATCHES)
    )
    rows = list(connection.execute(query))
    held: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        held[row.batch][row.dimension] = row.amount
    stopped = stopping_codes(connection, list(held))
    counted = select(labels.c.batch, func.count()).where(
        labels.c.batch.in_(held), labels.c.withdrawn_seq.is_(None)
    )
    runs: dict[str, int] = dict(connection.execute(counted.group_by(labels.c.batch)).all())
    names = product_names(connection, language, {row.product for row in rows})
    return [
        BatchToLabel(
            row.batch,
            row.batch_number or row.batch,
            row.product,
            names.get(row.product, row.product),
            held[row.batch],
            stopped.get(row.batch, ()),
            runs.get(row.batch, 0),
        )
        for row in {row.batch: row for row in rows}.values()
    ]


def stopping_codes(connection: Connection, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The live warnings of each batch while which no labels are issued for it."""
    query = select(warnings.c.batch, warnings.c.code).where(
        warnings.c.batch.in_(names), warnings.c.code.in_(sorted(STOPPING)), warnings.c.lifted_seq.is_(None)
    )
    found: dict[str, set[str]] = defaultdict(set)
    for batch, code in connection.execute(query):
        found[batch].add(code)
    return {batch: tuple(sorted(codes)) for batch, codes in found.items()}


def _run(row: Row[Any]) -> LabelRun:
    return LabelRun(
        row.run,
        row.organisation,
        row.product,
        row.batch,
        row.trace_code,
        row.phone_code,
        row.copies,
        row.withdrawn_seq is not None,
        row.voided_seq is not None,
    )
