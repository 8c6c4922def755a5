from __future__ import annotations

import random

import pytest
from sqlalchemy import func, select

from heji_trace.errors import Conflict, InvalidEvent, NotSignedIn, TooMany, Unknown
from heji_trace.people.accounts import Account, close_account, create_account, reset_password
from heji_trace.people.passwords import Passwords
from heji_trace.people.sessions import (
    ATTEMPTS_PER_ACCOUNT,
    ATTEMPTS_PER_SOURCE,
    ATTEMPTS_WINDOW_S,
    Lifetime,
    author_of_token,
    change_password,
    forget_old_sessions,
    issue_token,
    list_tokens,
    revoke_token,
    session_of,
    sign_in,
    sign_out,
    touch_session,
)
from heji_trace.store.db import Store
from heji_trace.store.tables import sessions, tokens

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


@pytest.mark.parametrize("is_closed", [True, False])
def test_whoever_signs_in_while_the_account_is_closed_or_given_another_password_is_not_let_in(
    store: Store, account: Account, is_closed: bool
) -> None:
    def is_right_slowly(expected: str, password: str) -> bool:
        if is_closed:
            with store.write() as connection:
                close_account(connection, "chen", 0)
        else:
            reset_password(store, PLAIN, "chen", "set by the operator")
        return is_right(expected, password)

    slow = Passwords(PLAIN.hash, is_right_slowly, "decoy")
    with pytest.raises(NotSignedIn) as refused:
        sign_in(store, slow, "chen", PASSWORD, source="::1", random=random.Random(2).randbytes, now_ms=0)
    assert refused.value.code == "wrong-name-or-password"
    with store.read() as connection:
        assert connection.execute(select(sessions)).all() == []


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
        enter(store, "another", "guess", source="2001:db8::2")


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


NEW = "a boat full of lychees"


def change(
    store: Store,
    secret: str,
    present: str = PASSWORD,
    chosen: str = NEW,
    *,
    now_ms: int = 0,
    source: str = "::1",
) -> str:
    with store.read() as connection:
        session = session_of(connection, secret, LIFETIME, now_ms)
    seeded = random.Random(f"{secret}{now_ms}").randbytes
    return change_password(
        store, PLAIN, session, present, chosen, source=source, random=seeded, now_ms=now_ms
    )


def refusals(store: Store, secret: str, present: str, chosen: str, now_ms: int = 0) -> dict[str, str]:
    with pytest.raises(InvalidEvent) as refused:
        change(store, secret, present, chosen, now_ms=now_ms)
    return {problem.pointer: problem.code for problem in refused.value.problems}


def test_who_knows_the_password_sets_another_and_goes_on_while_all_others_are_signed_out(
    store: Store, account: Account
) -> None:
    here, there = enter(store, now_ms=0), enter(store, now_ms=1)
    with store.write() as connection:
        token = issue_token(connection, account, "scale", random.Random(2).randbytes, 0)
    fresh = change(store, here, now_ms=10)
    with store.read() as connection:
        assert session_of(connection, fresh, LIFETIME, 11).author == account.author
        for ended in (here, there):
            with pytest.raises(NotSignedIn):
                session_of(connection, ended, LIFETIME, 11)
        assert author_of_token(connection, token) == account.author, "tokens stay"
    with pytest.raises(NotSignedIn):
        enter(store, password=PASSWORD, now_ms=20)
    enter(store, password=NEW, now_ms=21)


def test_changing_a_password_leaves_other_accounts_alone(store: Store, account: Account) -> None:
    with store.write() as connection:
        create_account(
            connection, "wang", "fg-coop", ["shop"], PLAIN.hash(PASSWORD), random.Random(9).randbytes, 0
        )
    other = enter(store, "wang")
    change(store, enter(store))
    with store.read() as connection:
        session_of(connection, other, LIFETIME, 1)
    enter(store, "wang", PASSWORD, now_ms=1)


def test_each_password_that_is_no_good_is_named_and_nothing_changes(store: Store, account: Account) -> None:
    secret = enter(store)
    assert refusals(store, secret, "wrong", NEW) == {"/present": "wrong-present-password"}
    assert refusals(store, secret, PASSWORD, "1234567890") == {"/password": "common-password"}
    assert refusals(store, secret, PASSWORD, "chen-fg-coop-2026") == {"/password": "password-of-names"}
    assert refusals(store, secret, PASSWORD, PASSWORD) == {"/password": "same-password"}
    assert refusals(store, secret, "wrong", "short") == {
        "/present": "wrong-present-password",
        "/password": "bad-password-length",
    }
    with store.read() as connection:
        session_of(connection, secret, LIFETIME, 1)
    enter(store, now_ms=1)


def test_guesses_at_the_present_password_count_with_those_at_the_sign_in(
    store: Store, account: Account
) -> None:
    secret = enter(store)
    for _ in range(5):
        refusals(store, secret, "guess", NEW)
        with pytest.raises(NotSignedIn):
            enter(store, password="guess")
    checked.clear()
    with pytest.raises(TooMany):
        change(store, secret)
    with pytest.raises(TooMany):
        enter(store)
    assert checked == [], "what is refused for its rate costs no check"
    later = ATTEMPTS_WINDOW_S * 1_000 + 1
    refusals(store, enter(store, now_ms=later), "guess", NEW, later)


def test_one_source_may_not_guess_in_many_sessions(store: Store, account: Account) -> None:
    secret = enter(store)
    for number in range(ATTEMPTS_PER_SOURCE - 1):
        with pytest.raises(NotSignedIn):
            enter(store, f"name-{number}", "guess")
    with pytest.raises(TooMany):
        change(store, secret)
    change(store, secret, source="2001:db8::2")


def test_who_seeks_a_good_password_is_not_guessing(store: Store, account: Account) -> None:
    secret = enter(store)
    for _ in range(ATTEMPTS_PER_ACCOUNT * 2):
        refusals(store, secret, PASSWORD, "1234567890")
    change(store, secret)


def test_a_text_of_any_length_is_not_hashed(store: Store, account: Account) -> None:
    secret = enter(store)
    checked.clear()
    refusals(store, secret, "x" * 10_000, "y" * 10_000)
    assert [password for _, password in checked] == [""]


def test_what_the_operator_has_set_meanwhile_stays(store: Store, account: Account) -> None:
    secret = enter(store)

    def hash_slowly(password: str) -> str:
        if password == NEW:
            reset_password(store, PLAIN, "chen", "set by the operator")
        return PLAIN.hash(password)

    with store.read() as connection:
        session = session_of(connection, secret, LIFETIME, 0)
    with pytest.raises(Conflict):
        change_password(
            store,
            Passwords(hash_slowly, is_right, "decoy"),
            session,
            PASSWORD,
            NEW,
            source="::1",
            random=random.Random(3).randbytes,
            now_ms=0,
        )
    enter(store, password="set by the operator", now_ms=1)


def test_the_password_of_an_account_that_was_closed_meanwhile_is_not_changed(
    store: Store, account: Account
) -> None:
    secret = enter(store)
    with store.write() as connection:
        session = session_of(connection, secret, LIFETIME, 0)
        close_account(connection, "chen", 1)
    with pytest.raises(NotSignedIn):
        change_password(
            store, PLAIN, session, PASSWORD, NEW, source="::1", random=random.Random(3).randbytes, now_ms=2
        )


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
