from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, select, update

from heji_trace.judging.facts import Thresholds
from heji_trace.known.state import State
from heji_trace.store import tables
from heji_trace.store.db import Store

DAY = 86_400_000
NOW = 1_780_000_000_000


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.write() as connection:
        yield connection


@pytest.fixture
def state(connection: Connection) -> State:
    return State(connection)


def stock(batch: str, holder: str, amount: int, place: str = "held") -> dict[str, object]:
    return {"batch": batch, "holder": holder, "state": place, "dimension": "mass", "amount": amount}


def hold(seq: int, batch: str) -> dict[str, object]:
    return {"seq": seq, "event_id": f"e{seq}", "batch": batch, "organisation": "o"}


def test_what_was_added_is_found_before_it_is_written(state: State, connection: Connection) -> None:
    state.stock.add(**stock("A", "coop", 5))
    assert state.held_stock("A", "coop") == {"mass": 5}
    assert connection.execute(select(tables.stock)).all() == []
    state.write()
    assert len(connection.execute(select(tables.stock)).all()) == 1


def test_what_is_stored_and_what_was_added_are_found_together(state: State, connection: Connection) -> None:
    connection.execute(insert(tables.stock), [stock("A", "coop", 5), stock("B", "coop", 7)])
    state.stock.add(**stock("A", "shop", 2))
    assert [row["holder"] for row in state.stock.of("batch", "A")] == ["coop", "shop"]
    assert [row["amount"] for row in state.stock.of("batch", "B")] == [7]


def test_a_change_is_seen_by_every_way_to_the_row(state: State, connection: Connection) -> None:
    connection.execute(insert(tables.holds), [hold(1, "A")])
    state.holds.change(state.holds.of("batch", "A")[0], released_seq=9)
    # Read by another column from the store, where it is not released yet.
    assert [row["released_seq"] for row in state.holds.of("event_id", "e1")] == [9]
    state.write()
    assert connection.execute(select(tables.holds.c.released_seq)).scalars().all() == [9]


def test_a_row_added_and_changed_is_written_once_as_it_is_in_the_end(
    state: State, connection: Connection
) -> None:
    row = state.stock.add(**stock("A", "coop", 5))
    state.stock.change(row, amount=6)
    state.write()
    state.stock.change(row, amount=7)
    state.write()
    assert connection.execute(select(tables.stock.c.amount)).scalars().all() == [7]


def test_withdrawn_rows_are_not_found(state: State, connection: Connection) -> None:
    connection.execute(insert(tables.holds), [{**hold(1, "A"), "withdrawn_seq": 5}])
    assert state.holds.of("batch", "A") == []


def test_a_row_taken_back_in_the_group_is_not_found_again(state: State, connection: Connection) -> None:
    connection.execute(insert(tables.holds), [hold(1, "A"), hold(2, "A")])
    state.holds.withdraw(state.holds.of("batch", "A")[0], 7)
    assert [row["seq"] for row in state.holds.of("batch", "A")] == [2]
    assert state.holds.of("event_id", "e1") == []
    state.write()
    stored = connection.execute(select(tables.holds.c.seq, tables.holds.c.withdrawn_seq)).all()
    assert sorted(map(tuple, stored)) == [(1, 7), (2, None)]


def test_withdrawn_events_keep_their_ids(state: State, connection: Connection) -> None:
    values = dict.fromkeys(("kind", "organisation", "actor"), "x") | {"occurred_ms": 0, "recorded_ms": 0}
    connection.execute(insert(tables.events), {**values, "seq": 1, "event_id": "e", "withdrawn_seq": 2})
    assert [row["withdrawn_seq"] for row in state.events.of("event_id", "e")] == [2]


def test_after_forgetting_statements_of_another_kind_are_seen(state: State, connection: Connection) -> None:
    state.holds.add(**hold(1, "A"))
    state.write()
    connection.execute(update(tables.holds).values(withdrawn_seq=3))
    assert len(state.holds.of("batch", "A")) == 1
    state.forget()
    assert state.holds.of("batch", "A") == []


def test_forgetting_writes_first(state: State, connection: Connection) -> None:
    state.stock.add(**stock("A", "coop", 5))
    state.forget()
    assert state.held_stock("A", "coop") == {"mass": 5}


def test_a_column_that_the_table_lacks_is_refused(state: State) -> None:
    with pytest.raises(KeyError):
        state.stock.add(**stock("A", "coop", 5), colour="red")


