"""`heji user`, `org`, `token`: letting people and programs in, and out again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import click
from sqlalchemy import Connection, select

from heji_migrations import upgrade
from heji_trace import sentences
from heji_trace.errors import Conflict, InvalidEvent, Problem, Unknown
from heji_trace.events.kinds.words import ROLE, STATUS, SUBJECT_TYPE
from heji_trace.people import accounts, sessions
from heji_trace.people.accounts import Account
from heji_trace.people.parties import ROLES
from heji_trace.proving import canonical
from heji_trace.store.db import Store
from heji_trace.store.tables import register
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from heji_web.commands.service import working_service
from heji_web.commands.terminal import (
    json_option,
    language,
    print_rows,
    read_password,
    shown_moment,
    tell,
    wants_json,
)
from heji_web.service.founding import Organisation, add_account, register_organisation
from heji_web.service.locking import check_database_file, locked
from heji_web.service.passwords import argon2_passwords
from heji_web.service.settings import read_settings

_roles = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(ROLES),
    help="角色，可多次 · repeatable",
)
_WORDS = {word.value: word for choice in (SUBJECT_TYPE, ROLE, STATUS) for word in choice.options}
_OF_WORDS = frozenset({"subject_type", "roles", "status"})
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="从标准输入读取密码 · read the password from standard input"
)


@contextmanager
def _reading() -> Iterator[Connection]:
    settings = read_settings(os.environ)
    check_database_file(settings)
    with closing(Store(settings.database_url)) as store, store.read() as connection:
        upgrade.check_current(connection)
        yield connection


@contextmanager
def _writing() -> Iterator[Connection]:
    settings = read_settings(os.environ)
    check_database_file(settings)
    with locked(settings), closing(Store(settings.database_url)) as store, store.write() as connection:
        upgrade.check_current(connection)
        yield connection


# --- people ----------------------------------------------------------------------------------------------------------


@click.group()
def user() -> None:
    """账号 · accounts."""


@user.command("add")
@click.argument("name")
@click.option("--organisation", required=True, help="所属主体编号 · the code of the organisation")
@_roles
@_password_stdin
@json_option
def add_user(*, name: str, organisation: str, roles: tuple[str, ...], password_stdin: bool) -> None:
    """新增账号 · Add an account."""
    password = read_password(from_stdin=password_stdin)
    with working_service(read_settings(os.environ)) as service:
        with service.store.read() as connection:
            check_registered(connection, organisation, roles)
        account = add_account(service, name, organisation, roles, password)
    tell(_shown_account(account), "account-added", name=account.name, organisation=organisation)


@user.command("list")
@click.option("--organisation", help="只列出该主体 · only this organisation")
@json_option
def list_users(organisation: str | None) -> None:
    """列出账号 · List the accounts."""
    with _reading() as connection:
        found = accounts.list_accounts(connection, organisation)
    columns = ("name", "organisation", "roles", "account", "created_at", "closed_at")
    print_rows(columns, map(_for_people, map(_shown_account, found)))


@user.command("close")
@click.argument("name")
@json_option
def close_user(name: str) -> None:
    """关闭账号，其登录与令牌随即失效 · Close an account, its sessions and tokens with it."""
    with _writing() as connection:
        accounts.close_account(connection, name, SYSTEM_CLOCK.now_ms())
    tell({"ok": True, "name": name}, "account-closed", name=name)


@user.command("password")
@click.argument("name")
@_password_stdin
@json_option
def set_password(*, name: str, password_stdin: bool) -> None:
    """重设密码，并结束该账号的所有登录 · Set another password and end all sessions."""
    password = read_password(from_stdin=password_stdin)
    settings = read_settings(os.environ)
    check_database_file(settings)
    with locked(settings), closing(Store(settings.database_url)) as store:
        with store.read() as connection:
            upgrade.check_current(connection)
        accounts.reset_password(store, argon2_passwords(), name, password)
    tell({"ok": True, "name": name}, "password-changed", name=name)


# --- organisations ---------------------------------------------------------------------------------------------------


@click.group()
def org() -> None:
    """主体 · organisations."""


@org.command("add")
@click.argument("code")
@click.option("--name", required=True, help="名称 · name")
@click.option(
    "--type",
    "subject_type",
    required=True,
    type=click.Choice([option.value for option in SUBJECT_TYPE.options]),
    help="主体类型 · type",
)
@_roles
@click.option("--division", help="行政区划代码 · administrative division code")
@click.option(
    "--as", "actor", default="operator", show_default=True, help="以哪个运营账号登记 · acting account"
)
@click.option(
    "--again",
    is_flag=True,
    help="已登记的主体重新登记：写出的取代原有的，其余照旧 · register a known one anew; what is not given stays",
)
@json_option
def add_organisation(
    *,
    code: str,
    name: str,
    subject_type: str,
    roles: tuple[str, ...],
    division: str | None,
    actor: str,
    again: bool,
) -> None:
    """登记主体（写入账本）· Register an organisation, as an entry of the ledger."""
    organisation = Organisation(code, name, subject_type, roles, division)
    with working_service(read_settings(os.environ)) as service:
        with service.store.read() as connection:
            author = accounts.account_of(connection, actor).author
            before = _registered_facts(connection).get(code, {})
        if before and not again:
            raise _known_already(code, before)
        receipt = register_organisation(service, organisation, author, before)
    told = {
        "ok": True,
        "seq": receipt.seq,
        "entry_hash": receipt.entry_hash.hex(),
        "event_id": receipt.event_id,
    }
    tell(told, "organisation-added", code=code, seq=receipt.seq)


@org.command("list")
@json_option
def list_organisations() -> None:
    """列出已登记的主体 · List the registered organisations."""
    with _reading() as connection:
        found = registered_organisations(connection)
    print_rows(("code", "name", "subject_type", "roles", "status"), map(_for_people, found))


# --- tokens ----------------------------------------------------------------------------------------------------------


@click.group()
def token() -> None:
    """程序用的令牌 · bearer tokens for programs."""


@token.command("add")
@click.argument("token_name")
@click.option("--account", required=True, help="账号 · the account it speaks for")
@json_option
def add_token(token_name: str, account: str) -> None:
    """签发令牌，只显示这一次 · Issue a token; it is shown this once."""
    with _writing() as connection:
        owner = accounts.account_of(connection, account)
        secret = sessions.issue_token(connection, owner, token_name, os.urandom, SYSTEM_CLOCK.now_ms())
    tell({"ok": True, "name": token_name, "token": secret}, "token-added", token=secret)


@token.command("list")
@click.option("--account", required=True, help="账号 · account")
@json_option
def list_tokens(account: str) -> None:
    """列出账号的令牌 · List the tokens of an account."""
    with _reading() as connection:
        owner = accounts.account_of(connection, account)
        found = sessions.list_tokens(connection, owner)
    rows = (
        {
            "name": each.token_name,
            "created_at": shown_moment(each.created_ms),
            "revoked_at": None if each.revoked_ms is None else shown_moment(each.revoked_ms),
        }
        for each in found
    )
    print_rows(("name", "created_at", "revoked_at"), rows)


@token.command("revoke")
@click.argument("token_name")
@click.option("--account", required=True, help="账号 · account")
@json_option
def revoke_token(token_name: str, account: str) -> None:
    """作废令牌 · Revoke a token."""
    with _writing() as connection:
        owner = accounts.account_of(connection, account)
        sessions.revoke_token(connection, owner, token_name, SYSTEM_CLOCK.now_ms())
    tell({"ok": True, "name": token_name}, "token-revoked", name=token_name)


COMMANDS = (user, org, token)


def registered_organisations(connection: Connection) -> list[dict[str, Any]]:
    """The organisations as they are registered now, by code."""
    known = ("name", "subject_type", "roles", "status")
    found = _registered_facts(connection)
    return [{"code": code, **{name: facts.get(name) for name in known}} for code, facts in found.items()]


def _registered_facts(connection: Connection) -> dict[str, dict[str, Any]]:
    """All that is registered of each organisation, by code."""
    query = (
        select(register.c.code, register.c.data)
        .where(register.c.kind == "organisation", register.c.withdrawn_seq.is_(None))
        .order_by(register.c.code, register.c.seq)
    )
    return {row.code: canonical.load(row.data.encode()) for row in connection.execute(query)}


def _known_already(code: str, facts: Mapping[str, Any]) -> Conflict:
    """Why an organisation is not registered a second time unasked: it would quietly be another from then on."""
    said = {
        f"{part}_{told}": _worded(value, told)
        for told in sentences.LANGUAGES
        for part, value in (("type", facts.get("subject_type")), ("roles", facts.get("roles")))
    }
    return Conflict("organisation-known", code=code, name=facts.get("name"), **said)


def _for_people(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of a table with words instead of values, for a person; a name stays as it is typed."""
    if wants_json():
        return row
    return {
        column: _worded(value, language()) if column in _OF_WORDS else value for column, value in row.items()
    }


def _worded(value: object, told: str) -> object:
    if isinstance(value, list | tuple):
        return ("、" if told == "zh" else ", ").join(str(_worded(each, told)) for each in value)
    word = _WORDS.get(value) if isinstance(value, str) else None
    return value if word is None else word.zh if told == "zh" else word.en


def check_registered(connection: Connection, code: str, roles: Sequence[str]) -> None:
    """Raise Unknown where no organisation of this code is registered, InvalidEvent for roles that it does not have.

    The ledger shows in which roles an organisation speaks; an account in another would speak as what it is not.
    """
    found = [each["roles"] or () for each in registered_organisations(connection) if each["code"] == code]
    if not found:
        raise Unknown("unknown-organisation", code=code)
    foreign = [role for role in roles if role not in found[0]]
    if foreign:
        names = {"organisation": code}
        raise InvalidEvent(
            [Problem("/roles", "role-not-registered", {"role": role, **names}) for role in foreign]
        )


def _shown_account(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "organisation": account.organisation,
        "roles": sorted(account.roles),
        "account": account.account,
        "created_at": shown_moment(account.created_ms),
        "closed_at": None if account.closed_ms is None else shown_moment(account.closed_ms),
    }
