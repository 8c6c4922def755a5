"""Files that the commands of the field write: whole, and never over what somebody may have filled in or mended."""

from __future__ import annotations

import os
from pathlib import Path

from heji_trace.errors import Misconfigured

_FOR_ITS_OWNER = 0o600
_AS_USUAL = 0o666


def write_file(path: Path, data: bytes, *, overwrite: bool, private: bool = False) -> None:
    """Write a file, which its owner alone may read where it is `private`.

    Raises Misconfigured where it cannot be written, and for one that is there unless it is to be written over.
    """
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if overwrite else os.O_EXCL) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, _FOR_ITS_OWNER if private else _AS_USUAL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except FileExistsError:
        raise Misconfigured("scan-file-exists", name=path) from None
    except OSError as error:
        raise Misconfigured("scan-file-unwritable", name=path, reason=error.strerror) from None
