"""Accounts: the names people sign in with, each for one organisation and some of its roles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, insert, select, update

from heji_trace.errors import Conflict, InvalidEvent, Problem, Unknown
from heji_trace.people.parties import ROLES, Author
from heji_trace.people.passwords import Passwords, check_password
from heji_trace.store.db import Store
from heji_trace.store.tables import accounts, sessions, tokens
from heji_trace.vocabulary.normal_forms import normal

_NAME = re.compile(r"[\w.@+-]{2,64}")


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `password_hash` never leaves the process."""

    account: str
    name: str
    organisation: str
    roles: frozenset[str]
    created_ms: int
    closed_ms: int | None
    password_hash: str

    @property
    def author(self) -> Author:
        """The account as the author of a statement."""
        return Author(self.account, self.organisation, self.roles)


def fold_name(name: str) -> str:
    """The form in which names are kept and compared: full-width and capital letters are the same to people."""
    return normal("NFKC", name).strip().casefold()


def check_account(name: str, roles: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The name as it is kept and the roles of an account to be made; raises InvalidEvent for a bad name or role."""
    folded = fold_name(name)
    chosen = frozenset(roles)
    problems = [Problem("/roles", "unknown-role", {"role": role}) for role in sorted(chosen - set(ROLES))]
    if not _NAME.fullmatch(folded):
        problems.append(Problem("/name", "bad-account-name"))
    if not chosen:
        problems.append(Problem("/roles", "no-role"))
    if problems:
        raise InvalidEvent(problems)
    return folded, chosen


def create_account(
    connection: Connection,
    name: str,
    organisation: str,
    roles: Iterable[str],
    password_hash: str,
    random: Callable[[int], bytes],
    now_ms: int,
) -> Account:
    """A new account; raises InvalidEvent for a bad name or role, Conflict where the name is taken."""
    folded, chosen = check_account(name, roles)
    if connection.execute(select(accounts.c.account).where(accounts.c.name == folded)).first():
        raise Conflict("account-exists", name=folded)
    account = Account(f"a-{random(10).hex()}", folded, organisation, chosen, now_ms, None, password_hash)
    connection.execute(
        insert(accounts).values(
            account=account.account,
            name=account.name,
            organisation=account.organisation,
            roles=" ".join(sorted(account.roles)),
            password_hash=account.password_hash,
            created_ms=account.created_ms,
        )
    )
    return account


def forget_accounts(connection: Connection) -> None:
    """Remove every account with its sessions and tokens; only for a ledger that nobody has made a statement in."""
    for each in (sessions, tokens, accounts):
        connection.execute(delete(each))


def list_accounts(connection: Connection, organisation: str | None = None) -> list[Account]:
    """All accounts by name, closed ones too, or those of one organisation."""
    query = select(accounts).order_by(accounts.c.name)
    if organisation is not None:
        query = query.where(accounts.c.organisation == organisation)
    return [_account_of_row(row) for row in connection.execute(query)]


def find_account(connection: Connection, name: str) -> Account | None:
    """The open account with this name."""
    query = select(accounts).where(accounts.c.name == fold_name(name), accounts.c.closed_ms.is_(None))
    row = connection.execute(query).first()
    return None if row is None else _account_of_row(row)


def account_of(connection: Connection, name: str) -> Account:
    """The open account with this name; raises Unknown."""
    found = find_account(connection, name)
    if found is None:
        raise Unknown("unknown-account", name=name)
    return found


def close_account(connection: Connection, name: str, now_ms: int) -> None:
    """Close it for good: its sessions end, its tokens are revoked, its statements stay; raises Unknown."""
    account = account_of(connection, name).account
    connection.execute(update(accounts).where(accounts.c.account == account).values(closed_ms=now_ms))
    connection.execute(delete(sessions).where(sessions.c.account == account))
    live = (tokens.c.account == account) & tokens.c.revoked_ms.is_(None)
    connection.execute(update(tokens).where(live).values(revoked_ms=now_ms))


def reset_password(store: Store, passwords: Passwords, name: str, password: str) -> None:
    """Give an account another password and end all its sessions, a thief's included; its tokens stay.

    Raises Unknown, InvalidEvent for one that is no good, Conflict. Hashed outside any transaction, because the one
    writer would wait for it.
    """
    with store.read() as connection:
        account = account_of(connection, name)
    check_password(password, account.name, account.organisation)
    hashed = passwords.hash(password)
    with store.write() as connection:
        replace_password(connection, account, hashed)


def replace_password(connection: Connection, account: Account, password_hash: str) -> None:
    """Put another hash in place of the one that was read, and end all sessions.

    Raises Conflict where somebody else has put one there meanwhile, or closed the account: whoever knew the old
    password must not undo what was done against him.
    """
    is_as_read = (
        (accounts.c.account == account.account)
        & (accounts.c.password_hash == account.password_hash)
        & accounts.c.closed_ms.is_(None)
    )
    done = connection.execute(update(accounts).where(is_as_read).values(password_hash=password_hash))
    if done.rowcount != 1:
        raise Conflict("password-changed-meanwhile", name=account.name)
    connection.execute(delete(sessions).where(sessions.c.account == account.account))


def _account_of_row(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        account=row.account,
        name=row.name,
        organisation=row.organisation,
        roles=frozenset(row.roles.split()),
        created_ms=row.created_ms,
        closed_ms=row.closed_ms,
        password_hash=row.password_hash,
    )
