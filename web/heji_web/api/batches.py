"""The door for batches: what one is, where it came from and went, its balance, its warnings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from heji_trace.desks import oversight
from heji_trace.errors import Unknown
from heji_trace.judging.levels import LEVELS
from heji_trace.judging.wording import say_warning
from heji_trace.people.parties import Author
from heji_trace.rights import reading
from heji_trace.rights.rights import may_oversee
from heji_trace.store.lineage import Edge
from heji_trace.store.tables import batches
from heji_trace.tracing import tracing
from heji_trace.tracing.balance import Account, Balance, Making, balance_of
from heji_trace.tracing.tracing import Direction, Gaps, Trace, TraceRow
from heji_trace.vocabulary.times import dump_ms
from heji_trace.warnings.standing import StandingWarning, standing_warnings
from heji_web.requests.access import author_of
from heji_web.requests.answers import dump_holdings, dump_quantity, dump_sold
from heji_web.requests.operations import ANY_OBJECT, Answer, Operation, Parameter
from heji_web.requests.questions import Query
from heji_web.service.service import the_service

blueprint = Blueprint("api_batches", __name__, url_prefix="/api/v1/batches")

_DIRECTIONS: dict[str, Direction] = {"both": "both", "up": "up", "down": "down"}
_BATCH = Parameter("batch", "批次", "Batch", "path")
_AS_OF = Parameter(
    "as_of",
    "截至的记录时间",
    "Recorded time as of which to answer",
    schema={"type": "string", "format": "date-time"},
)


def _operation(path: str, zh: str, en: str, *more: Parameter) -> Operation:
    answers = {200: Answer("结果", "the answer", {"application/json": ANY_OBJECT})}
    return Operation("get", f"/api/v1/batches/{{batch}}{path}", "batches", zh, en, answers, (_BATCH, *more))


OPERATIONS = (
    _operation("", "读取批次", "Read a batch"),
    _operation(
        "/trace",
        "向上或向下追溯",
        "Trace a batch up or down",
        Parameter("direction", "方向", "Direction", schema={"type": "string", "enum": list(_DIRECTIONS)}),
        _AS_OF,
    ),
    _operation("/balance", "物料平衡", "The mass balance of a batch", _AS_OF),
    _operation("/warnings", "当前与已解除的提示", "Live and lifted warnings"),
)


@blueprint.get("/<batch>")
def show(batch: str) -> ResponseReturnValue:
    """The batch's own facts, and what there is of it as far as the asker may know."""
    author = author_of(request)
    Query().done()
    with the_service().store.read() as connection:
        reading.check_may_read_batch(connection, author, batch)
        row = connection.execute(select(batches).where(batches.c.batch == batch)).mappings().one()
        held = tracing.holdings_of(connection, [batch]).get(batch, ())
    own = held if may_oversee(author) else [each for each in held if each.holder == author.organisation]
    return jsonify(
        {
            **{name: row[name] for name in ("batch", "kind", "product", "organisation", "site")},
            **{name: row[name] for name in ("batch_number", "best_before", "use_by", "made_seq", "version")},
            "made_at": dump_ms(row["made_ms"]),
            "unknown_origin": bool(row["unknown_origin"]),
            "holdings": dump_holdings(own),
        }
    )


@blueprint.get("/<batch>/trace")
def trace(batch: str) -> ResponseReturnValue:
    """The lineage in one direction or both, each row with the entries that prove it.

    Overseers see all of it; an organisation the batches it may read, with its own amounts.
    """
    author = author_of(request)
    query = Query("direction", "as_of")
    direction = query.choice("direction", *_DIRECTIONS)
    as_of_ms = query.moment_ms("as_of")
    query.done()
    with the_service().store.read() as connection:
        reading.check_may_read_batch(connection, author, batch)
        found = tracing.trace_of(connection, batch, _DIRECTIONS[direction], _seq_at(connection, as_of_ms))
        if found is None:
            raise Unknown
        shown = oversight.limited(connection, author, found)
    return jsonify(_dump_trace(shown, author))


@blueprint.get("/<batch>/balance")
def balance(batch: str) -> ResponseReturnValue:
    """What became of the batch; for an organisation, of its own part."""
    author = author_of(request)
    query = Query("as_of")
    as_of_ms = query.moment_ms("as_of")
    query.done()
    with the_service().store.read() as connection:
        reading.check_may_read_batch(connection, author, batch)
        holder = None if may_oversee(author) else author.organisation
        found = balance_of(connection, batch, holder, _seq_at(connection, as_of_ms))
    return jsonify(_dump_balance(found, is_whole=holder is None))


