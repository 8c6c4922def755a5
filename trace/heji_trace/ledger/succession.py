"""A log that goes on under a new name, because a restore was behind what the old one had already signed.

The entries and the checkpoints of the old log stay as they are; the fixed facts of the new one carry those of the old,
so that the signatures up to the seam still verify with the old key and those behind it only with the new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert

from heji_trace.errors import BadProof
from heji_trace.ledger.ledger import foundation_text, parse_foundation
from heji_trace.proving.checkpoint import VerifierKey, open_note, parse_verifier_key, sign_note
from heji_trace.proving.keys import Signer
from heji_trace.store.tables import foundation

_MOST = 100


@dataclass(frozen=True, slots=True)
class Predecessor:
    """A log that this one continues: its key, and the size up to which its signatures count here."""

    key: VerifierKey
    size: int


def found_successor(connection: Connection, signer: Signer, old_facts: Mapping[str, str], size: int) -> None:
    """Fix and sign the facts of a log that continues, behind its first `size` entries, the log of `old_facts`."""
    fixed = {
        "origin": signer.name,
        "verifier_key": signer.verifier_key,
        "previous": old_facts["signature"],
        "previous_size": str(size),
    }
    fixed["signature"] = sign_note(foundation_text(fixed), signer)
    connection.execute(insert(foundation), [{"name": name, "value": value} for name, value in fixed.items()])


def predecessors(facts: Mapping[str, str]) -> tuple[Predecessor, ...]:
    """The logs that came before, the latest first, from the fixed facts of this one.

    Raises BadProof or BadSignature where they do not hold; the facts themselves are signed by this log's key, which
    others check.
    """
    found: list[Predecessor] = []
    while "previous" in facts:
        if len(found) == _MOST:
            raise BadProof("foundation-form")
        note, size = facts["previous"], facts.get("previous_size", "")
        facts = parse_foundation(note.rpartition("\n\n")[0] + "\n")
        key = parse_verifier_key(str(facts.get("verifier_key")))
        open_note(note, [key])
        if not (size.isascii() and size.isdigit()):
            raise BadProof("foundation-form")
        found.append(Predecessor(key, int(size)))
    return tuple(found)
