"""Signing in: sessions for people, bearer tokens for programs.

Of both only the SHA-256 is stored: whoever reads the database or a backup of it cannot speak as anybody.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from heji_trace.errors import Conflict, InvalidEvent, NotSignedIn, Problem, Unknown
from heji_trace.people.accounts import Account, find_account, fold_name, replace_password
from heji_trace.people.parties import Author
from heji_trace.people.passwords import LENGTHS, Passwords, find_problem
from heji_trace.people.throttles import check_rate, forget_old_attempts, forgive, source_key, throttle_key
from heji_trace.store.db import Store
from heji_trace.store.tables import accounts, sessions, tokens

ATTEMPTS_PER_ACCOUNT = 10
ATTEMPTS_PER_SOURCE = 100
ATTEMPTS_WINDOW_S = 900
TOKEN_NAME_LENGTHS = range(1, 65)

# What no password can be, so that a text of a megabyte costs no more than a wrong one.
_NO_PASSWORD = ""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives, in milliseconds: after its last use, and in all."""

    idle_ms: int
    total_ms: int


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has signed in; `csrf` must come back with each form that changes something."""

    author: Author
    name: str
    csrf: str
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a bearer token after it has been shown once."""

    token_name: str
    account: str
    created_ms: int
    revoked_ms: int | None


def sign_in(
    store: Store,
    passwords: Passwords,
    name: str,
    password: str,
    *,
    source: str,
    random: Callable[[int], bytes],
    now_ms: int,
) -> str:
    """A new session's secret for the cookie; raises NotSignedIn, alike for a wrong name and a wrong password.

    Attempts are counted per account and per `source` (an address) before any work: raises TooMany. The hash is
    checked outside any transaction, because the one writer would wait for it.
    """
    account_key = _count_attempt(store, name, source, now_ms)
    with store.read() as connection:
        account = find_account(connection, name)
    if not _is_right(passwords, account, password) or account is None:
        raise NotSignedIn("wrong-name-or-password")
    with store.write() as connection:
        if find_account(connection, name) != account:
            # Closed or given another password meanwhile: a session that began now would outlive what ended all others.
            raise NotSignedIn("wrong-name-or-password")
        forgive(connection, account_key)
        forget_old_attempts(connection, now_ms)
        return open_session(connection, account, random, now_ms)


def change_password(
    store: Store,
    passwords: Passwords,
    session: Session,
    present: str,
    chosen: str,
    *,
    source: str,
    random: Callable[[int], bytes],
    now_ms: int,
) -> str:
    """Another password for the person who has signed in and knows the `present` one; tokens stay.

    All sessions of the account end; answers the secret of a new one, for this person to go on with. Raises
    InvalidEvent for each of the two passwords that is no good, Conflict where another has been set meanwhile. Guesses
    count with those at the sign-in: raises TooMany. NotSignedIn where the account was closed meanwhile.
    """
    account_key = _count_attempt(store, session.name, source, now_ms)
    with store.read() as connection:
        account = find_account(connection, session.name)
    if account is None:
        raise NotSignedIn("session-over")
    problem = find_problem(chosen, account.name, account.organisation)
    problems = [] if problem is None else [problem]
    if not _is_right(passwords, account, present):
        problems.insert(0, Problem("/present", "wrong-present-password"))
    else:
        # Who knows the password and seeks a good one is not guessing.
        with store.write() as connection:
            forgive(connection, account_key)
        if chosen == present:
            problems = [Problem("/password", "same-password")]
    if problems:
        raise InvalidEvent(problems)
    hashed = passwords.hash(chosen)
    with store.write() as connection:
        replace_password(connection, account, hashed)
        return open_session(connection, account, random, now_ms)


def open_session(
    connection: Connection, account: Account, random: Callable[[int], bytes], now_ms: int
) -> str:
    """A session of an account whose password has been checked; answers the secret for the cookie."""
    secret = _secret(random)
    connection.execute(
        insert(sessions).values(
            token_hash=_digest(secret),
            account=account.account,
            csrf=_secret(random),
            created_ms=now_ms,
            seen_ms=now_ms,
        )
    )
    return secret


def session_of(connection: Connection, secret: str, lifetime: Lifetime, now_ms: int) -> Session:
    """The session behind a cookie; raises NotSignedIn where it is unknown, over, or its account closed."""
    query = (
        select(sessions, accounts.c.name, accounts.c.organisation, accounts.c.roles)
        .join(accounts, accounts.c.account == sessions.c.account)
        .where(sessions.c.token_hash == _digest(secret), accounts.c.closed_ms.is_(None))
    )
    row = connection.execute(query).first()
    if row is None or now_ms - row.seen_ms > lifetime.idle_ms or now_ms - row.created_ms > lifetime.total_ms:
        raise NotSignedIn("session-over")
    author = Author(row.account, row.organisation, frozenset(row.roles.split()))
    return Session(author, row.name, row.csrf, row.seen_ms)


