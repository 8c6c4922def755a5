"""The operating guide, word for word, on an empty machine folder."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from heji_web.service.settings import SETTINGS
from installed import build_wheel, install
from layout.sources import REPOSITORY
from served import free_port
from web.commands.test_tree import all_commands

GUIDE = (REPOSITORY / "docs" / "operate.md").read_text("utf-8")
# Where the guide's absolute paths lie on the empty machine.
PLACES = ("/opt/heji", "/var/lib/heji", "/mnt/heji-head", "/mnt/heji-backup")


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the wheel, installed as the guide's first lines would with a network."""
    folder = tmp_path_factory.mktemp("machine")
    wheel = build_wheel(folder)
    install(wheel, folder / "opt/heji", "server")
    return folder


def on(machine: Path, script: str) -> str:
    """The script with its paths on the machine; installing it has been done already, without a network."""
    lines = [line for line in script.splitlines() if "-m venv" not in line and "/bin/pip install" not in line]
    text = "\n".join(lines) + "\n"
    for place in PLACES:
        text = text.replace(place, f"{machine}{place}")
    return text


def run(machine: Path, script: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEJI_", "PYTHON", "LC_", "LANG"))
    }
    return subprocess.run(
        ["sh", "-eu"],
        input=on(machine, script),
        cwd=machine,
        env={**environment, "HEJI_PORT": str(free_port()), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )


def test_the_first_block_installs_what_was_built(machine: Path) -> None:
    (wheel,) = machine.glob("*.whl")
    assert f"'{wheel.name}[server]'" in blocks()[0]
    assert "python3 -m venv /opt/heji" in blocks()[0]


def test_the_guide_leads_from_nothing_to_a_restored_and_verified_ledger(machine: Path) -> None:
    done = run(machine, "\n".join(blocks()))
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for sentence in (
        "账本“heji.example.cn/log”已建立",
        "LZ5KG-20260612",
        "已写入并核对备份",
        "备份完好：heji.example.cn/log，8 条记录",
        "日志 heji.example.cn/log 可继续使用原名称与密钥。没有写入任何内容",
        "已恢复 8 条记录，日志 heji.example.cn/log 继续使用原名称与密钥",
        "账本完好：共 8 条",
    ):
        assert sentence in said, said
    log = (machine / "serve.log").read_text("utf-8")
    assert "Traceback" not in log + said
    secrets = [(machine / name).read_text().strip() for name in ("operator-password", "wang-password")]
    assert not any(secret in log + said for secret in secrets)


def test_every_command_in_a_block_of_the_guide_exists(machine: Path) -> None:
    code = "\n".join(
        [*blocks(), *re.findall(r"^    (.*)$", GUIDE, re.MULTILINE), *re.findall(r"`(heji [^`]*)`", GUIDE)]
    )
    called = re.compile(r"(?:^|[(|;]|until )\s*heji ([a-z]+(?: [a-z]+)?)", re.MULTILINE)
    named = {tuple(found.split()) for found in called.findall(code)}
    known = set()
    for path in all_commands():
        known |= {path, path[:1]}
    assert {words for words in named if words not in known and words[:1] not in known} == set()
    assert {("init",), ("doctor",), ("backup", "create"), ("log", "key")} <= named


def test_every_setting_that_the_guide_names_is_one() -> None:
    assert set(re.findall(r"HEJI_[A-Z_]+[A-Z]", GUIDE)) <= {setting.name for setting in SETTINGS}
