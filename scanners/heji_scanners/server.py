"""The server as the field client talks to it: one request, one whole answer, or none.

Built on `http.client`, which neither repeats a request, nor follows a redirect, nor takes half an answer for a whole.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from select import select
from typing import Any, Final
from urllib.parse import quote, urlsplit

from heji_trace.errors import ServerUnreachable, Untrusted
from heji_trace.events.sheets.workbooks import ZIP
from heji_trace.proving.checkpoint import parse_verifier_key

_SILENCE_SECONDS: Final = 30
_ANSWER_SECONDS: Final = 180
_MOST_ANSWER: Final = 64 * 1024 * 1024
_PIECE: Final = 64 * 1024
# The bytes that a busy server surely records in a second: it is waited for so much longer.
_RECORDED_A_SECOND: Final = 10_000
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `document` is the JSON object in it, {} where something else came."""

    status: int
    document: Mapping[str, Any]
    retry_after: float | None = None


class Server:
    """The server at `address`, spoken to with a bearer token over one connection that is kept open.

    `silence` is how many seconds nothing may come, `monotonic` the clock by which a whole answer is waited for.
    """

    def __init__(
        self, address: str, token: str, monotonic: Callable[[], float], silence: float = _SILENCE_SECONDS
    ) -> None:
        self.address = address
        self.token = token
        self._monotonic = monotonic
        self._silence = silence
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=silence, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=silence)
        )

    def close(self) -> None:
        """End the connection; the next request opens another."""
        self._connection.close()

    def post_event(self, body: bytes) -> Answer:
        """Send one event."""
        return self._post("/api/v1/events", body, _JSON)

    def post_all(self, body: bytes, name: str) -> Answer:
        """Send a JSON array of events, recorded wholly or not at all; the server lists it under `name`."""
        return self._post(f"/api/v1/events/bulk?name={quote(name, safe='')}", body, _JSON)

    def post_file(self, data: bytes, name: str, acknowledged: tuple[str, ...]) -> Answer:
        """Send the file of an instrument."""
        query = f"?name={quote(name, safe='')}"
        if acknowledged:
            query += f"&acknowledged={quote(','.join(acknowledged))}"
        return self._post(f"/api/v1/lab/imports{query}", data, "application/octet-stream")

    def get_template(self, kind: str, told: str) -> bytes:
        """The empty sheet of a kind with the lists of the sender's organisation, its headings in the language `told`.

        Raises ServerUnreachable where the server gives none, as one does that is older than this program.
        """
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": told}
        status, data, _ = self._request("GET", f"/api/v1/templates/{kind}.xlsx", None, headers)
        if status != http.HTTPStatus.OK or not data.startswith(ZIP):
            raise ServerUnreachable("scan-no-template", status=status)
        return data

    def log_name(self) -> str:
        """The name of the ledger behind the address, which outlives addresses; raises ServerUnreachable."""
        status, data, _ = self._request("GET", "/log/key", None, {})
        try:
            if status != http.HTTPStatus.OK:
                raise ServerUnreachable("scan-not-heji", address=self.address)
            return parse_verifier_key(data.decode("utf-8").strip()).name
        except (Untrusted, ValueError):
            # A portal that wants its conditions accepted first, or the address of something else.
            raise ServerUnreachable("scan-not-heji", address=self.address) from None

    def get_event(self, event_id: str) -> Answer:
        """Ask for an event and its place in the ledger."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": _JSON}
        return _answer(*self._request("GET", f"/api/v1/events/{quote(event_id, safe='')}", None, headers))

    def get_log(self, path: str) -> bytes | None:
        """What the open log has under a path, such as its checkpoint; None where it answers otherwise."""
        status, data, _ = self._request("GET", f"/log/{path}", None, {})
        return data if status == http.HTTPStatus.OK else None

    def _post(self, path: str, body: bytes, media: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media, "Accept": _JSON}
        return _answer(*self._request("POST", path, body, headers))

    def _request(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        if self._connection.sock is not None and select([self._connection.sock], [], [], 0)[0]:
            # It was closed while nothing was asked, or holds an answer that nobody waits for.
            self.close()
        try:
            if self._connection.sock is None:
                self._connection.connect()
        except OSError as error:
            self.close()
            raise ServerUnreachable("scan-server-unreachable", reason=error.strerror or error) from error
        line = self._connection.sock
        said = {"User-Agent": f"heji-scan/{version('heji')}", **headers}
        said |= {"Content-Length": str(len(body))} if body else {}
        try:
            # As a stream it goes in pieces, each of which may take its time; in one piece the whole may not.
            line.settimeout(self._silence)
            self._connection.request(method, path, BytesIO(body) if body else None, said)
            line.settimeout(self._silence + len(body or b"") / _RECORDED_A_SECOND)
            answer = self._connection.getresponse()
            with closing(answer):
                return answer.status, self._read(answer), answer.headers
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise ServerUnreachable("scan-answer-torn", reason=str(error) or type(error).__name__) from error

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        """The whole body; raises for one that is cut, too long, or drips for ever."""
        if answer.length is None and not answer.chunked:
            # Of an answer that says no length nobody can tell whether this is all of it.
            raise http.client.HTTPException("no length")
        end = self._monotonic() + _ANSWER_SECONDS
        pieces: list[bytes] = []
        size = 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_ANSWER or self._monotonic() > end:
                raise http.client.HTTPException("too long")
        if answer.length:
            # `read1` ends quietly where the connection was cut before the announced length.
            raise http.client.IncompleteRead(b"", answer.length)
        return b"".join(pieces)


def _answer(status: int, data: bytes, answered: http.client.HTTPMessage) -> Answer:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = {}
    retry_after = answered.get("Retry-After", "")
    return Answer(
        status,
        document if isinstance(document, dict) else {},
        float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )
