"""The guides in Chinese and in English: what people are told to type and to look for is the same."""

from __future__ import annotations

import re

import pytest

from layout.sources import REPOSITORY

BLOCK = re.compile(r"^```sh\n.*?^```$|(?:^    [^\n]*\n)+", re.MULTILINE | re.DOTALL)


def guide(name: str) -> str:
    return (REPOSITORY / "docs" / name).read_text("utf-8")


def commands(text: str) -> list[list[str]]:
    """The lines to type, block by block, without the remarks behind them."""
    return [
        [re.sub(r"\s+#.*", "", line).strip() for line in block.splitlines()] for block in BLOCK.findall(text)
    ]


@pytest.mark.parametrize("name", ["operate", "field"])
def test_both_languages_tell_the_same_commands_and_names(name: str) -> None:
    english, chinese = guide(f"{name}.md"), guide(f"{name}.zh-Hans.md")
    assert len(commands(english)) > 5
    assert commands(chinese) == commands(english)
    named = [
        set(re.findall(r"`([^`]+)`", BLOCK.sub("", text).replace("\n", " "))) for text in (english, chinese)
    ]
    assert named[0] == named[1]
    sections = [re.findall(r"^#+ ", text, re.MULTILINE) for text in (english, chinese)]
    assert sections[0] == sections[1]


@pytest.mark.parametrize("name", ["operate", "field"])
def test_whoever_reads_one_language_is_shown_the_other(name: str) -> None:
    assert f"({name}.zh-Hans.md)" in guide(f"{name}.md")
    assert f"({name}.md)" in guide(f"{name}.zh-Hans.md")
