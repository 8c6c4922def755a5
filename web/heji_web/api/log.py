"""The open log: checkpoint, key and tiles, as C2SP tlog-tiles wants them served.

Nothing here is beyond the size in the durable head file: what is published once can never be taken back.
"""

from __future__ import annotations

from flask import Blueprint, Response
from sqlalchemy import Connection

from heji_trace.errors import Unknown
from heji_trace.ledger import ledger
from heji_trace.proving import merkle
from heji_trace.proving.merkle import TILE_WIDTH, Tile
from heji_web.requests.operations import TEXT, Answer, Operation, Parameter
from heji_web.service.service import the_service

blueprint = Blueprint("log", __name__, url_prefix="/log")

_PLAIN = {"text/plain": TEXT}
_BYTES = {"application/octet-stream": {"type": "string", "contentMediaType": "application/octet-stream"}}
OPERATIONS = (
    Operation(
        "get",
        "/log/checkpoint",
        "log",
        "最新的已签名检查点",
        "The newest signed checkpoint",
        {200: Answer("签名便笺", "a signed note", _PLAIN)},
        is_open=True,
    ),
    Operation(
        "get",
        "/log/key",
        "log",
        "验证公钥",
        "The verifier key",
        {200: Answer("验证公钥", "the verifier key", _PLAIN)},
        is_open=True,
    ),
    Operation(
        "get",
        "/log/tile/{tile}",
        "log",
        "哈希瓦片或条目瓦片",
        "A tile of hashes or a bundle of entries",
        {200: Answer("瓦片", "the tile", _BYTES), 404: Answer("没有该瓦片", "there is no such tile")},
        (
            Parameter(
                "tile", "C2SP tlog-tiles 路径", "a path of C2SP tlog-tiles", place="path", required=True
            ),
        ),
        is_open=True,
    ),
)


@blueprint.get("/checkpoint")
def checkpoint() -> Response:
    """The signed checkpoint of the durable size."""
    service = the_service()
    size = service.recorder.served_size()
    with service.store.read() as connection:
        note = ledger.find_note(connection, size)
    if note is None:
        raise Unknown
    return _plain(note, "public, max-age=2")


@blueprint.get("/key")
def key() -> Response:
    """The key by which the log's notes are verified."""
    return _plain(the_service().signer.verifier_key + "\n", "public, max-age=3600")


@blueprint.get("/tile/<path:tile>")
def tile(tile: str) -> Response:
    """One tile, the same for ever."""
    service = the_service()
    wanted = merkle.parse_tile_path(f"tile/{tile}")
    size = service.recorder.served_size()
    with service.store.read() as connection:
        data = _tile_bytes(connection, wanted, size)
    response = Response(data, mimetype="application/octet-stream")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _tile_bytes(connection: Connection, wanted: Tile, size: int) -> bytes:
    """The bytes of a tile whose entries all lie before `size`; raises Unknown for any other."""
    level = wanted.level or 0
    start, end = wanted.n * TILE_WIDTH, wanted.n * TILE_WIDTH + wanted.width
    if end > size >> (8 * level):
        raise Unknown
    if wanted.level is not None:
        return merkle.tile_hashes(level, wanted.n, wanted.width, ledger.hash_reader(connection))
    entries = ledger.read_entry_bytes(connection, start, end)
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _plain(text: str, caching: str) -> Response:
    response = Response(text, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = caching
    return response
