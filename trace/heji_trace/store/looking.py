"""Looks for bytes in files, in a process of its own: `python looking.py FILE…`, with a piece a line, in hexadecimal, to read.

A database's files are never opened in the process that has the database open. Locks belong to the process, and closing
a file gives back all those that it has on it: another process that hangs up then takes itself for the last one and
removes the write-ahead log, and with it what was committed and acknowledged.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Iterable
from pathlib import Path

ABSENT, FOUND = 0, 3


def look(files: Iterable[str], lines: Iterable[str]) -> int:
    """FOUND where one of the pieces stands in one of the files, else ABSENT."""
    pieces = {bytes.fromhex(line) for line in lines}
    return FOUND if any(_holds(file, pieces) for file in files) else ABSENT


def _holds(file: str, pieces: Iterable[bytes]) -> bool:
    with Path(file).open("rb") as opened:
        if not opened.seek(0, 2):
            return False
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return any(mapped.find(piece) >= 0 for piece in pieces)


if __name__ == "__main__":
    sys.exit(look(sys.argv[1:], sys.stdin))
