from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select

from heji_trace.errors import Conflict, InvalidEvent, Unknown
from heji_trace.people.accounts import (
    Account,
    account_of,
    close_account,
    create_account,
    find_account,
    list_accounts,
    replace_password,
    reset_password,
)
from heji_trace.people.passwords import Passwords
from heji_trace.store.db import Store
from heji_trace.store.tables import sessions

PLAIN = Passwords(lambda password: f"hash of {password}", lambda _expected, _password: False, "decoy")


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
    replace_password(connection, account, "other")
    assert account_of(connection, "chen").password_hash == "other"
    assert connection.execute(select(sessions)).first() is None


def test_a_password_that_has_been_replaced_meanwhile_is_not_replaced_again(connection: Connection) -> None:
    account = add(connection, "chen")
    replace_password(connection, account, "the operator's")
    with pytest.raises(Conflict):
        replace_password(connection, account, "the thief's")
    assert account_of(connection, "chen").password_hash == "the operator's"


def test_a_closed_account_gets_no_other_password(connection: Connection) -> None:
    account = add(connection, "chen")
    close_account(connection, "chen", 7)
    with pytest.raises(Conflict):
        replace_password(connection, account, "other")
    assert list_accounts(connection)[0].password_hash == "hash"


def test_the_operator_sets_a_password_that_is_good_enough(store: Store) -> None:
    with store.write() as connection:
        add(connection, "chen")
    reset_password(store, PLAIN, "Chen", "a boat full of lychees")
    with store.read() as connection:
        assert account_of(connection, "chen").password_hash == "hash of a boat full of lychees"


@pytest.mark.parametrize("password", ["short", "1234567890", "chenchen2026", "fg-coop-2026"])
def test_the_operator_too_sets_no_password_that_is_guessed_early(store: Store, password: str) -> None:
    with store.write() as connection:
        add(connection, "chen")
    with pytest.raises(InvalidEvent) as refused:
        reset_password(store, PLAIN, "chen", password)
    assert [problem.pointer for problem in refused.value.problems] == ["/password"]
    with store.read() as connection:
        assert account_of(connection, "chen").password_hash == "hash"


def test_the_password_of_nobody_is_not_set(store: Store) -> None:
    with pytest.raises(Unknown):
        reset_password(store, PLAIN, "nobody", "a boat full of lychees")
