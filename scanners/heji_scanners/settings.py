"""Settings of the field client, read from the environment: which server, who sends, where the outbox lies."""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from heji_trace.errors import Misconfigured

SERVER: Final = "HEJI_SCAN_SERVER"
TOKEN: Final = "HEJI_SCAN_TOKEN"  # noqa: S105 - the name of a setting
OUTBOX: Final = "HEJI_SCAN_OUTBOX"
ORGANISATION: Final = "HEJI_SCAN_ORGANISATION"
_PREFIX: Final = "HEJI_SCAN_"
_KNOWN: Final = frozenset({SERVER, TOKEN, OUTBOX, ORGANISATION})
_LONGEST_TOKEN: Final = 4096


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What the field client was told; what only sending needs is "" or None until it is asked for.

    `server` is without a slash at the end, `token` the file of the bearer token, `organisation` answers for rows
    that name none.
    """

    server: str
    token: Path | None
    outbox: Path
    organisation: str | None


def read_settings(environment: Mapping[str, str]) -> ScanSettings:
    """The settings of an environment; raises Misconfigured for a bad value or a HEJI_SCAN_ name that none has."""
    given = {name: value.strip() for name, value in environment.items() if name.startswith(_PREFIX)}
    for name in sorted(given.keys() - _KNOWN):
        raise Misconfigured("unknown-setting", name=name)
    given = {name: value for name, value in given.items() if value}
    token = given.get(TOKEN)
    return ScanSettings(
        _parse_server(given[SERVER]) if SERVER in given else "",
        Path(token).expanduser() if token else None,
        Path(given.get(OUTBOX) or click.get_app_dir("heji-scan")).expanduser(),
        given.get(ORGANISATION),
    )


def server_of(settings: ScanSettings) -> str:
    """The address to send to; raises Misconfigured where none was set."""
    if not settings.server:
        raise Misconfigured("scan-setting-missing", name=SERVER)
    return settings.server


def read_token(settings: ScanSettings) -> str:
    """The bearer token in its file; raises Misconfigured where it is absent, no token, or readable by others."""
    path = settings.token
    if path is None:
        raise Misconfigured("scan-setting-missing", name=TOKEN)
    try:
        # Without O_NONBLOCK a named pipe in the token's place would stop the command for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            # Windows keeps no such bits; there the folder's own permissions have to do.
            if os.name == "posix" and mode & 0o077:
                raise Misconfigured("scan-token-readable", path=path, mode=f"{stat.S_IMODE(mode):04o}")
            data = file.read(_LONGEST_TOKEN + 1)
    except OSError as error:
        raise Misconfigured("scan-token-unreadable", path=path, reason=error.strerror) from None
    token = data.decode("ascii", "replace").strip()
    if not token or len(data) > _LONGEST_TOKEN or not all("!" <= sign <= "~" for sign in token):
        raise Misconfigured("scan-token-malformed", path=path)
    return token


def _parse_server(text: str) -> str:
    try:
        parts = urlsplit(text.rstrip("/"))
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise Misconfigured("scan-bad-server", name=SERVER, value=text)
    if parts.scheme == "http" and not _is_near(parts.hostname or ""):
        # The token and sealed values would cross strangers' networks in clear.
        raise Misconfigured("scan-server-without-tls", name=SERVER, value=text)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _is_near(host: str) -> bool:
    """Whether a host is this machine or in a private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host.lower() == "localhost"
