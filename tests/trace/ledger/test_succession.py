from __future__ import annotations

import pytest

from heji_trace.errors import BadProof, BadSignature
from heji_trace.ledger.ledger import foundation_text
from heji_trace.ledger.succession import predecessors
from heji_trace.proving.checkpoint import sign_note
from heji_trace.proving.keys import Signer

FIRST, SECOND, THIRD = (
    Signer(name, bytes([number]) * 32)
    for number, name in enumerate(("h.cn/log", "h.cn/log-2", "h.cn/log-3"), 1)
)


def founded(signer: Signer, **facts: str) -> dict[str, str]:
    fixed = {"origin": signer.name, "verifier_key": signer.verifier_key, **facts}
    return {**fixed, "signature": sign_note(foundation_text(fixed), signer)}


def following(signer: Signer, before: dict[str, str], size: str) -> dict[str, str]:
    return founded(signer, previous=before["signature"], previous_size=size)


def test_a_log_that_continues_none_has_no_predecessors() -> None:
    assert predecessors(founded(FIRST)) == ()


def test_the_predecessors_are_named_with_their_sizes_the_latest_first() -> None:
    third = following(THIRD, following(SECOND, founded(FIRST), "40"), "90")
    assert [(each.key, each.size) for each in predecessors(third)] == [
        (SECOND.verifier, 90),
        (FIRST.verifier, 40),
    ]


def test_a_predecessor_that_did_not_sign_its_facts_is_none() -> None:
    forged = founded(FIRST)
    forged["signature"] = sign_note(forged["signature"].rpartition("\n\n")[0] + "\n", SECOND)
    with pytest.raises(BadSignature):
        predecessors(following(SECOND, forged, "40"))


@pytest.mark.parametrize("size", ["", "-1", "four", "４"])
def test_a_size_that_is_no_number_is_refused(size: str) -> None:
    with pytest.raises(BadProof):
        predecessors(following(SECOND, founded(FIRST), size))


@pytest.mark.parametrize("note", ["", "x", "heji.foundation.v1\n[]\n\n— a b\n"])
def test_a_text_that_is_no_foundation_is_refused(note: str) -> None:
    with pytest.raises(BadProof):
        predecessors({"previous": note, "previous_size": "1"})