def touch_session(connection: Connection, secret: str, now_ms: int) -> None:
    """Note that the session was used."""
    connection.execute(
        update(sessions).where(sessions.c.token_hash == _digest(secret)).values(seen_ms=now_ms)
    )


def sign_out(connection: Connection, secret: str) -> None:
    """End a session; of an unknown one nothing is said."""
    connection.execute(delete(sessions).where(sessions.c.token_hash == _digest(secret)))


def forget_old_sessions(connection: Connection, lifetime: Lifetime, now_ms: int) -> None:
    """Drop the sessions that are over."""
    is_over = (sessions.c.seen_ms < now_ms - lifetime.idle_ms) | (
        sessions.c.created_ms < now_ms - lifetime.total_ms
    )
    connection.execute(delete(sessions).where(is_over))


def issue_token(
    connection: Connection,
    account: Account,
    token_name: str,
    random: Callable[[int], bytes],
    now_ms: int,
) -> str:
    """A new bearer token, to be shown once; raises Conflict where the account has a live one of this name."""
    if len(token_name) not in TOKEN_NAME_LENGTHS:
        raise InvalidEvent([Problem("/token_name", "bad-token-name", {"most": TOKEN_NAME_LENGTHS[-1]})])
    if any(token.token_name == token_name for token in _live_tokens(connection, account)):
        raise Conflict("token-exists", name=token_name)
    secret = "heji_" + _secret(random)
    connection.execute(
        insert(tokens).values(
            token_hash=_digest(secret), token_name=token_name, account=account.account, created_ms=now_ms
        )
    )
    return secret


# Put together once, since every request of a program asks it.
_SPEAKER = (
    select(accounts.c.account, accounts.c.organisation, accounts.c.roles)
    .join(tokens, tokens.c.account == accounts.c.account)
    .where(
        tokens.c.token_hash == bindparam("digest"),
        tokens.c.revoked_ms.is_(None),
        accounts.c.closed_ms.is_(None),
    )
)


def author_of_token(connection: Connection, secret: str) -> Author:
    """Who speaks with this bearer token; raises NotSignedIn where it is unknown or revoked."""
    row = connection.execute(_SPEAKER, {"digest": _digest(secret)}).first()
    if row is None:
        raise NotSignedIn("wrong-token")
    return Author(row.account, row.organisation, frozenset(row.roles.split()))


def list_tokens(connection: Connection, account: Account) -> list[Token]:
    """All tokens of an account in the order they were made, revoked ones too."""
    query = select(tokens).where(tokens.c.account == account.account).order_by(tokens.c.created_ms)
    return [
        Token(row.token_name, row.account, row.created_ms, row.revoked_ms)
        for row in connection.execute(query)
    ]


def revoke_token(connection: Connection, account: Account, token_name: str, now_ms: int) -> None:
    """Make a token worthless from now on; raises Unknown where the account has no live one of this name."""
    if all(token.token_name != token_name for token in _live_tokens(connection, account)):
        raise Unknown("unknown-token", name=token_name)
    is_meant = (
        (tokens.c.account == account.account)
        & (tokens.c.token_name == token_name)
        & tokens.c.revoked_ms.is_(None)
    )
    connection.execute(update(tokens).where(is_meant).values(revoked_ms=now_ms))


def _count_attempt(store: Store, name: str, source: str, now_ms: int) -> str:
    """Count a guess at the password of an account from a source; answers the account's key. Raises TooMany."""
    account_key = throttle_key("sign-in-account", fold_name(name))
    from_source = source_key("sign-in-source", source)
    with store.write() as connection:
        check_rate(connection, account_key, ATTEMPTS_PER_ACCOUNT, ATTEMPTS_WINDOW_S, now_ms)
        check_rate(connection, from_source, ATTEMPTS_PER_SOURCE, ATTEMPTS_WINDOW_S, now_ms)
    return account_key


def _live_tokens(connection: Connection, account: Account) -> list[Token]:
    return [token for token in list_tokens(connection, account) if token.revoked_ms is None]


def _is_right(passwords: Passwords, account: Account | None, password: str) -> bool:
    expected = passwords.decoy if account is None else account.password_hash
    return passwords.is_right(expected, password if len(password) in LENGTHS else _NO_PASSWORD)


def _secret(random: Callable[[int], bytes]) -> str:
    return urlsafe_b64encode(random(32)).decode().rstrip("=")


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
