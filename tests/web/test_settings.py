from __future__ import annotations

from pathlib import Path

import pytest

from heji_trace.errors import Misconfigured
from heji_web.settings import SETTINGS, list_settings, read_settings


def test_without_any_setting_the_service_is_local_and_on_sqlite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"PATH": "/bin"})
    assert settings.data == tmp_path / "data"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/heji.db"
    assert settings.head == tmp_path / "data/head"
    assert (settings.host, settings.port, settings.threads) == ("127.0.0.1", 8080, 32)
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.trusted_hosts == ("127.0.0.1", "localhost")
    assert settings.proxies == 0
    assert (settings.body_limit, settings.bulk_limit) == (256 * 1024, 32 * 1024 * 1024)
    assert not settings.is_https


def test_the_base_address_brings_its_host_and_its_safety() -> None:
    settings = read_settings({"HEJI_BASE_URL": "https://Trace.Fogang.example/"})
    assert settings.base_url == "https://trace.fogang.example"
    assert settings.trusted_hosts == ("trace.fogang.example", "localhost", "127.0.0.1")
    assert settings.is_https


def test_the_port_moves_the_default_address() -> None:
    assert read_settings({"HEJI_PORT": "9000"}).base_url == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "name, value",
    [
        ("HEJI_PORT", "0"),
        ("HEJI_PORT", "65536"),
        ("HEJI_PORT", "８０８０"),
        ("HEJI_PORT", "80_80"),
        ("HEJI_PORT", "-1"),
        ("HEJI_PORT", "9" * 5000),
        ("HEJI_THREADS", "many"),
        ("HEJI_DATA", " "),
        ("HEJI_BASE_URL", "fogang.example"),
        ("HEJI_BASE_URL", "ftp://fogang.example"),
        ("HEJI_BASE_URL", "https://fogang.example/heji"),
        ("HEJI_BASE_URL", "https://user@fogang.example"),
        ("HEJI_BASE_URL", "https://[fogang"),
        ("HEJI_BASE_URL", "https://fogang.example:port"),
        ("HEJI_DATABASE_URL", "mysql://x"),
        ("HEJI_DATABASE_URL", "sqlite://"),
        ("HEJI_TRUSTED_HOSTS", "a,,b"),
        ("HEJI_TRUSTED_HOSTS", "*"),
        ("HEJI_BODY_LIMIT", "1"),
    ],
)
def test_a_bad_value_is_named_with_its_reason_in_both_languages(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_settings({name: value})
    for language in ("zh", "en"):
        assert name in refused.value.sentence(language)
    assert refused.value.sentence("zh") != refused.value.sentence("en")


def test_a_misspelt_setting_is_noticed() -> None:
    with pytest.raises(Misconfigured, match="HEJI_BASE_ULR"):
        read_settings({"HEJI_BASE_ULR": "https://fogang.example"})


def test_the_database_s_password_is_shown_nowhere() -> None:
    url = "postgresql+psycopg://heji:geheim@db.example/heji"
    shown = {
        setting.name: value for setting, value in list_settings(read_settings({"HEJI_DATABASE_URL": url}))
    }
    assert shown["HEJI_DATABASE_URL"] == "postgresql+psycopg://heji:…@db.example/heji"
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_DATABASE_URL": "mysql://heji:geheim@db.example"})
    assert "geheim" not in str(refused.value)


def test_every_setting_is_listed_with_what_it_means_in_both_languages() -> None:
    listed = list_settings(read_settings({}))
    assert [setting for setting, _ in listed] == list(SETTINGS)
    for setting, value in listed:
        assert value
        assert setting.zh != setting.en
        assert setting.zh.endswith("。")
        assert setting.en.endswith(".")


def test_the_default_that_is_documented_is_the_one_in_force() -> None:
    for setting, value in list_settings(read_settings({})):
        if "<" not in setting.default and setting.name != "HEJI_DATA":
            assert value == setting.default
