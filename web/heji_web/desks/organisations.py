"""One organisation: what it has and awaits, what it made, and the warnings that live on these batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from heji_trace.desks import choices, oversight
from heji_trace.desks.oversight import Warned
from heji_trace.desks.stocks import Stocked, stock_of
from heji_trace.errors import Unknown
from heji_trace.judging.levels import LEVELS
from heji_trace.rights.rights import may_oversee
from heji_trace.store.tables import batches
from heji_web.desks.tables_out import as_of_now, give_stock
from heji_web.events.described import local_time
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.service.service import the_service

blueprint = Blueprint("organisations", __name__)
blueprint.after_request(permit_scripts)

# A page of thousands of rows helps nobody; the CSV has all there is.
_MOST_ROWS = 200
_AT_ONCE = 500


@blueprint.get("/desk/organisations/<code>")
def show(code: str) -> ResponseReturnValue:
    """The newest batches that it has, awaits and made."""
    _check_reader(code)
    service = the_service()
    with service.store.read() as connection:
        facts = _facts(connection, code)
        held, arriving = (
            stock_of(connection, [code], language(), state, _MOST_ROWS + 1) for state in ("held", "transit")
        )
        query = select(batches).where(batches.c.organisation == code).order_by(batches.c.made_seq.desc())
        made = list(connection.execute(query.limit(_MOST_ROWS + 1)))
        names = {row.batch for row in made} | {each.batch for each in (*held, *arriving)}
        warned = oversight.warnings_today(connection, sorted(names), service.clock.now_ms())
        products = choices.product_names(connection, language(), {row.product for row in made if row.product})
    return render_template(
        "organisation.html",
        code=code,
        facts=facts,
        held=held,
        arriving=arriving,
        made=made,
        most=_MOST_ROWS,
        warned=warned,
        products=products,
        levels=LEVELS,
        local_time=local_time,
    )


@blueprint.get("/desk/organisations/<code>/stock.csv")
def give_csv(code: str) -> ResponseReturnValue:
    """All that it has and awaits, as a spreadsheet program opens it."""
    _check_reader(code)
    with the_service().store.read() as connection:
        _facts(connection, code)
        held, arriving = (_warned_stock(connection, code, state) for state in ("held", "transit"))
        as_of = as_of_now(connection)
    return give_stock(held, arriving, code, as_of)


def _check_reader(code: str) -> None:
    """Raises Unknown unless who asks is of the organisation or oversees all."""
    author = signed_in().author
    if not may_oversee(author) and author.organisation != code:
        raise Unknown


def _facts(connection: Connection, code: str) -> Mapping[str, Any]:
    """What is registered of it; raises Unknown."""
    found = choices.registered_facts(connection, "organisation", [code])
    if code not in found:
        raise Unknown
    return found[code][1]


def _warned_stock(connection: Connection, code: str, state: str) -> list[tuple[Stocked, Sequence[Warned]]]:
    """All stock in a state, each batch with its warnings."""
    now_ms = the_service().clock.now_ms()
    found: list[tuple[Stocked, Sequence[Warned]]] = []
    stocked = stock_of(connection, [code], language(), state)
    for start in range(0, len(stocked), _AT_ONCE):
        part = stocked[start : start + _AT_ONCE]
        warned = oversight.warnings_today(connection, [each.batch for each in part], now_ms)
        found += [(each, warned.get(each.batch, ())) for each in part]
    return found