def test_many_keys_are_read_in_parts(state: State, connection: Connection) -> None:
    connection.execute(insert(tables.stock), [stock(f"A{number}", "coop", number) for number in range(2500)])
    state.stock.load("batch", [f"A{number}" for number in range(2500)])
    assert state.held_stock("A2499", "coop") == {"mass": 2499}


def test_the_newest_registered_facts_count(state: State) -> None:
    assert state.find_registered("product", "p") is None
    state.put_registered("product", "p", 3, "o", '{"name":"old"}', rank=3)
    state.put_registered("product", "p", 5, "o", '{"name":"new"}', rank=5)
    state.put_registered("site", "p", 7, "o", '{"name":"a site"}', rank=7)
    assert state.find_registered("product", "p") == {"name": "new"}


def test_held_stock_is_not_what_is_on_its_way(state: State) -> None:
    state.stock.add(**stock("A", "shop", 4, place="transit"))
    assert state.held_stock("A", "shop") == {}


def edition(state: State, seq: int, table: str, rows: str, start: str, end: str | None = None) -> None:
    until = f',"effective_to":"{end}"' if end else ""
    data = (
        f'{{"edition":"e{seq}","effective_from":"{start}"{until},"rows":{rows},"table":"{table}",'
        '"verified":false}'
    )
    state.put_registered("edition", f"{table}:e{seq}", seq, "o", data, rank=seq)


def test_thresholds_are_those_in_force_on_the_beijing_day(state: State) -> None:
    assert state.thresholds_at(NOW) == Thresholds()
    edition(
        state,
        1,
        "thresholds",
        '[{"name":"late_record_hours","value":"24"},{"name":"other","value":"9"}]',
        "2026-01-01",
    )
    edition(state, 2, "thresholds", '[{"name":"late_record_hours","value":"12"}]', "2026-05-29", "2026-05-30")
    # 2026-05-28T20:26:40Z is already the 29th in Beijing.
    assert state.thresholds_at(NOW).late_record_hours == 12
    assert state.thresholds_at(NOW - DAY).late_record_hours == 24
    assert state.thresholds_at(NOW + 2 * DAY).late_record_hours == 24
    assert state.thresholds_at(NOW - 365 * DAY) == Thresholds()


def test_intervals_are_those_of_the_newest_edition_in_force(state: State) -> None:
    assert state.waits_at(NOW).intervals == ()
    for seq, days in ((1, "14"), (2, "21")):
        rows = f'[{{"active":"毒死蜱","crop":"荔枝","days":"{days}"}}]'
        edition(state, seq, "intervals", rows, "2026-01-01")
    assert [interval.days for interval in state.waits_at(NOW).intervals] == [21]
    assert state.waits_at(NOW).intervals == state.waits_at(NOW).intervals


def test_of_the_editions_only_those_are_read_by_which_events_are_judged(
    state: State, connection: Connection
) -> None:
    edition(state, 1, "thresholds", '[{"name":"late_record_hours","value":"12"}]', "2026-01-01")
    edition(state, 2, "limits", "[]", "2026-01-01")
    edition(state, 3, "intervals", "[]", "2026-01-01")
    state.write()
    anew = State(connection)
    assert anew.thresholds_at(NOW).late_record_hours == 12
    assert anew.judging_editions() == ["intervals:e3", "thresholds:e1"]
    assert [row["code"] for row in anew.register._rows.values()] == ["thresholds:e1"]


def test_an_edition_that_was_taken_back_is_in_force_no_more(state: State, connection: Connection) -> None:
    for seq, hours in ((1, 24), (2, 12)):
        rows = f'[{{"name":"late_record_hours","value":"{hours}"}}]'
        edition(state, seq, "thresholds", rows, "2026-01-01")
    assert state.thresholds_at(NOW).late_record_hours == 12
    state.write()
    connection.execute(update(tables.register).values(withdrawn_seq=3).where(tables.register.c.seq == 2))
    state.forget()
    assert state.thresholds_at(NOW).late_record_hours == 24


@pytest.mark.sqlite_only
def test_every_question_of_a_shelf_is_answered_by_an_index(state: State, connection: Connection) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(
        connection,
        "before_cursor_execute",
        lambda _c, _u, statement, values, *_: asked.append((statement, values)),
    )
    questions = {f"{shelf.table.name}.{column}" for shelf in state.shelves() for column in shelf.by}
    for shelf in state.shelves():
        for column in shelf.by:
            shelf.load(column, ["x"])
    scanned = {
        row[3]
        for statement, values in list(asked)
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        if row[3].removeprefix("SCAN ") in tables.metadata.tables
    }
    assert len(asked) >= len(questions)
    assert scanned == set()
