from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from heji_trace import errors, sentences
from heji_web.commands.terminal import EXIT_CODES, exit_code_of
from heji_web.commands.tree import heji
from heji_web.service.locking import locked
from heji_web.service.settings import read_settings

PASSWORD = "correct horse battery\n"
INIT = ("init", "--organisation", "fg-centre", "--organisation-name", "佛冈县运营中心", "--password-stdin")


class Terminal:
    """A terminal in an environment of its own."""

    def __init__(self, data: Path, language: str = "en_US.UTF-8") -> None:
        self.environment = {"HEJI_DATA": str(data), "LC_ALL": language}

    def run(self, *words: str, typed: str = "") -> Result:
        runner = CliRunner()
        return runner.invoke(heji, list(words), input=typed, env=self.environment, catch_exceptions=False)

    def ask(self, *words: str, typed: str = "") -> Any:
        return json.loads(self.run(*words, "--json", typed=typed).stdout)


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("HEJI_PORT", "HEJI_BASE_URL", "HEJI_DATABASE_URL", "HEJI_HEAD", "HEJI_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Terminal(tmp_path / "data")


@pytest.fixture
def begun(terminal: Terminal) -> Terminal:
    assert terminal.run(*INIT, typed=PASSWORD).exit_code == 0
    return terminal


def all_commands(group: click.Command = heji, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(group, click.Group):
        return [path]
    return [
        found for name, each in sorted(group.commands.items()) for found in all_commands(each, (*path, name))
    ]


PLAIN_COMMANDS = {words[0] for words in all_commands()}


@pytest.mark.parametrize("language", sentences.LANGUAGES)
def test_every_command_that_a_sentence_names_is_there(language: str) -> None:
    named = {
        (code, command)
        for code, said in sentences.catalogue().items()
        # `heji key …` is a line of the recovery sheet.
        for command in re.findall(r"(?<![\w-])heji (?!key\b)([a-z]+)", said[language])
    }
    assert len(named) > 10
    assert {(code, command) for code, command in named if command not in PLAIN_COMMANDS} == set()


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_command_says_what_it_does_and_speaks_json(terminal: Terminal, words: tuple[str, ...]) -> None:
    told = terminal.run(*words, "--help")
    assert told.exit_code == 0
    assert "--json" in told.stdout
    assert " · " in told.stdout


def test_a_command_that_is_none_is_wrong_usage(terminal: Terminal) -> None:
    assert terminal.run("nonsense").exit_code == 2
    assert terminal.run("user", "add").exit_code == 2


def test_each_family_of_errors_has_its_exit_code() -> None:
    families = set(errors.HejiError.__subclasses__())
    assert set(EXIT_CODES) == {family for family in families if family.__module__ == errors.__name__}
    assert exit_code_of(errors.Conflict()) == 1


def test_init_begins_a_log_with_its_operator_as_the_first_entry(begun: Terminal) -> None:
    data = Path(begun.environment["HEJI_DATA"])
    assert (data / "signing.key").stat().st_mode & 0o777 == 0o600
    assert data.stat().st_mode & 0o077 == 0
    [operator] = begun.ask("user", "list")
    assert (operator["name"], operator["organisation"], operator["roles"]) == (
        "operator",
        "fg-centre",
        ["operator"],
    )
    [organisation] = begun.ask("org", "list")
    assert organisation["name"] == "佛冈县运营中心"


@pytest.mark.parametrize(
    "option, value, pointer",
    [
        ("--division", "4418", "/details/division_code"),
        ("--organisation", "佛冈 中心", "/organisation"),
        ("--account", "o", "/name"),
    ],
)
def test_init_with_what_cannot_be_recorded_makes_nothing_and_may_be_typed_again(
    terminal: Terminal, option: str, value: str, pointer: str
) -> None:
    mistyped = ("--origin", "mistyped.example/log", option, value)
    refused = terminal.ask(*INIT, *mistyped, typed="mistyped-33-litchis\n")
    assert pointer in [each["pointer"] for each in refused["problems"]]
    assert not Path(terminal.environment["HEJI_DATA"]).exists()
    assert terminal.ask(*INIT, typed=PASSWORD)["ok"]


def test_init_twice_is_refused_and_changes_nothing(begun: Terminal) -> None:
    key = (Path(begun.environment["HEJI_DATA"]) / "signing.key").read_bytes()
    again = begun.ask(*INIT, typed=PASSWORD)
    assert (again["ok"], again["code"]) == (False, "already-begun")
    assert (Path(begun.environment["HEJI_DATA"]) / "signing.key").read_bytes() == key


@pytest.mark.parametrize(
    "password, code",
    [
        ("short", "bad-password-length"),
        ("woaini1314", "common-password"),
        ("operator-2026", "password-of-names"),
        ("佛冈县运营中心2026", "password-of-names"),
        ("2026-11-27 2026", "guessable-password"),
    ],
)
def test_init_with_a_poor_password_makes_nothing(terminal: Terminal, password: str, code: str) -> None:
    refused = terminal.ask(*INIT, typed=f"{password}\n")
    assert [(each["pointer"], each["code"]) for each in refused["problems"]] == [("/password", code)]
    assert not Path(terminal.environment["HEJI_DATA"]).exists()


def test_an_error_is_told_in_the_terminal_s_language(tmp_path: Path) -> None:
    for language, said in (("zh_CN.UTF-8", "没有账号"), ("en_GB.UTF-8", "There is no account")):
        terminal = Terminal(tmp_path / language, language)
        assert terminal.run(*INIT, typed=PASSWORD).exit_code == 0
        told = terminal.run("user", "close", "nobody")
        assert told.exit_code == 1
        assert said in told.stderr


def test_people_are_added_listed_and_closed(begun: Terminal) -> None:
    organisation = ("fg-coop", "--name", "高岗合作社", "--type", "cooperative", "--role", "producer")
    assert begun.ask("org", "add", *organisation)["seq"] == 1
    chen = ("user", "add", "chen", "--organisation", "fg-coop", "--role", "producer", "--password-stdin")
    assert begun.ask(*chen, typed=PASSWORD)["account"].startswith("a-")
    assert begun.ask(*chen, typed=PASSWORD)["code"] == "account-exists"
    assert begun.ask("user", "password", "chen", "--password-stdin", typed="another long one\n")["ok"]
    assert begun.ask("user", "close", "chen")["ok"]
    [closed] = begun.ask("user", "list", "--organisation", "fg-coop")
    assert closed["closed_at"]


def test_no_command_sets_a_password_that_is_guessed_early(begun: Terminal) -> None:
    organisation = ("fg-coop", "--name", "高岗合作社", "--type", "cooperative", "--role", "producer")
    assert begun.ask("org", "add", *organisation)["ok"]
    chen = ("user", "add", "chen", "--organisation", "fg-coop", "--role", "producer", "--password-stdin")
    for typed in ("1234567890\n", "chen-chen-chen\n", "fg-coop-2026\n"):
        refused = begun.ask(*chen, typed=typed)
        assert [each["pointer"] for each in refused["problems"]] == ["/password"]
    assert begun.ask(*chen, typed=PASSWORD)["account"]
    for typed in ("1234567890\n", "chen-chen-chen\n", "fg-coop-2026\n"):
        refused = begun.ask("user", "password", "chen", "--password-stdin", typed=typed)
        assert [each["pointer"] for each in refused["problems"]] == ["/password"]
    assert (
        begun.ask("user", "password", "nobody", "--password-stdin", typed=PASSWORD)["code"]
        == "unknown-account"
    )


def test_nobody_is_let_in_in_a_role_that_the_organisation_is_not_registered_in(begun: Terminal) -> None:
    coop = ("org", "add", "fg-coop", "--name", "高岗合作社", "--type", "cooperative", "--role", "producer")
    assert begun.ask(*coop)["ok"]
    chen = ("user", "add", "chen", "--organisation", "fg-coop", "--role", "producer", "--role", "regulator")
    refused = begun.ask(*chen, "--password-stdin", typed=PASSWORD)
    assert [each["code"] for each in refused["problems"]] == ["role-not-registered"]
    assert [each["name"] for each in begun.ask("user", "list")] == ["operator"]
    assert begun.ask(*coop, "--role", "regulator", "--again")["ok"]
    assert begun.ask(*chen, "--password-stdin", typed=PASSWORD)["roles"] == ["producer", "regulator"]


def test_an_organisation_is_not_registered_a_second_time_unasked(begun: Terminal) -> None:
    coop = ("org", "add", "fg-coop", "--name", "高岗合作社", "--type", "cooperative", "--role", "producer")
    assert begun.ask(*coop, "--division", "441821104")["seq"] == 1
    mistyped = ("org", "add", "fg-coop", "--name", "别的合作社", "--type", "enterprise", "--role", "shop")
    refused = begun.ask(*mistyped)
    assert (refused["ok"], refused["code"]) == (False, "organisation-known")
    assert all(word in refused["zh"] for word in ("高岗合作社", "合作社", "生产者", "--again"))
    assert begun.ask("org", "list")[1]["name"] == "高岗合作社"
    renamed = (
        "org",
        "add",
        "fg-coop",
        "--name",
        "高岗联社",
        "--type",
        "cooperative",
        "--role",
        "shop",
        "--again",
    )
    assert begun.ask(*renamed)["seq"] == 2, "the refused one is no entry"
    data = begun.environment["HEJI_DATA"]
    with closing(sqlite3.connect(f"{data}/heji.db")) as database:
        newest = "SELECT data FROM register WHERE code = 'fg-coop' ORDER BY seq DESC LIMIT 1"
        facts = json.loads(database.execute(newest).fetchone()[0])
    assert (facts["name"], facts["division_code"]) == ("高岗联社", "441821104"), "what was not given stays"


def test_people_are_shown_words_and_programs_values(begun: Terminal) -> None:
    shown = Terminal(Path(begun.environment["HEJI_DATA"]), "zh_CN.UTF-8").run("org", "list").stdout
    assert all(word in shown for word in ("机关", "运营方", "正常"))
    assert "operator" not in shown
    people = Terminal(Path(begun.environment["HEJI_DATA"]), "zh_CN.UTF-8").run("user", "list").stdout
    assert "operator" in people, "a name is shown as it is typed, though it be a word"
    assert begun.ask("org", "list")[0]["roles"] == ["operator"]


def test_a_folder_without_a_database_is_named(begun: Terminal, tmp_path: Path) -> None:
    lost = Terminal(tmp_path / "elsewhere")
    for words in (("org", "list"), ("user", "list"), ("token", "list", "--account", "operator")):
        told = lost.ask(*words)
        assert (told["code"], "elsewhere" in told["zh"]) == ("database-absent", True)
    assert not (tmp_path / "elsewhere").exists()


def test_an_account_needs_an_organisation_that_is_registered(begun: Terminal) -> None:
    words = ("user", "add", "chen", "--organisation", "nope", "--role", "shop", "--password-stdin")
    assert begun.ask(*words, typed=PASSWORD)["code"] == "unknown-organisation"


def test_a_token_is_shown_once_and_revoked_by_name(begun: Terminal) -> None:
    issued = begun.ask("token", "add", "scale", "--account", "operator")
    assert issued["token"].startswith("heji_")
    assert issued["token"] not in begun.run("token", "list", "--account", "operator").stdout
    assert begun.ask("token", "revoke", "scale", "--account", "operator")["ok"]
    assert begun.ask("token", "revoke", "scale", "--account", "operator")["code"] == "unknown-token"


def test_what_writes_is_refused_while_another_process_holds_the_lock(begun: Terminal) -> None:
    with locked(read_settings({"HEJI_DATA": begun.environment["HEJI_DATA"]})):
        assert begun.ask("user", "close", "operator")["code"] == "service-running"
        assert begun.ask("serve")["code"] == "service-running"
        assert len(begun.ask("user", "list")) == 1


def test_doctor_finds_a_sound_service_sound(begun: Terminal) -> None:
    found = begun.ask("doctor")
    assert found["ok"]
    assert found["settings"]["HEJI_DATA"] == begun.environment["HEJI_DATA"]
    told = begun.run("doctor")
    assert told.exit_code == 0
    assert "HEJI_BODY_LIMIT=262144" in told.stdout


def test_doctor_says_what_is_missing(terminal: Terminal, begun: Terminal) -> None:
    (Path(begun.environment["HEJI_DATA"]) / "head" / "head").unlink()
    found = begun.run("doctor", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["checks"]["head"]["code"] == "head-missing"


def test_without_a_log_there_is_nothing_to_serve(terminal: Terminal) -> None:
    assert terminal.ask("serve")["code"] == "data-unusable"
    assert not terminal.ask("doctor")["ok"]


def test_a_bad_setting_stops_every_command(terminal: Terminal) -> None:
    terminal.environment["HEJI_PORT"] = "many"
    assert terminal.ask("doctor")["code"] == "bad-setting"
    assert "HEJI_PORT" in terminal.run("serve").stderr


def test_migrating_twice_changes_nothing(begun: Terminal) -> None:
    migrated = begun.ask("migrate")
    assert migrated["from"] == migrated["to"]


def test_every_column_has_its_heading() -> None:
    for column in ("name", "organisation", "roles", "account", "created-at", "closed-at", "revoked-at"):
        assert sentences.say(f"column-{column}", "zh")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_recovery_sheet_may_be_saved_by_any_editor(begun: Terminal, tmp_path: Path, encoding: str) -> None:
    key = Path(begun.environment["HEJI_DATA"]) / "signing.key"
    before = key.read_bytes()
    (sheet := tmp_path / "sheet").write_text(begun.run("log", "key", "--recovery").stdout, encoding)
    key.unlink()
    assert begun.run("log", "key", "--from-sheet", str(sheet)).exit_code == 0
    assert key.read_bytes() == before


def test_a_file_that_is_no_text_is_no_recovery_sheet(begun: Terminal, tmp_path: Path) -> None:
    (sheet := tmp_path / "sheet").write_bytes(bytes(range(128, 256)))
    told = begun.ask("log", "key", "--from-sheet", str(sheet))
    assert {each["code"] for each in told["problems"]} == {"recovery-sheet-row"}


@pytest.mark.parametrize("words", [("trace", "\udcff"), ("user", "close", "\udcff")])
def test_a_word_that_is_no_text_is_wrong_usage(begun: Terminal, words: tuple[str, ...]) -> None:
    told = begun.run(*words)
    assert (told.exit_code, "UTF-8" in told.stderr) == (2, True)


@pytest.mark.parametrize("words", [("user", "list"), ("user", "list", "--json")])
def test_an_output_that_takes_nothing_is_told_in_a_sentence(begun: Terminal, words: tuple[str, ...]) -> None:
    program = "from heji_web.commands.main import main; main()"
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**os.environ, **begun.environment},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    assert "the disk is full" in told.stderr


def test_a_lost_database_is_not_begun_anew(begun: Terminal) -> None:
    database = Path(begun.environment["HEJI_DATA"]) / "heji.db"
    database.unlink()
    assert begun.ask("migrate")["code"] == "database-absent", (
        "tables without a ledger stand in a restore's way"
    )
    assert not database.exists()
    assert begun.ask(*INIT, typed=PASSWORD)["code"] == "begun-before"
    database.write_bytes(b"")
    for words in (("migrate",), ("verify",), ("user", "list"), ("serve",), ("backup", "create")):
        assert begun.ask(*words)["code"] == "database-empty", words
    with closing(sqlite3.connect(database)) as empty:
        assert empty.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
