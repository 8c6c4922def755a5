from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heji_trace.errors import Misconfigured
from heji_web.service.locking import locked
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
    settings.lock.write_text("")
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
