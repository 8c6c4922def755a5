"""Unicode's normal forms, in a time that grows with the text alone."""

from __future__ import annotations

from itertools import groupby
from typing import Literal
from unicodedata import combining, normalize

Form = Literal["NFC", "NFKC"]

# Up to here the library's own order of marks costs less than looking for them.
_SHORT = 1000


def normal(form: Form, text: str) -> str:
    """The text in a normal form, as `unicodedata.normalize` gives it.

    The library puts a run of combining marks in order by insertion, and lets no other thread work meanwhile: a letter
    with a hundred thousand marks, which anybody may type as a name, would hold up everybody for half a minute.
    """
    if len(text) <= _SHORT or text.isascii():
        return normalize(form, text)
    parts = "".join(normalize("NFKD" if form == "NFKC" else "NFD", sign) for sign in text)
    # In order already, nothing is left to be put there; equal marks stay in theirs, as the standard asks.
    ordered = (sorted(run, key=combining) if is_run else run for is_run, run in groupby(parts, _is_mark))
    return normalize(form, "".join(sign for run in ordered for sign in run))


def _is_mark(sign: str) -> bool:
    return combining(sign) != 0
