"""The wheel alone, in environments that hold exactly the libraries it declares.

The libraries are linked from this environment, so the test needs no network; that they are declared is what it shows:
one that is not reached from the wheel's own requirements is not there.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest

from installed import build_wheel, install
from layout.sources import PACKAGES, refuse


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def server(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("server"), "server")


@pytest.fixture(scope="module")
def field(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(wheel, tmp_path_factory.mktemp("field"), "")


def call(*command: str | Path) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(
        command, check=False, capture_output=True, encoding="utf-8", cwd="/", env=clean | {"PYTHONUTF8": "1"}
    )


def modules(wheel: Path, packages: tuple[str, ...]) -> list[str]:
    names = [Path(name).with_suffix("") for name in ZipFile(wheel).namelist() if name.endswith(".py")]
    return [
        ".".join(name.parts).removesuffix(".__init__")
        for name in names
        if name.parts[0] in packages and name.name not in {"__main__", "env"} and "versions" not in name.parts
    ]


def importing(names: list[str]) -> str:
    return f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)\n"


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    packed = set(ZipFile(wheel).namelist())
    refuse(
        name
        for root in PACKAGES.values()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        if (name := path.relative_to(root.parent).as_posix()) not in packed
    )


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    refuse(
        name
        for name in ZipFile(wheel).namelist()
        if name.split("/")[0] not in PACKAGES and ".dist-info/" not in name
    )


@pytest.mark.parametrize(
    "pattern",
    [
        r"heji_web/templates/.+\.html",
        r"heji_web/static/.+\.css",
        r"heji_web/translations/.+",
        r"heji_web/.*demo.*/.+\.(csv|xlsx|json)",
        r"heji_trace/sentences/.+\.toml",
        r"heji_trace/printing/fonts/.+\.ttf",
        r"heji_migrations/script\.py\.mako",
        r"heji_migrations/versions/0001_.+\.py",
    ],
)
def test_the_wheel_holds_what_is_no_code(wheel: Path, pattern: str) -> None:
    assert any(re.fullmatch(pattern, name) for name in ZipFile(wheel).namelist())


def test_the_licence_travels_with_the_wheel(wheel: Path) -> None:
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in ZipFile(wheel).namelist())


def test_the_server_s_command_works_from_the_wheel(server: Path) -> None:
    shown = call(server / "heji", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "serve" in shown.stdout


def test_every_module_can_be_imported_from_the_wheel(server: Path, wheel: Path) -> None:
    ran = call(server / "python", "-W", "error", "-c", importing(modules(wheel, tuple(PACKAGES))))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_database_is_migrated_from_the_wheel(server: Path, tmp_path: Path) -> None:
    script = (
        "from heji_migrations.upgrade import head, is_current, upgrade\n"
        "from heji_trace.store.db import Store\n"
        f"store = Store('sqlite:///{tmp_path}/heji.db')\n"
        "with store.write() as connection:\n"
        "    upgrade(connection)\n"
        "    assert is_current(connection)\n"
        "print(head())\n"
    )
    ran = call(server / "python", "-W", "error", "-c", script)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip().isdigit()


def test_the_sentences_are_read_from_the_wheel(field: Path) -> None:
    ran = call(field / "python", "-c", "from heji_trace import sentences; print(len(sentences.catalogue()))")
    assert int(ran.stdout) > 0


def test_the_base_install_has_neither_flask_nor_sqlalchemy(field: Path) -> None:
    probe = "import importlib.util as u; print([n for n in ('flask', 'sqlalchemy', 'alembic', 'jinja2') if u.find_spec(n)])"
    assert ast.literal_eval(call(field / "python", "-c", probe).stdout) == []


def test_the_field_s_command_works_on_the_base_install(field: Path) -> None:
    shown = call(field / "heji-scan", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "decode" in shown.stdout


def test_the_field_writes_and_checks_a_sheet_on_the_base_install(field: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "采收.xlsx"
    written = call(field / "heji-scan", "template", "harvest", "-o", sheet)
    assert (written.returncode, written.stderr) == (0, "")
    checked = call(field / "heji-scan", "check", "--json", sheet)
    assert (checked.returncode, checked.stderr) == (1, "")
    assert '"no-rows"' in checked.stdout


def test_every_module_of_the_field_can_be_imported_on_the_base_install(field: Path, wheel: Path) -> None:
    ran = call(field / "python", "-W", "error", "-c", importing(modules(wheel, ("heji_scanners",))))
    assert (ran.returncode, ran.stderr) == (0, "")


def test_on_the_base_install_the_server_s_command_says_what_to_install(field: Path) -> None:
    refused = call(field / "heji", "--help")
    assert refused.returncode != 0
    assert "heji[server]" in refused.stderr
    assert "Traceback" not in refused.stderr
