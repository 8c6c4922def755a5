"""The description of the API for programs (OpenAPI 3.1), and the page on which a person can try it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from apispec import APISpec
from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue

from heji_trace import sentences
from heji_trace.errors import HejiError
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.openapi import json_schema
from heji_web.api import doors, health, log
from heji_web.consumer import consumer
from heji_web.requests import metrics
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.requests.operations import Operation, Parameter, Schema
from heji_web.requests.problems import MEDIA_TYPE, STATUS
from heji_web.service.service import the_service

blueprint = Blueprint("openapi", __name__)
blueprint.after_request(permit_scripts)

# Each door adds its table here; a test finds the route that none describes.
OPERATIONS: tuple[Operation, ...] = (
    *doors.OPERATIONS,
    *consumer.OPERATIONS,
    *health.OPERATIONS,
    *log.OPERATIONS,
    *metrics.OPERATIONS,
)

_PROBLEM = "Problem"


@blueprint.get("/api/openapi.json")
def describe() -> ResponseReturnValue:
    """The description: a quarter of a megabyte, put together once, because anybody may ask for it."""
    return Response(_dumped(the_service().settings.base_url), mimetype="application/json")


@cache
def _dumped(base_url: str) -> bytes:
    return json.dumps(description(OPERATIONS, base_url), ensure_ascii=False).encode()


@blueprint.get("/api/docs")
def docs() -> ResponseReturnValue:
    """All operations with a form to try each, and all errors under the anchors that problems name."""
    told = [(kind.default_code, int(status), _meaning(kind)) for kind, status in STATUS.items()]
    return render_template("api_docs.html", operations=OPERATIONS, errors=told, kinds=KINDS.values())


def _meaning(kind: type[HejiError]) -> str:
    """The sentence of an error, with an ellipsis for what varies."""
    said = sentences.catalogue()[kind.default_code][language()]
    return re.sub(r"\{\w+\}", "…", said)


def description(operations: tuple[Operation, ...], base_url: str) -> dict[str, Any]:
    """The OpenAPI document of these operations."""
    spec = APISpec(
        title="禾迹 Heji",
        version="1",
        openapi_version="3.1.0",
        info={
            "description": "食品追溯账本的接口。Events of a county's food, on a ledger that anybody can verify.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        servers=[{"url": base_url}],
    )
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for kind in KINDS.values():
        spec.components.schema(f"Event-{kind.name}", json_schema(kind))
    references = {kind: f"#/components/schemas/Event-{kind}" for kind in KINDS}
    spec.components.schema(
        "Event",
        {
            "oneOf": [{"$ref": reference} for reference in references.values()],
            "discriminator": {"propertyName": "kind", "mapping": references},
        },
    )
    spec.components.schema("Receipt", _RECEIPT_SCHEMA)
    spec.components.schema(_PROBLEM, _PROBLEM_SCHEMA)
    by_path: dict[str, dict[str, Any]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = _dump_operation(operation)
    for path, methods in by_path.items():
        spec.path(path, operations=methods)
    document: dict[str, Any] = spec.to_dict()
    return document


def _dump_operation(operation: Operation) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): {
            "description": f"{answer.zh} · {answer.en}",
            **({"content": _content(answer.media)} if answer.media else {}),
        }
        for status, answer in operation.answers.items()
    }
    responses["default"] = {
        "description": "问题详情 · Problem details (RFC 9457)",
        "content": _content({MEDIA_TYPE: {"$ref": f"#/components/schemas/{_PROBLEM}"}}),
    }
    dumped: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": f"{operation.zh} · {operation.en}",
        "security": [] if operation.is_open else [{"bearer": []}],
        "responses": responses,
    }
    if operation.parameters:
        dumped["parameters"] = [_dump_parameter(each) for each in operation.parameters]
    if operation.body:
        dumped["requestBody"] = {"required": True, "content": _content(operation.body)}
    return dumped


def _dump_parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required or parameter.place == "path",
        "description": f"{parameter.zh} · {parameter.en}",
        "schema": dict(parameter.schema),
    }


def _content(media: Mapping[str, Schema]) -> dict[str, Any]:
    return {media_type: {"schema": dict(schema)} for media_type, schema in media.items()}


_SENTENCES = {
    "code": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
    "zh": {"type": "string"},
    "en": {"type": "string"},
}

_RECEIPT_SCHEMA = {
    "type": "object",
    "description": "回执：记录在账本中的位置 · where the event stands in the ledger",
    "required": ["seq", "entry_hash", "recorded_at", "event_id", "warnings", "proof_url"],
    "properties": {
        "seq": {"type": "integer", "minimum": 0},
        "entry_hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "recorded_at": {"type": "string", "format": "date-time"},
        "event_id": {"type": "string", "format": "uuid"},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "proof_url": {"type": "string", "format": "uri"},
    },
}

_PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "detail_zh", "detail_en"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "detail_zh": {"type": "string"},
        "detail_en": {"type": "string"},
        "request": {"type": "string"},
        "problems": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "zh", "en"],
                "properties": {
                    "pointer": {"type": "string"},
                    **_SENTENCES,
                    "line": {"type": "integer", "minimum": 1},
                    "column": {"type": "string"},
                },
            },
        },
        "questions": {
            "type": "array",
            "description": "确认后放入 acknowledged 再提交 · confirm them under `acknowledged`",
            "items": {
                "type": "object",
                "required": ["code", "zh", "en"],
                "properties": {**_SENTENCES, "pointer": {"type": "string"}},
            },
        },
    },
}
