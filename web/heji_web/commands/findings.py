"""What `heji doctor` finds: a line each, with its state and the sentence of what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from heji_trace import sentences
from heji_web.api.health import Check

State = Literal["fine", "notice", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination, named once; `remedy` is the code of what to do about it.

    Its sentence is that of `code` with `names`, or what an error `said` by language; behind it stands in brackets the
    `reason` that another program gave in its own words.
    """

    name: str
    state: State
    code: str
    names: Mapping[str, object] = field(default_factory=dict)
    remedy: str | None = None
    said: Mapping[str, str] | None = None
    reason: str | None = None

    def sentence(self, language: str) -> str:
        """What was found, in `language` ("zh" or "en")."""
        sentence = self.said[language] if self.said else sentences.say(self.code, language, **self.names)
        return f"{sentence} [{self.reason}]" if self.reason else sentence

    def remedy_sentence(self, language: str) -> str | None:
        """What to do about it, or None where nothing need be done."""
        return sentences.say(self.remedy, language, **self.names) if self.remedy else None


def told(name: str, check: Check, remedy: str) -> Finding:
    """A finding that is a check which failed, with the code of its remedy."""
    return Finding(name, "problem", check["code"], {}, remedy, {each: check[each] for each in ("zh", "en")})


def fine(name: str, code: str = "check-fine", **names: object) -> Finding:
    """A finding that all is well."""
    return Finding(name, "fine", code, names)


def notice(name: str, code: str, remedy: str, **names: object) -> Finding:
    """A finding to be thought of, with the code of its remedy."""
    return Finding(name, "notice", code, names, remedy)


def problem(name: str, code: str, remedy: str, **names: object) -> Finding:
    """A finding that is a problem, with the code of its remedy."""
    return Finding(name, "problem", code, names, remedy)
