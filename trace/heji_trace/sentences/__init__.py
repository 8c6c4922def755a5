"""Sentences for people, in Chinese and English, kept in the TOML catalogues beside this file.

A catalogue maps a stable kebab-case code (or a warning's code) to `zh` and `en`, with `{names}` for what varies.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

LANGUAGES = ("zh", "en")


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
    return catalogue()[code][language].format(**names)


def say_both(code: str, /, **names: object) -> dict[str, str]:
    """The sentence in both languages, as problem details carry it."""
    return {language: say(code, language, **names) for language in LANGUAGES}
