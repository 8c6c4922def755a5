"""The verdict: one level, one shape, one word and one sentence, before anything else on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from heji_trace import sentences
from heji_trace.judging.levels import LEVELS, LOUDNESS
from heji_trace.judging.wording import Said, said

SHAPES: Mapping[str, str] = MappingProxyType(
    {"red": "octagon", "orange": "triangle", "yellow": "diamond", "green": "circle", "grey": "ring"}
)
_BANNERS = ("yellow", "orange", "red")
_RANK = {code: at for at, code in enumerate(LEVELS)}
# These say nothing about eating, so they decide only where no other warning of their level does.
_ON_PAPER = frozenset({"CERT_FALSE", "CERT_EXPIRED", "CERT_UNVERIFIED"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the first screen says.

    `code` is the warning that decides, empty where none does; `act` is what it tells the reader to do, and `more` counts
    the further ones that stand below.
    """

    level: str
    shape: str
    word: Said
    sentence: Said
    code: str = ""
    more: int = 0
    act: Said | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """What favourable results the public may see of the batch.

    `conforming` counts the readings of final laboratory results that conform to the limits of `editions`. `otherwise`
    is what may be said where there is none: "laboratory" for results that no edition judges, "rapid" for a negative
    screening, "reference" for one whose method was made for other goods, "self_check" for the producer's own word
    alone, "awaited" for a sample without its result, else empty.
    """

    conforming: int = 0
    editions: Said | None = None
    otherwise: str = ""
    policy_met: bool = True


def judge_warnings(live: Sequence[tuple[str, Said]], tested: Passed) -> Verdict:
    """The verdict of a batch: its loudest live warning (code and sentence), else what its tests say.

    Blue lines are notices and change no verdict.
    """
    loud = sorted(
        ((code, sentence) for code, sentence in live if LEVELS[code].consumer in _BANNERS), key=_loudest_first
    )
    if loud:
        code, sentence = loud[0]
        return warned(code, sentence, len(loud) - 1)
    if tested.conforming and tested.policy_met and tested.editions is not None:
        names = {"count": tested.conforming, "edition": tested.editions}
        return _verdict("green", said("verdict-conforming", **names))
    if tested.otherwise:
        key = tested.otherwise.replace("_", "-")
        return Verdict("grey", SHAPES["grey"], said(f"word-{key}"), said(f"verdict-{key}"))
    return _verdict("grey", said("verdict-untested"))


def warned(code: str, sentence: Said, more: int = 0) -> Verdict:
    """The verdict that one warning decides, with what it tells the reader to do."""
    level = LEVELS[code].consumer
    own = f"word-{code}"
    word = said(own if own in sentences.catalogue() else f"word-{level}")
    return Verdict(level, SHAPES[level], word, sentence, code, more, said(f"act-{code}"))


def judge_code(standing: str) -> Verdict:
    """The verdict on a code that leads to no batch: `unknown`, `mistyped`, `void` or `unbound`."""
    level = "grey" if standing in ("mistyped", "unbound") else "orange"
    code = f"CODE_{standing.upper()}"
    return Verdict(level, SHAPES[level], said(f"word-{standing}"), said(f"code-{standing}"), code)


def _verdict(level: str, sentence: Said) -> Verdict:
    return Verdict(level, SHAPES[level], said(f"word-{level}"), sentence)


def _loudest_first(warning: tuple[str, Said]) -> tuple[int, bool, int]:
    code = warning[0]
    return -LOUDNESS.index(LEVELS[code].consumer), code in _ON_PAPER, _RANK[code]
