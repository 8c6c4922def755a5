"""Check characters: of GS1 keys, ISO 7064, GF(32), Chinese organisations and food producers.

Each `…_check` gives the character that ends a well-formed payload; a payload of other characters raises ValueError,
so that a caller tests the shape first. Each `is_…` takes any text at all.
"""

from __future__ import annotations

import re
from typing import Final

DIGITS: Final = "0123456789"
LETTERS_AND_DIGITS: Final = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Crockford's base 32: no I, L, O (read as 1 and 0) and no U.
BASE32: Final = DIGITS + "ABCDEFGHJKMNPQRSTVWXYZ"
# GB 32100-2015: no I, O, S, V, Z.
_USCC: Final = DIGITS + "ABCDEFGHJKLMNPQRTUWXY"
_USCC_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)

_USCC_SHAPE = re.compile(f"[1-9ANY][{_USCC}][0-9]{{6}}[{_USCC}]{{10}}")
_SC_SHAPE = re.compile(r"SC[0-9]{14}")

GTIN_LENGTHS: Final = (8, 12, 13, 14)
GLN_LENGTHS: Final = (13,)
SSCC_LENGTHS: Final = (18,)


def gs1_check(digits: str) -> str:
    """The last digit of a GTIN, GLN or SSCC (GS1 General Specifications 7.9.1: weights 3, 1 from the right)."""
    weighed = sum(DIGITS.index(digit) * (1 if at % 2 else 3) for at, digit in enumerate(reversed(digits)))
    return DIGITS[-weighed % 10]


def is_gs1_key(text: str, lengths: tuple[int, ...]) -> bool:
    """Whether the text is digits alone, of one of these lengths, with the right last one (no prefix is refused)."""
    return len(text) in lengths and _is_of(text, DIGITS) and gs1_check(text[:-1]) == text[-1]


def _is_of(text: str, alphabet: str) -> bool:
    return all(character in alphabet for character in text)


def _hybrid(payload: str, alphabet: str) -> str:
    """ISO 7064 hybrid system MOD M+1,M for an alphabet of M characters."""
    size = len(alphabet)
    state = size
    for character in payload:
        state = ((state + alphabet.index(character)) % size or size) * 2 % (size + 1)
    return alphabet[(1 - state) % size]


def mod11_10_check(digits: str) -> str:
    """The ISO 7064 MOD 11,10 digit: finds each changed digit and all but a fiftieth of swapped neighbours."""
    return _hybrid(digits, DIGITS)


def mod37_36_check(text: str) -> str:
    """The ISO 7064 MOD 37,36 character of digits and capitals: finds each change, nearly all swapped neighbours."""
    return _hybrid(text, LETTERS_AND_DIGITS)


def base32_check(text: str) -> str:
    """The check character of base-32 text: one Reed-Solomon symbol over GF(32), x⁵ + x² + 1.

    In texts of up to 31 characters it finds each changed character and each swapped pair, neighbours or not.
    """
    state = 0
    for character in text:
        state = _times_x(state ^ BASE32.index(character))
    return BASE32[state]


def _times_x(element: int) -> int:
    doubled = element << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled


def uscc_check(payload: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015: weights 3^i mod 31)."""
    weighed = sum(pow(3, at, 31) * _USCC.index(character) for at, character in enumerate(payload))
    return _USCC[-weighed % 31]


def organisation_check(payload: str) -> str:
    """The 9th character of an organisation code (GB 11714), which is the 17th of a unified social credit code."""
    values = (LETTERS_AND_DIGITS.index(character) for character in payload)
    remainder = sum(map(int.__mul__, _USCC_ORGANISATION_WEIGHTS, values)) % 11
    return "0X987654321"[remainder]


def is_uscc(text: str) -> bool:
    """Whether the text is a unified social credit code by shape and by both its check characters."""
    return (
        _USCC_SHAPE.fullmatch(text) is not None
        and organisation_check(text[8:16]) == text[16]
        and uscc_check(text[:17]) == text[17]
    )


def is_sc_number(text: str) -> bool:
    """Whether the text is a food production licence number: SC and 14 digits, the last by MOD 11,10 (GB/T 17710)."""
    return _SC_SHAPE.fullmatch(text) is not None and mod11_10_check(text[2:-1]) == text[-1]
