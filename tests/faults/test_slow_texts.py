"""Texts on which a careless reader thinks for hours, while nobody else is answered: read at once by every reader of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from faults import reading
from faults.recorded import child_environment


def read_by(reader: str) -> list[str]:
    """The texts that a process has read by this reader until it was done, or was ended."""
    command = [sys.executable, str(Path(reading.__file__)), reader]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    assert done.returncode <= 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("reader", reading.READERS)
def test_no_text_holds_a_reader_up(reader: str) -> None:
    assert read_by(reader) == list(reading.TEXTS)


def test_a_careless_reader_is_found_out() -> None:
    assert read_by(reading.CARELESS) == []
