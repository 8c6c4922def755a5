from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heji_trace.errors import Misconfigured
from heji_web.service.locking import check_database_file, locked
from heji_web.service.settings import Settings


def test_a_second_holder_is_refused_until_the_first_lets_go(settings: Settings) -> None:
    with locked(settings):
        with pytest.raises(Misconfigured) as refused, locked(settings):
            pass
        assert refused.value.code == "service-running"
    with locked(settings):
        pass


def test_an_error_lets_go_too(settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), locked(settings):
        raise ZeroDivisionError
    with locked(settings):
        pass


def test_a_lock_file_that_was_left_behind_locks_nobody_out(settings: Settings) -> None:
    (lock,) = settings.locks
    lock.write_text("")
    with locked(settings):
        pass


def test_without_a_data_folder_there_is_nothing_to_lock(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as refused, locked(replace(settings, data=tmp_path / "absent")):
        pass
    assert refused.value.code == "data-unusable"


def test_on_postgresql_several_may_write(settings: Settings) -> None:
    several = replace(settings, database_url="postgresql+psycopg://db.example/heji")
    with locked(several), locked(several):
        pass


def test_two_data_folders_with_one_database_share_its_lock(settings: Settings, tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    elsewhere = tmp_path / "elsewhere"
    for folder in (*folders, elsewhere):
        folder.mkdir()
    (tmp_path / "link").symlink_to(elsewhere)
    first, second, linked = (
        replace(settings, data=folder, database_url=f"sqlite:///{place}/heji.db")
        for folder, place in zip(
            [*folders, folders[1]], (elsewhere, elsewhere, tmp_path / "link"), strict=True
        )
    )
    own = replace(settings, data=elsewhere, database_url=f"sqlite:///{elsewhere}/heji.db")
    for other in (second, linked, own):
        with locked(first), pytest.raises(Misconfigured) as refused, locked(other):
            pass
        assert refused.value.names["path"] == elsewhere
        with locked(other), pytest.raises(Misconfigured), locked(first):
            pass


def test_a_database_that_is_not_there_is_told_by_its_path(settings: Settings, tmp_path: Path) -> None:
    check_database_file(replace(settings, database_url="postgresql+psycopg://db.example/heji"))
    with pytest.raises(Misconfigured) as refused:
        check_database_file(replace(settings, database_url=f"sqlite:///{tmp_path}/absent.db"))
    assert (refused.value.code, refused.value.names["path"]) == ("database-absent", tmp_path / "absent.db")
