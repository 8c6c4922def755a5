"""Secrets in files: read only where nobody else can read them, and refused where they could be guessed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from heji_trace.errors import Misconfigured

LEAST = 16
"""How many characters a secret has at least."""

_LEAST_DIFFERENT = 8
_MOST_BYTES = 4096


def read_secret_text(path: Path) -> str:
    """The one line of a file that holds a secret.

    Raises Misconfigured where it is absent, no ordinary file, readable by others than its owner, or not one line.
    """
    try:
        # Without O_NONBLOCK a named pipe in its place would stop the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Misconfigured("secret-damaged", path=path)
            check_private(path, mode)
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Misconfigured("secret-unreadable", path=path, reason=error.strerror) from None
    try:
        text = data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise Misconfigured("secret-damaged", path=path) from None
    if len(data) > _MOST_BYTES or not text.strip() or not text.isprintable():
        raise Misconfigured("secret-damaged", path=path)
    return text.strip()


def check_private(path: Path, mode: int) -> None:
    """Raise Misconfigured where a file's mode lets others than its owner have it."""
    if mode & 0o077:
        raise Misconfigured("secret-readable", path=path, mode=f"{stat.S_IMODE(mode):04o}")


def is_weak(secret: str, *known: str) -> bool:
    """Whether a secret could be guessed: short, of few different characters, or made of what is `known` beside it."""
    rest = secret.casefold()
    for word in sorted(filter(None, known), key=len, reverse=True):
        rest = rest.replace(word.casefold(), "")
    return len(rest) < LEAST or len(set(rest)) < _LEAST_DIFFERENT
