"""`heji demo` as somebody types it: built where there is nothing, printed, served, stopped, and served again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from heji_trace import sentences
from heji_trace.printing.labels import dump_terminal
from heji_web.demo.build import PASSWORD
from heji_web.demo.states import read_states
from heji_web.demo.uploads import read_people
from served import free_port

_STARTING_SECONDS = 300


class Typed:
    """The command, running; `told` is what it has printed."""

    def __init__(self, folder: Path, port: int, *words: str) -> None:
        self._port = port
        self._out = folder.with_name(f"{folder.name}.{len(words)}.out")
        command = [sys.executable, "-c", "from heji_web.commands.main import main; main()"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEJI_")}
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [*command, "demo", "--data", folder, "--port", str(port), *words],
                env={**kept, "LC_ALL": "en_GB.UTF-8"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def wait_until_it_serves(self) -> None:
        """What it prints, it prints once it listens, and how it is stopped last of all."""
        end = time.monotonic() + _STARTING_SECONDS
        while not self._is_listening() or not ("Ctrl-C" in self.told or self.told.endswith("}\n")):
            assert self.process.poll() is None, self.told
            assert time.monotonic() < end, self.told
            time.sleep(0.05)

    def _is_listening(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1):
                return True
        except OSError:
            return False

    @property
    def told(self) -> str:
        return self._out.read_text("utf-8")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def typed(folder: Path, port: int, *words: str) -> Iterator[Typed]:
    running = Typed(folder, port, *words)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


def fetched(address: str) -> tuple[int, str]:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed") / "demo"


def test_it_is_built_and_served_where_its_words_lead_and_found_again_the_next_time(
    folder: Path, port: int
) -> None:
    states = read_states()
    with typed(folder, port) as running:
        running.wait_until_it_serves()
        told = running.told
        listed = re.findall(rf"^  \S+ (http://\S+:{port}/\S+)  (.+)$", told, re.MULTILINE)
        assert [name for _, name in listed] == [state.en for state in states]
        for address, _ in listed:
            status, page = fetched(address)
            assert status == 200
            assert address.rpartition("/")[2] in page
        for person in read_people():
            assert (f"  {person.account:<10}{person.shown_en}\n" in told) is bool(person.shown_zh)
        for code in ("demo-ready", "demo-sign-in", "demo-stop"):
            line = sentences.say(
                code,
                "en",
                address=f"http://127.0.0.1:{port}{'/sign-in' * (code == 'demo-sign-in')}",
                password=PASSWORD,
            )
            assert line in told
        # The first of the addresses, as a phone reads it off the screen.
        assert dump_terminal(listed[0][0], colour=False) in told
        assert running.stop() == 0
        assert running.told.endswith(f"{sentences.say('service-stopped', 'en')}\n")
    with typed(folder, port, "--json") as again:
        again.wait_until_it_serves()
        shown, _ = json.JSONDecoder().raw_decode(again.told)
        assert [(each["state"], each["address"]) for each in shown["pages"]] == [
            (state.key, address) for state, (address, _) in zip(states, listed, strict=True)
        ]
        assert {each["password"] for each in shown["sign_in"]} == {PASSWORD}
        assert again.stop() == 0
