"""The codes of a batch: its trace code, its telephone code, their addresses, and what a scanned text turns out to be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.identifiers import checks, gs1

TRACE_CODE_LENGTH: Final = 16
_RANDOM_CHARACTERS = TRACE_CODE_LENGTH - 1  # 75 bits
_GROUP = 4

_TRACE_CODE = re.compile(f"[{checks.BASE32}]{{{TRACE_CODE_LENGTH}}}")
_PHONE_CODE = re.compile(r"[1-9][0-9]{9}")
_BATCH = re.compile(r"[A-Za-z0-9-]{1,20}")
_GAPS = re.compile(r"[\s\-‐‑–—－·.]+")
_FULL_WIDTH = {at + 0xFEE0: at for at in range(0x21, 0x7F)}
_CONFUSABLE = str.maketrans("OIL", "011")
_OWN_PATH = re.compile(r"(?:/[^/]+)*/t/([^/]+?)(?:\.json|/proof)?/?")
_GTIN_SYMBOLS = {"]E0": 13, "]E4": 8}


@dataclass(frozen=True, slots=True)
class OwnCode:
    """A trace code of this system, bare or in an address; `url` is the address that carried it."""

    trace_code: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class PhoneCode:
    """The ten digits that are typed on a telephone."""

    phone_code: str


@dataclass(frozen=True, slots=True)
class Gs1:
    """GS1 data: an element string, a Digital Link (then with its `url`) or a bare GTIN."""

    elements: tuple[gs1.Element, ...]
    url: str | None = None

    def find(self, ai: str) -> str | None:
        """The value under an application identifier."""
        return next((element.value for element in self.elements if element.ai == ai), None)

    def find_trace_code(self) -> str | None:
        """The serial, AI (21), where it is a trace code of this system."""
        return find_trace_code(self.find("21") or "")


@dataclass(frozen=True, slots=True)
class PlainText:
    """Anything else."""

    text: str


Scan = OwnCode | PhoneCode | Gs1 | PlainText


def make_trace_code(random: Callable[[int], bytes]) -> str:
    """A new trace code: 15 base-32 characters of 75 random bits and a check character, without groups.

    `random` gives that many unguessable bytes, as `secrets.token_bytes` does.
    """
    bits = int.from_bytes(random(10), "big")
    payload = "".join(checks.BASE32[bits >> 5 * at & 31] for at in range(_RANDOM_CHARACTERS))
    return payload + checks.base32_check(payload)


def is_trace_code(text: str) -> bool:
    """Whether the text is a trace code exactly as made, its check character included."""
    return _TRACE_CODE.fullmatch(text) is not None and checks.base32_check(text[:-1]) == text[-1]


def _folded(text: str) -> str:
    """As typed by people: full-width letters, blanks and hyphens between groups, lower case."""
    return _GAPS.sub("", text.translate(_FULL_WIDTH)).upper()


def find_trace_code(text: str) -> str | None:
    """The trace code that people wrote with blanks, hyphens, lower case, O for 0 or I and L for 1, if it is one."""
    code = _folded(text).translate(_CONFUSABLE)
    return code if is_trace_code(code) else None


def parse_trace_code(text: str) -> str:
    """The same as `find_trace_code`; raises InvalidEvent where the check character does not fit."""
    code = find_trace_code(text)
    if code is None:
        raise InvalidEvent([Problem("", "bad-trace-code", {"text": text})])
    return code


def dump_trace_code(code: str) -> str:
    """The trace code in four groups of four, as people read it."""
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def make_phone_code(random: Callable[[int], bytes]) -> str:
    """A new telephone code: ten digits, the last by ISO 7064 MOD 11,10, the first never 0.

    MOD 11,10 misses a fiftieth of swapped neighbours; a code with such a pair is not made, so each swap is found.
    """
    while True:
        payload = str(10**8 + int.from_bytes(random(8), "big") % (9 * 10**8))
        code = payload + checks.mod11_10_check(payload)
        if not any(is_phone_code(swapped) for swapped in _swapped(code)):
            return code


def _swapped(code: str) -> list[str]:
    pairs = ((at, code[at : at + 2]) for at in range(len(code) - 1))
    return [code[:at] + pair[::-1] + code[at + 2 :] for at, pair in pairs if pair[0] != pair[1]]


def is_phone_code(text: str) -> bool:
    """Whether the text is a telephone code exactly as made, its check digit included."""
    return _PHONE_CODE.fullmatch(text) is not None and checks.mod11_10_check(text[:-1]) == text[-1]


def is_phone_code_as_typed(text: str) -> bool:
    """The same of what people typed, blanks and hyphens forgiven."""
    return is_phone_code(_folded(text))


def parse_phone_code(text: str) -> str:
    """The telephone code, blanks and hyphens forgiven; raises InvalidEvent where the check digit does not fit."""
    code = _folded(text)
    if not is_phone_code(code):
        raise InvalidEvent([Problem("", "bad-phone-code", {"text": text})])
    return code


def dump_phone_code(code: str) -> str:
    """The telephone code in groups of 3, 3 and 4, as people read it."""
    return f"{code[:3]} {code[3:6]} {code[6:]}"


def is_batch_identifier(text: str) -> bool:
    """Whether the text can name a batch: 1 to 20 letters, digits and hyphens of ASCII, which fits AI (10)."""
    return _BATCH.fullmatch(text) is not None


def trace_url(base_url: str, code: str) -> str:
    """The address of the consumer page, which the QR code carries."""
    return f"{base_url.rstrip('/')}/t/{code}"


def digital_link(base_url: str, gtin: str, batch: str, serial: str | None = None) -> str:
    """The same page by GS1 Digital Link; raises InvalidEvent for a GTIN whose check digit does not fit."""
    path = f"/01/{gs1.parse_gtin(gtin)}/10/{quote(batch, safe='')}"
    if serial is not None:
        path += f"/21/{quote(serial, safe='')}"
    return base_url.rstrip("/") + path


def parse_scan(text: str) -> Scan:
    """What a scanner or a person read: own code or address, telephone code, GS1 data (values unchecked) or plain text.

    A symbology identifier such as `]C1` in front is understood. Raises InvalidEvent where the text claims to be an
    own code or GS1 data and cannot be read as such.
    """
    symbology, content = gs1.split_symbology(text.strip(" \t\r\n"))
    if symbology in gs1.GS1_SYMBOLOGIES or gs1.is_bracketed(content) or gs1.SEPARATOR in content:
        return Gs1(gs1.parse_elements(content))
    if symbology in _GTIN_SYMBOLS:
        return Gs1((gs1.Element("01", gs1.parse_gtin(content[: _GTIN_SYMBOLS[symbology]])),))
    if content.lower().startswith(("http://", "https://")):
        return _scan_of_url(content)
    return _scan_of_bare(content)


def _scan_of_url(url: str) -> Scan:
    try:
        path = urlsplit(url).path
    except ValueError:
        return PlainText(url)
    elements = gs1.find_link_elements(url)
    if elements is not None:
        return Gs1(elements, url)
    own = _OWN_PATH.fullmatch(path)
    if own is None:
        return PlainText(url)
    code = unquote(own[1])
    if len(_folded(code)) != TRACE_CODE_LENGTH:
        return PlainText(url)
    return OwnCode(parse_trace_code(code), url)


def _scan_of_bare(text: str) -> Scan:
    # Eight digits are more often a day than a GTIN-8, which only its own bar code announces.
    if checks.is_gs1_key(text, (12, 13, 14)):
        return Gs1((gs1.Element("01", text.zfill(14)),))
    elements = gs1.find_unmarked_elements(text)
    if elements is not None:
        return Gs1(elements)
    code = find_trace_code(text)
    if code is not None:
        return OwnCode(code)
    digits = _folded(text)
    return PhoneCode(digits) if is_phone_code(digits) else PlainText(text)
