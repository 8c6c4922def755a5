"""Who speaks with which token, remembered for a moment: a scale that sends a hundred events is looked up once."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from heji_trace.known.state import State
from heji_trace.people.parties import Author
from heji_trace.people.sessions import author_of_token
from heji_trace.rights.rights import in_force
from heji_trace.store.db import Store

_MOST = 1000
KEPT_SECONDS = 1.0
"""How long a token is taken that another process has revoked, or in a role that its organisation has lost meanwhile.

What this process revokes counts at once.
"""


class KeptAuthors:
    """The authors behind the tokens that one process was lately asked with; `monotonic` is in seconds."""

    def __init__(self, store: Store, monotonic: Callable[[], float]) -> None:
        self._store = store
        self._monotonic = monotonic
        # Only digests: a secret must not outlive its request in this process's memory.
        self._kept: dict[bytes, tuple[Author, int, float]] = {}

    def author_of(self, secret: str) -> Author:
        """Who speaks with this bearer token, in the roles that his organisation has now.

        Raises NotSignedIn where it is unknown or revoked.
        """
        digest = sha256(secret.encode("utf-8", "surrogatepass")).digest()
        now = self._monotonic()
        # Read before the database is: what changes meanwhile must be looked up again.
        changes = self._store.changes
        kept = self._kept.get(digest)
        if kept is not None and kept[1] == changes and now < kept[2]:
            return kept[0]
        with self._store.read() as connection:
            author = in_force(State(connection), author_of_token(connection, secret))
        if len(self._kept) >= _MOST:
            self._kept = {}
        self._kept[digest] = (author, changes, now + KEPT_SECONDS)
        return author
