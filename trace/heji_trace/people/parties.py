"""Who speaks: the author of a statement and the roles an organisation can have."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = (
    "producer",
    "processor",
    "station",
    "carrier",
    "shop",
    "service",
    "laboratory",
    "third_party_laboratory",
    "regulator",
    "operator",
)


@dataclass(frozen=True, slots=True)
class Author:
    """The account that makes a statement, and the organisation and roles it speaks with.

    `account` is the opaque identifier that the ledger keeps as `actor`, never a person's name.
    """

    account: str
    organisation: str
    roles: frozenset[str]
