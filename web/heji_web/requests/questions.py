"""Reading the query of a request: each parameter by its own parser, unknown ones refused."""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from heji_trace.errors import InvalidEvent, Problem
from heji_trace.events.kinds import KINDS
from heji_trace.identifiers.codes import is_batch_identifier
from heji_trace.vocabulary.times import ms_of, parse_moment
from heji_web.requests.languages import PARAMETER

_MOST_DIGITS = 15


class Query:
    """The parameters of this request; problems are gathered, and raised together by `done`."""

    def __init__(self, *names: str) -> None:
        self._problems = [
            Problem(f"/{name}", "unknown-parameter", {"name": name[:60]})
            for name in request.args
            if name not in names and name != PARAMETER
        ]
        for name in names:
            if len(request.args.getlist(name)) > 1:
                self._problems.append(Problem(f"/{name}", "repeated-parameter", {"name": name}))

    def done(self) -> None:
        """Raise InvalidEvent where a parameter is unknown, repeated or cannot be read."""
        if self._problems:
            raise InvalidEvent(self._problems)

    def text(self, name: str, is_good: Callable[[str], bool], code: str) -> str | None:
        """A parameter that `is_good`, or None where it is absent."""
        given = request.args.get(name)
        if given is not None and not is_good(given):
            self._problems.append(Problem(f"/{name}", code, {"value": given[:60]}))
            return None
        return given

    def choice(self, name: str, *values: str) -> str:
        """One of the values, the first where it is absent."""
        known = {"choices_zh": "、".join(values), "choices_en": ", ".join(values)}
        given = request.args.get(name, values[0])
        if given not in values:
            self._problems.append(Problem(f"/{name}", "not-a-choice", {"value": given[:60], **known}))
        return given

    def batch(self, name: str) -> str | None:
        """A batch identifier."""
        return self.text(name, is_batch_identifier, "bad-batch")

    def kind(self, name: str) -> str | None:
        """A kind of event."""
        return self.text(name, KINDS.__contains__, "unknown-kind")

    def organisation(self, name: str) -> str | None:
        """The code of an organisation, which need not exist."""
        return self.text(name, lambda given: given.isprintable() and 0 < len(given) <= 40, "bad-code")

    def moment_ms(self, name: str) -> int | None:
        """A moment with an offset, in milliseconds since 1970."""
        given = request.args.get(name)
        if given is None:
            return None
        try:
            # In a query a bare + is a blank: people copy moments as they stand.
            return ms_of(parse_moment(given.replace(" ", "+")))
        except (ValueError, OverflowError):
            self._problems.append(Problem(f"/{name}", "bad-moment", {"value": given[:60]}))
            return None

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds."""
        given = request.args.get(name)
        if given is None:
            return default
        is_number = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
        if not is_number or not least <= int(given) <= most:
            self._problems.append(Problem(f"/{name}", "whole-out-of-range", {"least": least, "most": most}))
            return default
        return int(given)

    def flag(self, name: str) -> bool:
        """Whether `1` is given; `0` and nothing mean no."""
        given = request.args.get(name, "0")
        if given not in ("0", "1"):
            self._problems.append(
                Problem(
                    f"/{name}",
                    "not-a-choice",
                    {"value": given[:60], "choices_zh": "0、1", "choices_en": "0, 1"},
                )
            )
        return given == "1"


def page_before() -> int | None:
    """The number before which a list goes on, as the link to its next page says; None for anything that is none."""
    given = request.args.get("before", "")
    is_number = given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS
    return int(given) if is_number else None
