from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from heji_trace.errors import Misconfigured
from heji_web.commands.demo import ORIGIN, build_folder, demo_settings
from heji_web.commands.tree import heji
from heji_web.demo.states import pages_of
from heji_web.service.founding import found_log
from heji_web.service.service import Service
from heji_web.service.settings import read_settings


class _Stopped(Exception):
    """Somebody pressed Ctrl-C."""


def test_the_demonstration_heeds_no_setting_that_could_lead_to_a_real_log(tmp_path: Path) -> None:
    environment = {
        "HEJI_DATABASE_URL": "postgresql+psycopg://real/log",
        "HEJI_DATA": "/real",
        "HEJI_KEY": "/real/key",
        "HEJI_HEAD": "/real/head",
        "HEJI_BASE_URL": "http://192.168.1.7:8000",
        "HEJI_HOST": "0.0.0.0",
    }
    settings = demo_settings(environment, tmp_path / "demo", 8000)
    assert settings.data == tmp_path / "demo"
    assert settings.database_url == f"sqlite:///{tmp_path / 'demo' / 'heji.db'}"
    assert {settings.key.parent, settings.head.parent} == {tmp_path / "demo"}
    assert (settings.host, settings.port, settings.base_url) == ("0.0.0.0", 8000, "http://192.168.1.7:8000")


def test_a_building_that_is_stopped_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise _Stopped

    with pytest.raises(_Stopped):
        build_folder(tmp_path / "deep" / "demo", stop)
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_real_log_is_not_served_as_a_demonstration(tmp_path: Path) -> None:
    found_log(read_settings({"HEJI_DATA": str(tmp_path)}), "log.heji.example", os.urandom)
    told = CliRunner().invoke(heji, ["demo", "--data", str(tmp_path), "--json"])
    assert told.exit_code == 1
    assert "not-the-demonstration" in told.stdout


def test_an_empty_log_is_no_county(service: Service) -> None:
    with service.store.read() as connection, pytest.raises(Misconfigured) as refused:
        pages_of(connection)
    assert refused.value.code == "not-the-demonstration"


def test_the_log_of_the_demonstration_says_so() -> None:
    assert ORIGIN.startswith("demo.")
    assert "demonstration" in ORIGIN


def test_the_port_of_the_demonstration_can_be_set_as_that_of_the_service(tmp_path: Path) -> None:
    run = CliRunner().invoke(heji, ["demo", "--data", str(tmp_path / "demo")], env={"HEJI_PORT": "70000"})
    assert run.exit_code == 2
    assert "70000" in run.output
    assert not (tmp_path / "demo").exists()
