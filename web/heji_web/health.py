"""Is it alive, and is it ready: for probes, load balancers and the person who is called at night."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text

from heji_trace.errors import HejiError
from heji_web.service import the_service

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return jsonify(ok=True)


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """200 where requests can be served, else 503 with the checks that failed."""
    checks = {"database": database_check()}
    ready = all(check["ok"] for check in checks.values())
    return jsonify(ok=ready, checks=checks), 200 if ready else 503


def database_check() -> dict[str, Any]:
    """Whether the database answers, and which it is."""
    store = the_service().store
    version = "SELECT sqlite_version()" if store.dialect == "sqlite" else "SHOW server_version"
    try:
        with store.read() as connection:
            return {
                "ok": True,
                "kind": store.dialect,
                "version": connection.execute(text(version)).scalar_one(),
            }
    except HejiError as error:
        return {"ok": False, "kind": store.dialect, "code": error.code}
