"""docs/security.md names every requirement of the level, and only tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from heji_trace.people import sessions
from heji_web.consumer import consumer
from layout.sources import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "security.md"
# The requirements of level 1 in version 5.0.0: the numbers of each section.
SECTIONS = {
    "1.2": range(1, 6),
    "1.3": (1, 2),
    "1.5": (1,),
    "2.1": (1,),
    "2.2": (1, 2),
    "2.3": (1,),
    "3.2": (1, 2),
    "3.3": (1,),
    "3.4": (1, 2),
    "3.5": (1, 2, 3),
    "4.1": (1,),
    "4.4": (1,),
    "5.2": (1, 2),
    "5.3": (1, 2),
    "6.1": (1,),
    "6.2": range(1, 9),
    "6.3": (1, 2),
    "6.4": (1, 2),
    "7.2": (1, 2, 3, 4),
    "7.4": (1, 2),
    "8.1": (1,),
    "8.2": (1, 2),
    "8.3": (1,),
    "9.1": (1, 2, 3),
    "9.2": (1,),
    "10.4": range(1, 6),
    "11.3": (1, 2),
    "11.4": (1,),
    "12.1": (1,),
    "12.2": (1, 2),
    "13.4": (1,),
    "14.2": (1,),
    "14.3": (1,),
    "15.1": (1,),
    "15.2": (1,),
    "15.3": (1,),
}
LEVEL_1 = [f"{section}.{number}" for section, numbers in SECTIONS.items() for number in numbers]
ROW = re.compile(r"^\| (?P<number>\d+\.\d+\.\d+) \| (?P<said>[^|]+) \| (?P<how>[^|]+) \|$", re.MULTILINE)
REFERENCE = re.compile(r"`(?P<file>tests/[\w/]+\.py)(?:::(?P<test>\w+))?`")
WITHOUT_A_TEST = ("n/a: ", "by design: ", "outside: ", "open: ", "above, under ")


def text() -> str:
    return DOCUMENT.read_text("utf-8")


def rows() -> dict[str, str]:
    return {row["number"]: row["how"] for row in ROW.finditer(text())}


def test_every_requirement_of_the_level_has_one_row() -> None:
    assert len(LEVEL_1) == 70
    assert [row["number"] for row in ROW.finditer(text())] == LEVEL_1


@pytest.mark.parametrize("number", LEVEL_1)
def test_a_row_names_a_test_or_says_why_there_is_none(number: str) -> None:
    how = rows()[number]
    assert REFERENCE.search(how) or how.startswith(WITHOUT_A_TEST), how


@pytest.mark.parametrize("reference", sorted({found[0] for found in REFERENCE.finditer(text())}))
def test_a_test_that_is_named_exists(reference: str) -> None:
    found = REFERENCE.fullmatch(reference)
    assert found
    path = REPOSITORY / found["file"]
    assert path.is_file(), path
    if found["test"]:
        assert found["test"] in functions(path)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)]+)\)", text()))))
def test_a_document_that_is_linked_exists(target: str) -> None:
    assert (DOCUMENT.parent / target).is_file()


@pytest.mark.parametrize("heading", sorted(set(re.findall(r"above, under ([^|]+) \|", text()))))
def test_a_section_that_is_referred_to_exists(heading: str) -> None:
    assert f"\n## {heading}\n" in text()


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_limits_that_it_states_are_those_in_force() -> None:
    assert (sessions.ATTEMPTS_WINDOW_S, consumer._WINDOW_SECONDS) == (15 * 60, 10 * 60)
    for said in (
        f"| passwords of one account | {sessions.ATTEMPTS_PER_ACCOUNT} in 15 minutes",
        f"| passwords from one source | {sessions.ATTEMPTS_PER_SOURCE} in 15 minutes",
        f"| trace codes that lead nowhere | {consumer._MOST_UNKNOWN} in 10 minutes",
        f"| telephone codes, right or wrong | {consumer._MOST_PHONED} in 10 minutes",
    ):
        assert said in text()
