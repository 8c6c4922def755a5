from __future__ import annotations

import random

import pytest
from sqlalchemy import func, select

from heji_trace.accounts import Account, Passwords, close_account, create_account
from heji_trace.db import Store
from heji_trace.errors import Conflict, InvalidEvent, NotSignedIn, TooMany, Unknown
from heji_trace.sessions import (
    ATTEMPTS_PER_SOURCE,
    Lifetime,
    author_of_token,
    forget_old_sessions,
    issue_token,
    list_tokens,
    revoke_token,
    session_of,
    sign_in,
    sign_out,
    touch_session,
)
from heji_trace.tables import sessions, tokens

LIFETIME = Lifetime(idle_ms=1_000, total_ms=5_000)
PASSWORD = "correct horse"
checked: list[tuple[str, str]] = []


def is_right(expected: str, password: str) -> bool:
    checked.append((expected, password))
    return expected == f"hash of {password}"


PLAIN = Passwords(lambda password: f"hash of {password}", is_right, decoy="decoy")


@pytest.fixture(autouse=True)
def nothing_checked() -> None:
    checked.clear()


@pytest.fixture
def account(store: Store) -> Account:
    with store.write() as connection:
        return create_account(
            connection, "chen", "fg-coop", ["producer"], PLAIN.hash(PASSWORD), random.Random(1).randbytes, 0
        )


def enter(
    store: Store, name: str = "chen", password: str = PASSWORD, source: str = "::1", now_ms: int = 0
) -> str:
    seeded = random.Random(f"{name}{now_ms}").randbytes
    return sign_in(store, PLAIN, name, password, source=source, random=seeded, now_ms=now_ms)


def test_the_secret_of_a_session_leads_to_its_author(store: Store, account: Account) -> None:
    secret = enter(store)
    with store.read() as connection:
        session = session_of(connection, secret, LIFETIME, 500)
        stored = connection.execute(select(sessions)).one()
    assert session.author == account.author
    assert secret not in str(stored)
    assert session.csrf not in secret


def test_an_unknown_name_costs_a_check_as_a_known_one_does(store: Store, account: Account) -> None:
    for name, password in (("chen", "wrong"), ("nobody", "wrong"), ("chen", "x" * 10_000)):
        with pytest.raises(NotSignedIn) as refused:
            enter(store, name, password)
        assert refused.value.code == "wrong-name-or-password"
    assert len(checked) == 3
    assert checked[1][0] == "decoy"
    assert checked[2][1] == "", "a text of any length is not hashed"


def test_the_decoy_opens_nothing(store: Store) -> None:
    always = Passwords(PLAIN.hash, lambda _expected, _password: True, "decoy")
    with pytest.raises(NotSignedIn):
        sign_in(store, always, "nobody", "x", source="::1", random=random.Random(1).randbytes, now_ms=0)


def test_a_session_ends_by_idleness_and_by_age(store: Store, account: Account) -> None:
    secret = enter(store)
    with store.write() as connection:
        session_of(connection, secret, LIFETIME, 1_000)
        with pytest.raises(NotSignedIn):
            session_of(connection, secret, LIFETIME, 1_001)
        touch_session(connection, secret, 4_500)
        session_of(connection, secret, LIFETIME, 5_000)
        with pytest.raises(NotSignedIn):
            session_of(connection, secret, LIFETIME, 5_001)


def test_sessions_that_are_over_are_dropped(store: Store, account: Account) -> None:
    enter(store, now_ms=0)
    kept = enter(store, now_ms=900)
    with store.write() as connection:
        forget_old_sessions(connection, LIFETIME, 1_500)
        assert connection.execute(select(func.count()).select_from(sessions)).scalar() == 1
        session_of(connection, kept, LIFETIME, 1_500)


def test_signing_out_ends_one_session_and_no_other(store: Store, account: Account) -> None:
    first, second = enter(store, now_ms=0), enter(store, now_ms=1)
    with store.write() as connection:
        sign_out(connection, first)
        sign_out(connection, "unknown")
        with pytest.raises(NotSignedIn):
            session_of(connection, first, LIFETIME, 10)
        session_of(connection, second, LIFETIME, 10)


def test_the_session_of_a_closed_account_is_over(store: Store, account: Account) -> None:
    secret = enter(store)
    with store.write() as connection:
        close_account(connection, "chen", 1)
        with pytest.raises(NotSignedIn):
            session_of(connection, secret, LIFETIME, 2)
    with pytest.raises(NotSignedIn):
        enter(store)


def test_one_source_may_not_try_all_names(store: Store) -> None:
    for number in range(ATTEMPTS_PER_SOURCE):
        with pytest.raises(NotSignedIn):
            enter(store, f"name-{number}", "guess")
    with pytest.raises(TooMany):
        enter(store, "another", "guess")
    with pytest.raises(NotSignedIn):
        enter(store, "another", "guess", source="::2")


def test_what_is_refused_for_its_rate_costs_no_check(store: Store, account: Account) -> None:
    for _ in range(10):
        with pytest.raises(NotSignedIn):
            enter(store, password="guess")
    checked.clear()
    with pytest.raises(TooMany):
        enter(store)
    assert checked == []


def test_signing_in_forgives_the_account_s_mistakes(store: Store, account: Account) -> None:
    for round_ in range(3):
        for _ in range(9):
            with pytest.raises(NotSignedIn):
                enter(store, password="guess")
        enter(store, now_ms=round_)


def test_a_token_speaks_for_its_account_until_it_is_revoked(store: Store, account: Account) -> None:
    with store.write() as connection:
        secret = issue_token(connection, account, "scale", random.Random(2).randbytes, 3)
        assert author_of_token(connection, secret) == account.author
        assert secret.startswith("heji_")
        assert secret not in str(connection.execute(select(tokens)).all())
        revoke_token(connection, account, "scale", 9)
        with pytest.raises(NotSignedIn):
            author_of_token(connection, secret)
        assert [(each.token_name, each.revoked_ms) for each in list_tokens(connection, account)] == [
            ("scale", 9)
        ]


def test_a_live_token_s_name_is_taken_and_a_revoked_one_s_free(store: Store, account: Account) -> None:
    with store.write() as connection:
        issue_token(connection, account, "scale", random.Random(2).randbytes, 3)
        with pytest.raises(Conflict):
            issue_token(connection, account, "scale", random.Random(3).randbytes, 3)
        revoke_token(connection, account, "scale", 9)
        issue_token(connection, account, "scale", random.Random(4).randbytes, 10)
        with pytest.raises(Unknown):
            revoke_token(connection, account, "other", 9)


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_token_has_a_name_to_be_revoked_by(store: Store, account: Account, name: str) -> None:
    with store.write() as connection, pytest.raises(InvalidEvent):
        issue_token(connection, account, name, random.Random(2).randbytes, 3)


def test_a_session_is_no_token_and_a_token_no_session(store: Store, account: Account) -> None:
    session = enter(store)
    with store.write() as connection:
        token = issue_token(connection, account, "scale", random.Random(2).randbytes, 0)
        with pytest.raises(NotSignedIn):
            author_of_token(connection, session)
        with pytest.raises(NotSignedIn):
            session_of(connection, token, LIFETIME, 0)
