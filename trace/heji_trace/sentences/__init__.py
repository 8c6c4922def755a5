"""Sentences for people, in Chinese and English, kept in the TOML catalogues beside this file.

A catalogue maps a stable kebab-case code (or a warning's code) to `zh` and `en`, with `{names}` for what varies.
"""

from __future__ import annotations

import errno
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

LANGUAGES = ("zh", "en")

# Letters that are written from right to left, and the two marks that pass for one.
_TURNING = re.compile(
    "[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_ISOLATE, _END = "\u2068", "\u2069"

# What the system says of a call that failed, which it does in its own locale's words, by the name of the error.
_SYSTEM_REASONS = {os.strerror(number): name for number, name in errno.errorcode.items()}


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All sentences by code; raises ValueError where two catalogues say the same code or one lacks a language."""
    found: dict[str, Mapping[str, str]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for code, sentence in tomllib.loads(file.read_text("utf-8")).items():
            if code in found or set(sentence) != set(LANGUAGES):
                raise ValueError(f"{file.name}: {code} stands twice or lacks a language")
            found[code] = sentence
    return MappingProxyType(found)


def say(code: str, language: str, /, **names: object) -> str:
    """The sentence of `code` in `language` ("zh" or "en"); raises KeyError for a code that no catalogue has."""
    told = {name: isolated(value) if isinstance(value, str) else value for name, value in names.items()}
    if "reason" in told:
        told["reason"] = _reason(told["reason"], language)
    return catalogue()[code][language].format(**told)


def _reason(said: object, language: str) -> object:
    """A reason that the operating system gave, in `language` where it is one of the usual; any other as it is."""
    name = _SYSTEM_REASONS.get(said) if isinstance(said, str) else None
    known = catalogue().get(f"system-{name.lower()}") if name else None
    return known[language] if known else said


def isolated(text: str) -> str:
    """The text as it may stand beside other words: one with letters from right to left is kept to its own place.

    Without the isolating marks such a name would draw the number or the name behind it to its other side, and a
    sentence would be read with its parts exchanged. Any other text stays what it is.
    """
    return text if text.isascii() or not _TURNING.search(text) else f"{_ISOLATE}{text}{_END}"


def say_both(code: str, /, **names: object) -> dict[str, str]:
    """The sentence in both languages, as problem details carry it."""
    return {language: say(code, language, **names) for language in LANGUAGES}


def size_said(count: int) -> str:
    """A number of bytes as people say it, rounded down: what is promised to fit does."""
    for unit, least in (("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= least:
            return f"{count // least} {unit}"
    return f"{count} B"


def language_of(environment: Mapping[str, str]) -> str:
    """The language of a terminal: that of its locale, Chinese where this names neither Chinese nor English."""
    locale = next(
        (environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), ""
    )
    return "en" if locale.lower().startswith("en") else "zh"
