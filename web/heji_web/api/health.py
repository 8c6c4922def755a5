"""Is it alive, and is it ready: for probes, load balancers and the person who is called at night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from heji_migrations import upgrade
from heji_trace.errors import HejiError, LedgerBusy, Untrusted
from heji_trace.ledger import ledger
from heji_web.requests.operations import ANY_OBJECT, Answer, Operation
from heji_web.service.service import Service, the_service

blueprint = Blueprint("health", __name__)

_CHECKS = Answer("就绪检查结果", "the checks", {"application/json": ANY_OBJECT})
OPERATIONS = (
    Operation(
        "get",
        "/healthz",
        "health",
        "服务进程是否存活",
        "Whether the process answers",
        {200: Answer("存活", "alive", {"application/json": ANY_OBJECT})},
        is_open=True,
    ),
    Operation(
        "get",
        "/readyz",
        "health",
        "服务是否就绪：数据库、表结构、记录线程、账本头",
        "Whether requests can be served: database, schema, recorder, remembered head",
        {200: _CHECKS, 503: _CHECKS},
        is_open=True,
    ),
)

# The first version in which two connections can no longer lose the write-ahead log's reset.
_SAFE_SQLITE = (3, 51, 3)

Check = Mapping[str, Any]


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return jsonify(ok=True)


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 where requests can be served, else 503 with the checks that failed."""
    checks = check_service(the_service())
    ready = all(check["ok"] for check in checks.values())
    return jsonify(ok=ready, checks=checks), 200 if ready else 503


def check_service(service: Service) -> dict[str, Check]:
    """What a running service depends on: each check with `ok`, and with the `code` of its sentence where it fails."""
    return {
        "database": check_database(service),
        "schema": check_schema(service),
        "recorder": check_recorder(service),
        "head": check_head(service),
    }


def check_database(service: Service) -> Check:
    """Whether the database answers, and which it is."""
    kind = service.store.dialect
    query = "SELECT sqlite_version()" if kind == "sqlite" else "SHOW server_version"
    try:
        with service.store.read() as connection:
            version = str(connection.execute(text(query)).scalar_one())
    except HejiError as error:
        return {"kind": kind, **failed(error)}
    if service.store.misplaced is not None:
        return {"kind": kind, **failed(LedgerBusy(service.store.misplaced))}
    check: dict[str, Any] = {"ok": True, "kind": kind, "version": version}
    if kind == "sqlite":
        # Sound all the same: this process has one writing connection, which owns every checkpoint.
        check["single_process"] = True
        check["fixed_wal_reset"] = tuple(int(part) for part in version.split(".")) >= _SAFE_SQLITE
    return check


def check_schema(service: Service) -> Check:
    """Whether the tables and their triggers are those of this version."""
    try:
        with service.store.read() as connection:
            upgrade.check_current(connection)
    except HejiError as error:
        return failed(error)
    return {"ok": True}


def check_recorder(service: Service) -> Check:
    """Whether statements are taken."""
    recorder = service.recorder
    refused = recorder.fault or recorder.refusal
    if refused is not None:
        return failed(refused)
    return {"ok": True} if recorder.is_alive else failed(LedgerBusy())


def check_head(service: Service) -> Check:
    """Whether the remembered head is one that the ledger has reached; a group that is just written may be ahead."""
    try:
        # In this order: the head follows the ledger, never the other way round.
        remembered = service.head.read()
        with service.store.read() as connection:
            size = ledger.size_of(connection)
    except HejiError as error:
        return failed(error)
    if remembered is None:
        return failed(Untrusted("head-missing"))
    if size < remembered.size:
        return failed(Untrusted("ledger-behind", size=size, remembered=remembered.size))
    return {"ok": True, "size": size, "remembered": remembered.size}


def failed(error: HejiError) -> Check:
    """A check that ended with an error, with the error's sentences."""
    return {"ok": False, "code": error.code, "zh": error.sentence("zh"), "en": error.sentence("en")}
