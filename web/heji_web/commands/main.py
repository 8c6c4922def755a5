"""The entry point of `heji`, which the base install has too: there it says what to install."""

from __future__ import annotations

import os
import sys

from heji_trace import sentences
from heji_web.commands.terminal import PROBLEM_FOUND


def main() -> None:
    """Run the command line; exits 0 where all is fine, 1 where a problem was found, 2 for wrong usage."""
    try:
        # Only here, since a field machine has neither Flask nor SQLAlchemy.
        from heji_web.commands.tree import heji  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("heji_"):
            raise
        sentence = sentences.say("server-not-installed", sentences.language_of(os.environ), module=error.name)
        sys.stderr.write(f"{sentence}\n")
        sys.exit(PROBLEM_FOUND)
    heji()
