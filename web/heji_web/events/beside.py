"""What somebody may not say, told beside the field that says it, by the name of what it speaks of."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from heji_trace.errors import NotAllowed, Problem
from heji_trace.people.parties import Author
from heji_web.events import naming

# The place of what is refused, the word of its sentence that is a code, and what such a code names.
_PLACES: Mapping[str, tuple[str, str, str]] = {
    "cycle-of-another": ("/cycles", "cycle", "cycle"),
    "no-mandate": ("/organisation", "organisation", "organisation"),
    "organisation-closed": ("/organisation", "organisation", "organisation"),
    "result-of-another": ("/details/laboratory", "laboratory", "organisation"),
    "site-not-in-mandate": ("/site", "site", "site"),
    "site-of-another": ("/site", "site", "site"),
}


def beside(connection: Connection, author: Author, error: NotAllowed) -> Problem | None:
    """The problem of the one field that a refusal is about; None where it is about the statement as a whole."""
    if error.code not in _PLACES:
        return None
    pointer, word, kind = _PLACES[error.code]
    code = str(error.names[word])
    called = naming.names_of_codes(connection, author, {kind: {code}}).get(kind, {}).get(code, code)
    return Problem(pointer, error.code, {**error.names, word: called})
