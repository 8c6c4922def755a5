from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from heji_trace.proving import proof
from vectors.make import SIGNER, the_log
from verifier import heji_verify_outside as outside

SCRIPT = Path(outside.__file__)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    # -I: neither the folder of the tests nor PYTHONPATH, so that nothing of the product can be imported by chance.
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    for path, data in the_log().files(300).items():
        place = tmp_path / "log" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    (tmp_path / "key").write_text(SIGNER.verifier_key + "\n")
    return tmp_path / "log"


def test_it_imports_nothing_but_the_standard_library_and_cryptography() -> None:
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(SCRIPT.read_text("utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"cryptography"}


def test_a_log_in_a_folder_is_verified(log: Path) -> None:
    done = run("log", log, log.parent / "key")
    assert (done.returncode, done.stderr) == (0, "")
    assert "300 entries hold" in done.stdout


def test_a_changed_file_is_refused(log: Path) -> None:
    tile = log / "tile/entries/000"
    tile.write_bytes(tile.read_bytes().replace(b'"seq":42', b'"seq":43'))
    done = run("log", log, SIGNER.verifier_key)
    assert done.returncode == 1
    assert "entry 42: " in done.stderr


def test_a_log_extends_its_older_checkpoint(log: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(the_log().note(257), "utf-8")
    assert run("consistency", old, log, SIGNER.verifier_key).returncode == 0


def test_a_log_that_has_shrunk_is_refused(log: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text(the_log().note(300), "utf-8")
    for path, data in the_log().files(299).items():
        (log / path).write_bytes(data)
    done = run("consistency", old, log, SIGNER.verifier_key)
    assert done.returncode == 1
    assert "shrunk from 300 to 299" in done.stderr


def test_a_receipt_is_verified_and_shown(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_bytes(proof.dump_bundle(the_log().bundle(300, (3, ["/note"]))))
    done = run("receipt", file, SIGNER.verifier_key)
    assert done.returncode == 0
    assert "第3筐" in done.stdout
    file.write_bytes(file.read_bytes().replace("第3筐".encode(), "第4筐".encode()))
    assert run("receipt", file, SIGNER.verifier_key).returncode == 1


def test_what_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    for arguments in (
        ("log", tmp_path, SIGNER.verifier_key),
        ("receipt", tmp_path / "none", SIGNER.verifier_key),
    ):
        done = run(*arguments)
        assert done.returncode == 1
        assert done.stderr.startswith("REFUSED: ")
        assert done.stderr.count("\n") == 1


def test_without_a_command_it_says_how() -> None:
    done = run()
    assert done.returncode == 2
    assert "SOURCE" in done.stdout
