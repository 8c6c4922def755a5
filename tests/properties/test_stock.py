from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from heji_trace import tables
from heji_trace.balance import Account, balance_of
from heji_trace.book import Entered
from heji_trace.db import memory_database
from heji_trace.project import apply
from heji_trace.schemas import parse_event
from heji_trace.state import State
from heji_trace.suspect import suspicions

KG = 1_000 * 10**6
HOLDERS = ("a", "b", "c")
AT = "2026-06-12T08:00:00+08:00"

Delta = Counter[tuple[str, str]]
"""What one statement changes: by holder and state, and by ("", figure) for the figures of the account."""

holder = st.sampled_from(HOLDERS)
quantity = st.integers(1, 40)
STATEMENTS = st.one_of(
    st.tuples(st.just("shipping"), holder, holder, quantity),
    st.tuples(st.just("receiving"), holder, st.none(), quantity),
    st.tuples(st.just("sale"), holder, st.none(), quantity),
    st.tuples(st.just("return"), holder, st.none(), quantity),
    st.tuples(st.just("return"), holder, holder, quantity),
    st.tuples(st.just("disposal"), holder, st.none(), quantity),
    st.tuples(st.just("storage"), holder, st.none(), quantity),
    st.tuples(st.just("stock_count"), holder, st.none(), st.integers(0, 40)),
    st.tuples(st.just("correction"), holder, st.none(), st.integers(0, 30)),
)
DETAILS: dict[str, dict[str, Any]] = {
    "return": {"reason": "退货"},
    "disposal": {"reason": "腐损", "method": "destruction"},
}


def event_id(seq: int) -> str:
    return str(UUID(int=seq + 1, version=4))


def raw(seq: int, kind: str, who: str, to: str | None, amount: int) -> dict[str, Any]:
    line = {"batch": "B", "quantity": str(amount), "unit": "kg"}
    if to is not None:
        line["to_organisation"] = to
    event = {"id": event_id(seq), "kind": kind, "occurred_at": AT, "organisation": who, "moves": [line]}
    return event | ({"details": DETAILS[kind]} if kind in DETAILS else {})


def delta_of(stock: Delta, kind: str, who: str, to: str | None, amount: int) -> Delta:
    """The rules told a second time, one line each."""
    change: Delta = Counter()
    if kind == "receiving":
        change[who, "held"] += amount
        came = min(max(stock[who, "transit"], 0), amount)
        change[who, "transit"] -= came
        change["", "arrived"] += amount - came
    elif kind == "stock_count":
        change[who, "held"] += amount - stock[who, "held"]
        change["", "counted"] += amount - stock[who, "held"]
    elif kind == "return" and to is None:
        change[who, "held"] += amount
        change["", "returned"] += amount
    elif kind in ("sale", "disposal"):
        change[who, "held"] -= amount
        change["", "left" if kind == "sale" else "disposed"] += amount
    elif kind != "storage":
        change[who, "held"] -= amount
        change[str(to), "transit"] += amount
    return change


def enter(connection: Connection, seq: int, body: dict[str, Any]) -> None:
    state = State(connection)
    event = parse_event(body)
    apply(state, Entered(seq, 1_781_222_400_000, "t", event), suspicions(state, event))
    state.write()


def figures(account: Account) -> dict[str, int]:
    return {
        name: getattr(account, name) // KG for name in ("arrived", "left", "returned", "disposed", "counted")
    }


@settings(deadline=None, max_examples=60)
@given(st.lists(STATEMENTS, max_size=14))
def test_no_stock_appears_or_vanishes(statements: list[tuple[str, str, str | None, int]]) -> None:
    with memory_database() as connection:
        tables.metadata.create_all(connection)
        outputs = [{"batch": "B", "product": "p", "quantity": "100", "unit": "kg"}]
        harvest = {"id": event_id(0), "kind": "harvest", "occurred_at": AT, "organisation": "a"}
        enter(connection, 0, harvest | {"cycles": ["c"], "outputs": outputs})
        stock: Delta = Counter({("a", "held"): 100})
        entered: dict[int, Delta] = {}
        for seq, (kind, who, to, amount) in enumerate(statements, start=1):
            if kind == "correction":
                if amount not in entered:
                    continue
                undone = entered.pop(amount)
                details = {"corrects": [event_id(amount)], "reason": "录错"}
                body = raw(seq, kind, who, None, 1) | {"details": details}
                del body["moves"]
                enter(connection, seq, body)
                for key, change in undone.items():
                    stock[key] -= change
                continue
            entered[seq] = delta_of(stock, kind, who, to, amount)
            enter(connection, seq, raw(seq, kind, who, to, amount))
            for key, change in entered[seq].items():
                stock[key] += change
        found = {
            (row["holder"], row["state"]): row["amount"] // KG
            for row in State(connection).stock.of("batch", "B")
            if row["amount"]
        }
        [account] = balance_of(connection, "B").accounts
    assert found == {key: amount for key, amount in stock.items() if key[0] and amount}
    assert figures(account) == {name: stock["", name] for name in figures(account)}
    came = account.made + account.arrived + account.returned + account.counted
    assert came == account.consumed + account.left + account.disposed + account.held + account.transit
