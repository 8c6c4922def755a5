"""The real `heji serve` in a process of its own, for the tests that kill it and the figures that time it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_STARTING_SECONDS = 30
PRODUCT = ("-c", "from heji_web.commands.main import main; main()", "serve")


class Served:
    """A service on the data in `folder`, listening on a port of its own.

    `program` are the arguments of Python that serve; by themselves the product's own.
    """

    def __init__(self, folder: Path, program: Sequence[str] = PRODUCT, **settings: str) -> None:
        self.port = free_port()
        self._log = (folder / "serve.log").open("ab")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEJI_")},
            "HEJI_DATA": str(folder),
            "HEJI_PORT": str(self.port),
            **settings,
        }
        self._command = [sys.executable, *program]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        end = time.monotonic() + _STARTING_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the service did not start; see serve.log beside its data")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether the port answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def kill(self) -> None:
        """End it as a power cut ends a process: nothing is finished."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it finish what it received."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing running."""
        if self.process is not None:
            self.kill()
        self._log.close()

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(timeout=_STARTING_SECONDS)
            self.process = None


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Caller:
    """A keep-alive client that opens its connection anew after a fault."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]] | None:
        """Status and answer, or None where no whole answer came."""
        try:
            self._connection.request("POST", path, json.dumps(body).encode(), self._headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            self._connection.close()
            return None

    def close(self) -> None:
        """End the connection."""
        self._connection.close()
