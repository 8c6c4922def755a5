"""Runs of labels as they are printed: the codes of a run, for who issued it, and the words on the label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from heji_trace.desks.choices import product_names
from heji_trace.desks.oversight import warnings_today
from heji_trace.errors import Conflict, Unknown
from heji_trace.identifiers.codes import trace_url
from heji_trace.judging.levels import LEVELS, STOPPING
from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.printing.label_sheet import Label
from heji_trace.rights.rights import may_oversee
from heji_trace.store.tables import batches, labels, stock

_MOST_BATCHES: Final = 200


@dataclass(frozen=True, slots=True)
class LabelRun:
    """A run of labels, issued by entry `seq`.

    `withdrawn` says that a correction took it back, `void` that its code was declared void; neither is printed any more.
    """

    seq: int
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

    `stopped` are the codes of the warnings while which no labels are issued, `warned` those of the others that a
    consumer is told aloud, `runs` how many runs it has already.
    """

    batch: str
    batch_number: str
    product: str
    name: str
    held: Mapping[str, int]
    stopped: tuple[str, ...]
    warned: tuple[str, ...]
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


def recent_runs(connection: Connection, organisation: str, before: int | None, limit: int) -> list[LabelRun]:
    """The newest runs that an organisation issued, behind those from entry `before` on; those taken back too."""
    query = select(labels).where(labels.c.organisation == organisation, labels.c.trace_code.is_not(None))
    if before is not None:
        query = query.where(labels.c.seq < before)
    rows = connection.execute(query.order_by(labels.c.seq.desc()).limit(limit))
    return [_run(row) for row in rows]


def batches_to_label(
    connection: Connection, organisation: str, language: str, now_ms: int
) -> list[BatchToLabel]:
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
    codes = loud_codes(connection, list(held), now_ms)
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
            tuple(code for code in codes.get(row.batch, ()) if code in STOPPING),
            tuple(code for code in codes.get(row.batch, ()) if code not in STOPPING),
            runs.get(row.batch, 0),
        )
        for row in {row.batch: row for row in rows}.values()
    ]


def loud_codes(connection: Connection, names: Sequence[str], now_ms: int) -> dict[str, tuple[str, ...]]:
    """What stands against each batch now and stops its sale or should, by codes, each once and the loudest first."""
    return {
        batch: tuple(dict.fromkeys(each.code for each in found if not each.is_lifted and _is_loud(each.code)))
        for batch, found in warnings_today(connection, names, now_ms).items()
    }


def _is_loud(code: str) -> bool:
    return LEVELS[code].consumer in ("red", "orange")


def _run(row: Row[Any]) -> LabelRun:
    return LabelRun(
        row.seq,
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
