"""`heji-scan` as people type it, against a county."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from heji_scanners.commands import cli

COOP = "fg-litchi-coop"


@dataclass(frozen=True)
class Scan:
    """The command with its settings; everything it writes lies below `folder`."""

    folder: Path
    environment: dict[str, str]

    def run(
        self, *arguments: str | Path, code: int = 0, stdin: str | None = None, **environment: str
    ) -> Result:
        result = CliRunner().invoke(
            cli, list(map(str, arguments)), input=stdin, env=self.environment | environment
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        """What the command prints for programs, which is JSON alone."""
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def file(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


def scan_settings(folder: Path, address: str, token: str) -> dict[str, str]:
    """The environment of a field machine; the token lies in a file of its owner."""
    path = folder / "token"
    path.write_text(token)
    path.chmod(0o600)
    return {
        "LC_ALL": "C.UTF-8",
        "HEJI_SCAN_SERVER": address,
        "HEJI_SCAN_TOKEN": str(path),
        "HEJI_SCAN_OUTBOX": str(folder / "outbox"),
        "HEJI_SCAN_ORGANISATION": COOP,
    }
