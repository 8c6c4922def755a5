"""Reads codes from pictures and text and says what they mean."""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import zxingcpp
from PIL import Image

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.identifiers import checks, codes, gs1, licences
from heji_trace.sentences import say, size_said

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 64_000_000

_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"BM", b"GIF8")
_TYPED_SEPARATORS = re.compile(r"<GS>|\{GS\}|␝")
_TRACE_CODE_IN_GROUPS = re.compile(r"[0-9A-Za-z]{4}([ -][0-9A-Za-z]{4}){3}")
_PHONE_CODE_IN_GROUPS = re.compile(r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{4}")
_GTIN_LONG = re.compile(r"[0-9]{12,14}")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a code says: a stable key, its name and its value for people."""

    key: str
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one code means; `kind` names it for programs, `title` for people."""

    text: str
    kind: str
    title: str
    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()


def texts_of(data: bytes) -> tuple[str, ...]:
    """The different codes in a picture, each behind its symbology identifier, or the lines of a UTF-8 text.

    Raises InvalidEvent for a picture that cannot be opened or holds no code, and for what is neither.
    """
    if len(data) > MAX_BYTES:
        raise InvalidEvent([Problem("", "too-large", {"size": size_said(MAX_BYTES)})])
    if data.startswith(_SIGNATURES):
        return _texts_in_picture(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidEvent([Problem("", "neither-picture-nor-text")]) from error
    return tuple(line.strip("\r") for line in text.split("\n") if line.strip())


def _texts_in_picture(data: bytes) -> tuple[str, ...]:
    picture = _grey_picture(data)
    read = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    if not read:
        raise InvalidEvent([Problem("", "picture-without-code")])
    return tuple(dict.fromkeys(code.symbology_identifier + code.text for code in read))


def _grey_picture(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            picture = Image.open(io.BytesIO(data), formats=_FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(picture.size)
            return _on_white(picture)
    except (OSError, ValueError, SyntaxError, struct.error, Warning, Image.DecompressionBombError) as error:
        raise InvalidEvent([Problem("", "picture-unreadable", {"limit": MAX_PIXELS // 10_000})]) from error


def _on_white(picture: Image.Image) -> Image.Image:
    """In grey, what is transparent being white: a code drawn in black on nothing would else be black on black."""
    if not picture.has_transparency_data:
        return picture.convert("L")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("L")


def explain(text: str, language: str) -> Meaning:
    """What a scanned or typed text means, in `language` ("zh" or "en"); faults are told, not raised.

    `<GS>`, `{GS}` and ␝ are taken for the separator that a keyboard cannot type.
    """
    text = _TYPED_SEPARATORS.sub(gs1.SEPARATOR, text)
    _, content = gs1.split_symbology(text.strip(" \t\r\n"))
    paper = _explain_paper(content, language)
    if paper is not None:
        return paper
    try:
        scan = codes.parse_scan(text)
    except InvalidEvent as error:
        return _meaning(content, "unreadable", language, {"text": content}, error.problems)
    match scan:
        case codes.OwnCode(code, url):
            shown = {"trace-code": codes.dump_trace_code(code)} | ({"address": url} if url else {})
            return _meaning(content, "own-code", language, shown)
        case codes.PhoneCode(code):
            return _meaning(content, "phone-code", language, {"phone-code": codes.dump_phone_code(code)})
        case codes.Gs1():
            return _explain_gs1(content, scan, language)
        case codes.PlainText(plain):
            return _explain_plain(plain, language)


def _meaning(
    text: str, kind: str, language: str, shown: dict[str, str], problems: Iterable[Problem] = ()
) -> Meaning:
    facts = tuple(Fact(key, say(f"decode-fact-{key}", language), value) for key, value in shown.items())
    return Meaning(text, kind, say(f"decode-{kind}", language), facts, tuple(problems))


def _explain_paper(text: str, language: str) -> Meaning | None:
    """Licences, pesticide and seed packages; None for any other text."""
    licence = licences.find_licence(text)
    if licence is not None:
        problem = Problem("", f"{licence.kind}-check", {"number": licence.number})
        checked = (
            {} if licence.kind == "pesticide-registration" else {"check": say("decode-check-fits", language)}
        )
        shown = {"number": licence.number} | (checked if licence.sound else {})
        return _meaning(text, licence.kind, language, shown, () if licence.sound else (problem,))
    unit = licences.find_pesticide_unit(text)
    if unit is not None:
        shown = {
            "unit-code": unit.code,
            "registration": say(
                "decode-registration-ends", language, kind=unit.registration_class, end=unit.registration_end
            ),
            "maker": say(f"decode-maker-{unit.maker}", language),
            "specification": unit.specification,
        }
        return _meaning(text, "pesticide-unit", language, shown)
    seed = licences.find_seed_label(text)
    if seed is not None:
        shown = {
            "variety": seed.variety,
            "company": seed.company,
            "unit-code": seed.unit_code,
            "address": seed.address,
        }
        return _meaning(text, "seed-label", language, shown)
    return None


def _explain_gs1(text: str, scan: codes.Gs1, language: str) -> Meaning:
    problems = gs1.problems_of(scan.elements)
    faulty = {problem.pointer for problem in problems}
    facts = [
        _element_fact(element, language, sound=f"/{at}" not in faulty)
        for at, element in enumerate(scan.elements)
    ]
    code = scan.find_trace_code()
    if code is not None:
        label = say("decode-fact-serial-is-trace-code", language)
        facts.append(Fact("serial-is-trace-code", label, codes.dump_trace_code(code)))
    if scan.url is not None:
        facts.append(Fact("address", say("decode-fact-address", language), scan.url))
    return Meaning(text, "gs1", say("decode-gs1", language), tuple(facts), problems)


def _element_fact(element: gs1.Element, language: str, *, sound: bool) -> Fact:
    rule = gs1.find_rule(element.ai)
    name = rule.names[language] if rule else say("decode-unknown-ai", language)
    value = gs1.dump_value(element, language) if sound else element.value
    if sound and rule is not None and rule.sense in gs1.KEY_LENGTHS:
        value = say("decode-sound-key", language, value=value)
    return Fact(element.ai, say("decode-ai", language, name=name, ai=element.ai), value)


def _explain_plain(text: str, language: str) -> Meaning:
    problems = _suspicions(text)
    batch = not problems and codes.is_batch_identifier(text)
    note = {"note": say("decode-note-batch", language)} if batch else {}
    return _meaning(text, "plain", language, {"text": text} | note, problems)


def _suspicions(text: str) -> list[Problem]:
    """A text in the very form of a code whose check character does not fit is told as mistyped."""
    if _TRACE_CODE_IN_GROUPS.fullmatch(text):
        return [Problem("", "bad-trace-code", {"text": text})]
    if _PHONE_CODE_IN_GROUPS.fullmatch(text):
        return [Problem("", "bad-phone-code", {"text": text})]
    if _GTIN_LONG.fullmatch(text):
        return [Problem("", "gtin-check", {"text": text, "expected": checks.gs1_check(text[:-1])})]
    return []
