"""Which sample a laboratory's result is about, where its file has no column for that."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from heji_trace.desks.targets import Reach, Target, find_target

_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,39}")
_MOST_WORDS = 20


def match_result(
    connection: Connection, reach: Reach, *, sample: str, batch: str, note: str
) -> Target | None:
    """The sample or batch that a result names in its columns or, where these are blank, somewhere in its note.

    None where nothing is named, or the note names two different things: then a person chooses.
    """
    named = sample or batch
    if named:
        return find_target(connection, reach, named)
    words = list(dict.fromkeys(_WORD.findall(note)))[:_MOST_WORDS]
    found = {target for word in words if (target := find_target(connection, reach, word)) is not None}
    return found.pop() if len(found) == 1 else None