@blueprint.get("/<batch>/warnings")
def warnings(batch: str) -> ResponseReturnValue:
    """The warnings that live, those that the date causes included, and those that were lifted."""
    author = author_of(request)
    Query().done()
    service = the_service()
    with service.store.read() as connection:
        reading.check_may_read_batch(connection, author, batch)
        found = standing_warnings(connection, author, batch, service.clock.now_ms())
    return jsonify(
        batch=batch,
        live=[_dump_warning(each, batch) for each in found if each.lifted_seq is None],
        lifted=[_dump_warning(each, batch) for each in found if each.lifted_seq is not None],
    )


def _seq_at(connection: Connection, as_of_ms: int | None) -> int | None:
    return None if as_of_ms is None else tracing.seq_at(connection, as_of_ms)


def _dump_trace(trace: Trace, author: Author) -> dict[str, Any]:
    makers = {row.batch: row.organisation for row in trace.rows}
    oversees = may_oversee(author)
    return {
        "batch": trace.batch,
        "direction": trace.direction,
        "as_of_seq": trace.as_of_seq,
        "complete": oversees,
        "rows": [_dump_row(row) for row in trace.rows],
        "edges": [
            _dump_edge(edge, with_amount=oversees or makers.get(edge.child) == author.organisation)
            for edge in trace.edges
        ],
        "gaps": _dump_gaps(trace.gaps),
    }


def _dump_row(row: TraceRow) -> dict[str, Any]:
    return {
        "batch": row.batch,
        "up": row.up,
        "down": row.down,
        "product": row.product,
        "organisation": row.organisation,
        "site": row.site,
        "made_at": dump_ms(row.made_ms),
        "made_seq": row.made_seq,
        "unknown_origin": row.unknown_origin,
        "holdings": dump_holdings(row.holdings),
        "sold": [dump_sold(each) for each in row.sold],
        "proofs": [{"seq": seq, "entry_hash": proof.hex()} for seq, proof in row.proofs],
    }


def _dump_edge(edge: Edge, *, with_amount: bool) -> dict[str, Any]:
    amount = dump_quantity(edge.dimension, edge.amount) if with_amount else {}
    return {
        "seq": edge.seq,
        "parent": edge.parent,
        "child": edge.child,
        "flow": edge.flow,
        "occurred_at": dump_ms(edge.occurred_ms),
        **amount,
    }


def _dump_gaps(gaps: Gaps) -> dict[str, int]:
    return {
        "unknown_origin": gaps.unknown_origin,
        "shipped_not_received": gaps.not_received,
        "received_not_shipped": gaps.not_shipped,
    }


def _dump_balance(balance: Balance, *, is_whole: bool) -> dict[str, Any]:
    return {
        "batch": balance.batch,
        "complete": is_whole,
        "accounts": [_dump_account(each) for each in balance.accounts],
        "makings": [_dump_making(each) for each in balance.makings],
    }


_ACCOUNTED = (
    "made",
    "arrived",
    "returned",
    "counted",
    "consumed",
    "left",
    "disposed",
    "held",
    "transit",
    "moved",
    "unexplained",
)


def _dump_account(account: Account) -> dict[str, Any]:
    amounts = {name: dump_quantity(account.dimension, getattr(account, name)) for name in _ACCOUNTED}
    return {
        "dimension": account.dimension,
        "unit": amounts["made"]["unit"],
        **{name: amount["quantity"] for name, amount in amounts.items()},
    }


def _dump_making(making: Making) -> dict[str, Any]:
    names = ("inputs", "outputs", "loss", "unexplained")
    amounts = {name: dump_quantity(making.dimension, getattr(making, name)) for name in names}
    return {
        "seq": making.seq,
        "role": making.role,
        "dimension": making.dimension,
        "unit": amounts["inputs"]["unit"],
        **{name: amount["quantity"] for name, amount in amounts.items()},
        "percent": None if making.percent is None else f"{making.percent:f}",
    }


def _dump_warning(warning: StandingWarning, batch: str) -> dict[str, Any]:
    said = say_warning(warning.code, warning.data, warning.source if warning.source != batch else None)
    level = LEVELS[warning.code]
    return {
        "code": warning.code,
        "consumer_level": level.consumer,
        "regulator_level": level.regulator,
        "source": warning.source,
        "cause_seq": warning.cause_seq,
        "raised_seq": warning.raised_seq,
        "lifted_seq": warning.lifted_seq,
        "data": dict(warning.data),
        "zh": said["zh"],
        "en": said["en"],
    }
