"""Deliberate faults in a copy of the product: each must be noticed by the test that is named for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faults.length import LONG
from faults.mutants import MUTANTS, Mutant

_ROOT = Path(__file__).parents[2]
_PARTS = ("trace", "web", "scanners", "migrations", "tests", "pyproject.toml")
# One each of durability, of the ledger and of what is said of food, whose tests take a second.
_SHORT = (
    "the head goes backwards",
    "leaves are hashed without their prefix",
    "the first clear day is forbidden",
)

_TESTS_FAILED = 1


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the whole tree, for faults to be put in."""
    place = tmp_path_factory.mktemp("copy")
    for part in _PARTS:
        if (_ROOT / part).is_dir():
            shutil.copytree(_ROOT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(_ROOT / part, place)
    return place


def run_tests(copy: Path, *nodes: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "LONG_FAULTS"}
    roots = [str(copy / part) for part in ("trace", "web", "scanners", "migrations", "tests")]
    environment |= {"PYTHONPATH": os.pathsep.join(roots), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *nodes],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_there_are_at_least_fifteen_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 15
    assert set(_SHORT) <= {mutant.name for mutant in MUTANTS}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_fault_changes_stands_in_the_product_once(mutant: Mutant) -> None:
    assert (_ROOT / mutant.file).read_text("utf-8").count(mutant.old) == 1
    file, _, test = mutant.killed_by.partition("::")
    assert f"def {test.partition('[')[0]}(" in (_ROOT / file).read_text("utf-8")


@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS if LONG or mutant.name in _SHORT],
    ids=lambda mutant: mutant.name,
)
def test_a_seeded_fault_is_killed_by_its_test(copy: Path, mutant: Mutant) -> None:
    file = copy / mutant.file
    whole = file.read_text("utf-8")
    file.write_text(whole.replace(mutant.old, mutant.new), "utf-8")
    try:
        done = run_tests(copy, mutant.killed_by)
    finally:
        file.write_text(whole, "utf-8")
    assert done.returncode == _TESTS_FAILED, (
        f"survived: {mutant.name}\n{done.stdout[-2000:]}{done.stderr[-500:]}"
    )


def test_without_a_fault_the_same_tests_pass(copy: Path) -> None:
    """The control: what kills is the fault, not the copy."""
    nodes = [mutant.killed_by for mutant in MUTANTS if LONG or mutant.name in _SHORT]
    done = run_tests(copy, *dict.fromkeys(nodes))
    assert done.returncode == 0, done.stdout[-2000:]
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
