"""What `heji backup` and `heji restore` tell a person, and what they refuse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from county import County, opened_county
from heji_trace.proving.keys import generate_signer, write_signer
from ledger_check import tamper
from web.commands.test_backup import Terminal, keep_head


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[County]:
    with opened_county(tmp_path / "live") as county:
        county.harvest("A1", "100", note="三十一号地")
        yield county


@pytest.fixture
def live(grown: County) -> Terminal:
    return Terminal(grown.service.settings.data)


@pytest.fixture
def empty(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "new")


def in_words(terminal: Terminal, *words: str | Path) -> tuple[int, str]:
    done = terminal.run(*words)
    return done.exit_code, done.stdout + done.stderr


def test_a_person_is_told_where_it_lies_and_that_it_holds(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    code, said = in_words(live, "backup", "create")
    (path,) = (live.data / "backups").glob("*.zip")
    assert (code, str(path) in said) == (0, True)
    code, said = in_words(empty, "backup", "verify", path)
    assert code == 0
    assert f"{grown.size} entries" in said
    assert "tells no forger" in said
    assert grown.service.signer.verifier_key in said


def test_a_value_that_is_missing_is_found_by_the_full_examination_and_after_a_restore(
    live: Terminal, empty: Terminal, grown: County
) -> None:
    tamper(grown.service, "DELETE FROM disclosures WHERE pointer = '/note'")
    path = live.ask("backup", "create")["path"]
    assert live.run("backup", "verify", path).exit_code == 0
    code, said = in_words(live, "backup", "verify", path, "--full")
    assert (code, "✗" in said, "/note" in said) == (1, True, True)
    assert [each["kind"] for each in live.ask("backup", "verify", path, "--full")["problems"]] == [
        "value-missing"
    ]
    grown.service.close()
    keep_head(live, empty)
    code, said = in_words(empty, "restore", path)
    assert (code, "✗" in said, "/note" in said) == (1, True, True)


def test_a_plan_and_what_came_of_it_are_told_in_words(live: Terminal, empty: Terminal, grown: County) -> None:
    path = live.ask("backup", "create")["path"]
    grown.harvest("LOST")
    grown.service.close()
    keep_head(live, empty)
    code, said = in_words(empty, "restore", "--dry-run", path)
    assert (code, "would go on as log.heji.example-2" in said, "Nothing was written" in said) == (
        0,
        True,
        True,
    )
    code, said = in_words(empty, "restore", path)
    assert (code, "goes on as log.heji.example-2 with a new key" in said) == (0, True)


def test_the_key_of_another_log_is_not_signed_with(live: Terminal, empty: Terminal, grown: County) -> None:
    path = live.ask("backup", "create")["path"]
    grown.service.close()
    keep_head(live, empty, key=False)
    write_signer(empty.data / "signing.key", generate_signer("other.example/log", grown.service.random))
    assert empty.ask("restore", path)["code"] == "restore-other-key"
    assert not (empty.data / "heji.db").exists()


def test_what_cannot_be_read_or_made_is_named(live: Terminal, empty: Terminal, tmp_path: Path) -> None:
    path = live.ask("backup", "create")["path"]
    assert empty.ask("restore", tmp_path / "absent.zip")["code"] == "backup-unreadable"
    note = tmp_path / "note"
    assert empty.ask("restore", path, "--known-checkpoint", note)["code"] == "note-unreadable"
    note.write_bytes(b"\xff\xfe")
    assert empty.ask("restore", path, "--known-checkpoint", note)["code"] == "note-unreadable"
    note.write_text("no note at all")
    assert empty.ask("restore", path, "--known-checkpoint", note)["code"] == "restore-other-log"
    (tmp_path / "file").write_text("")
    shutil.copy2(live.data / "signing.key", tmp_path / "k")
    below = Terminal(tmp_path / "file" / "data")
    below.environment["HEJI_KEY"] = str(tmp_path / "k")
    assert below.ask("restore", path, "--nothing-later")["code"] == "data-unusable"
    assert below.ask("backup", "create")["code"] == "database-absent"


def test_a_folder_without_a_log_has_nothing_to_back_up(empty: Terminal) -> None:
    assert empty.ask("backup", "create")["code"] == "key-unreadable"
