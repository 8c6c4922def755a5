from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from heji_trace.accounts import (
    Account,
    account_of,
    change_password,
    check_password,
    close_account,
    create_account,
    find_account,
    list_accounts,
)
from heji_trace.db import Store
from heji_trace.errors import Conflict, InvalidEvent, Unknown
from heji_trace.tables import sessions


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    with store.write() as connection:
        yield connection


def add(connection: Connection, name: str = "陈大明", *roles: str) -> Account:
    seeded = random.Random(name)
    return create_account(
        connection, name, "fg-coop", roles or ["producer", "station"], "hash", seeded.randbytes, 5
    )


def test_an_account_is_found_again_as_it_was_made(connection: Connection) -> None:
    made = add(connection)
    assert find_account(connection, "陈大明") == made
    assert made.author.organisation == "fg-coop"
    assert made.author.roles == {"producer", "station"}
    assert made.account.startswith("a-")
    assert "陈" not in made.account


@pytest.mark.parametrize("typed", ["Chen@Coop", " chen@coop ", "ｃｈｅｎ＠ｃｏｏｐ"])
def test_a_name_is_the_same_however_its_letters_are_typed(connection: Connection, typed: str) -> None:
    add(connection, "chen@coop")
    assert account_of(connection, typed).name == "chen@coop"
    with pytest.raises(Conflict):
        add(connection, typed)


@pytest.mark.parametrize("name", ["", "a", "a b", "x" * 65, "a\n", "a\0b", "<b>", "'; --"])
def test_a_name_that_is_none_is_refused(connection: Connection, name: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        add(connection, name)
    assert [problem.pointer for problem in refused.value.problems] == ["/name"]


def test_unknown_roles_are_refused_each_by_its_word(connection: Connection) -> None:
    with pytest.raises(InvalidEvent) as refused:
        add(connection, "chen", "king", "producer", "emperor")
    assert [problem.names for problem in refused.value.problems] == [{"role": "emperor"}, {"role": "king"}]


def test_an_account_has_a_role(connection: Connection) -> None:
    with pytest.raises(InvalidEvent):
        create_account(connection, "chen", "fg-coop", [], "hash", random.Random(1).randbytes, 5)


def test_a_closed_account_is_found_no_more_but_listed_and_keeps_its_name(connection: Connection) -> None:
    add(connection, "chen")
    close_account(connection, "chen", 77)
    assert find_account(connection, "chen") is None
    with pytest.raises(Unknown):
        account_of(connection, "chen")
    assert [(account.name, account.closed_ms) for account in list_accounts(connection)] == [("chen", 77)]
    with pytest.raises(Conflict):
        add(connection, "chen")


def test_accounts_are_listed_by_name_and_for_one_organisation(connection: Connection) -> None:
    add(connection, "b-name")
    add(connection, "a-name")
    assert [account.name for account in list_accounts(connection)] == ["a-name", "b-name"]
    assert list_accounts(connection, "fg-other") == []


def test_another_password_ends_all_sessions(connection: Connection) -> None:
    account = add(connection, "chen")
    row = {"token_hash": b"x", "account": account.account, "csrf": "c", "created_ms": 1, "seen_ms": 1}
    connection.execute(sessions.insert().values(row))
    change_password(connection, "chen", "other")
    assert account_of(connection, "chen").password_hash == "other"
    assert connection.execute(select(sessions)).first() is None


@pytest.mark.parametrize("password", ["", "nine char", "x" * 201, "ten\ncharacters", "lone \udcff surrogate"])
def test_a_password_too_short_or_not_to_be_typed_is_refused(password: str) -> None:
    with pytest.raises(InvalidEvent):
        check_password(password)


@pytest.mark.parametrize("password", ["ten chars!", "一二三四五六七八九十", "x" * 200])
def test_any_other_password_is_good(password: str) -> None:
    check_password(password)
