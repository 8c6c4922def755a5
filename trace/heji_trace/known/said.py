"""What entries said that the read tables do not hold in full: for rights, and for judging anew after a correction.

It is read from the ledger, but for what stands there only once the group is written: of that the state remembers more
than any group has. While tables are rebuilt beside a ledger, `State.ledger` is where the ledger lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from heji_trace.events.event import Event
from heji_trace.known.state import State
from heji_trace.known.statements import stated
from heji_trace.ledger.ledger import read_stored

_REMEMBERED = 2000
# Judged anew after a correction, or asked by what follows in the same group.
_ASKED_AGAIN = frozenset(
    {"receiving", "stock_count", "testing", "shipping", "collection", "grading", "packaging"}
)


def remember(state: State, seq: int, event: Event) -> None:
    """Keep in mind what entry `seq` says, where it may be asked before it is written."""
    said = stated(event)
    if event.kind == "correction" or said.kind in _ASKED_AGAIN:
        state.said[seq] = said
        if len(state.said) > _REMEMBERED:
            del state.said[next(iter(state.said))]


def said_by(state: State, seqs: Iterable[int]) -> Mapping[int, Event]:
    """What these entries say; of corrections, what they say instead."""
    wanted = dict.fromkeys(seqs)
    found = {seq: state.said[seq] for seq in wanted if seq in state.said}
    unread = [seq for seq in wanted if seq not in found]
    if unread:
        found |= {stored.seq: stated(stored.event) for stored in read_stored(state.ledger, unread)}
    return found
