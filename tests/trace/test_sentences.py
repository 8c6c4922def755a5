from __future__ import annotations

import errno
import os

import pytest

from heji_trace import sentences

REASONS = [code for code in sentences.catalogue() if code.startswith("system-")]


@pytest.mark.parametrize("code", [code for code in REASONS if code != "system-refused"])
def test_what_the_system_says_of_a_failure_is_told_in_the_reader_s_language(code: str) -> None:
    reason = os.strerror(getattr(errno, code.removeprefix("system-").upper()))
    for language in sentences.LANGUAGES:
        told = sentences.say("data-unusable", language, path="/mnt/x", reason=reason)
        assert sentences.catalogue()[code][language] in told
    assert reason not in sentences.say("data-unusable", "zh", path="/mnt/x", reason=reason)


def test_a_reason_that_is_not_among_the_usual_is_told_as_it_is() -> None:
    for reason in (os.strerror(errno.EXDEV), "certificate has expired", None):
        assert str(reason) in sentences.say("data-unusable", "zh", path="/mnt/x", reason=reason)
