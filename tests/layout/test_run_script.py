from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from layout.sources import REPOSITORY

SCRIPTS = [REPOSITORY / "run", REPOSITORY / ".ci/run"]
COMMANDS = ["demo", "test", "long", "coverage", "check", "bench", "revision", "help"]
TOOLS = ["cat", "cksum", "dirname", "grep", "head", "id", "rm", "sed", "sh"]


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with neither a usable Python nor a package manager."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    shutil.copy(REPOSITORY / "run", tmp_path)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return {"PATH": str(tools), "PYTHON": "no-python-here", "LC_ALL": "C"}


def call(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment or os.environ, check=False, capture_output=True, encoding="utf-8", cwd="/"
    )


@pytest.mark.parametrize("shell", ["sh", "dash"])
@pytest.mark.parametrize("script", SCRIPTS, ids=str)
def test_the_scripts_are_posix_shell(script: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    checked = call(shell, "-n", script)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert script.read_text("utf-8").startswith("#!/bin/sh\n")
    assert os.access(script, os.X_OK)


def test_help_names_every_command() -> None:
    shown = call(REPOSITORY / "run", "help")
    assert shown.returncode == 0
    assert re.findall(r"^  ([a-z]+) ", shown.stdout, re.MULTILINE) == COMMANDS


def test_without_a_command_it_shows_its_help() -> None:
    assert call(REPOSITORY / "run").stdout == call(REPOSITORY / "run", "help").stdout


def test_an_unknown_command_is_refused_with_the_help() -> None:
    refused = call(REPOSITORY / "run", "dance")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == call(REPOSITORY / "run", "help").stdout


def test_where_it_may_not_install_it_prints_the_one_line_to_type(
    bare: dict[str, str], tmp_path: Path
) -> None:
    refused = call(tmp_path / "run", "demo", **bare)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].strip() == (
        "apt-get update && apt-get install -y --no-install-recommends python3-venv"
    )
    assert not (tmp_path / ".venv").exists()


def test_the_tests_ask_for_a_browser_too(bare: dict[str, str], tmp_path: Path) -> None:
    refused = call(tmp_path / "run", "test", **bare)
    assert refused.returncode == 1
    assert "python3-venv chromium" in refused.stderr.splitlines()[-1]


def test_continuous_integration_fails_where_either_part_fails(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci/run", tmp_path / ".ci/run")
    for broken in ("test", "check", "neither"):
        (tmp_path / "run").write_text(f'#!/bin/sh\necho "$1"\n[ "$1" != {broken} ]\n', "utf-8")
        (tmp_path / "run").chmod(0o755)
        ran = call(tmp_path / ".ci/run")
        assert (ran.returncode, ran.stdout.split()) == (int(broken != "neither"), ["test", "check"])
