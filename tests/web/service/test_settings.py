from __future__ import annotations

from pathlib import Path

import pytest

from heji_trace.errors import Misconfigured
from heji_web.service.settings import SETTINGS, list_settings, read_settings


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


def test_a_chinese_host_is_written_as_browsers_send_it() -> None:
    settings = read_settings({"HEJI_BASE_URL": "https://溯源.佛冈.example:8443"})
    assert settings.base_url == "https://xn--b9wnc.xn--1qqw6c.example:8443"
    assert settings.trusted_hosts[0] == "xn--b9wnc.xn--1qqw6c.example"
    assert read_settings({"HEJI_TRUSTED_HOSTS": "佛冈.example"}).trusted_hosts == ("xn--1qqw6c.example",)


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
        ("HEJI_BASE_URL", f"https://{'佛' * 64}.example"),
        ("HEJI_TRUSTED_HOSTS", f"{'佛' * 64}.example"),
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


STRONG = "vR7-kq2.Lm9-zT4.bX"


def secret_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "database-url"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "url, shown",
    [
        (
            f"postgresql+psycopg://heji:{STRONG}@db.example/heji",
            "postgresql+psycopg://heji:…@db.example/heji",
        ),
        (f"postgresql+psycopg:///heji?user=heji&password={STRONG}", "postgresql+psycopg:///heji?…"),
    ],
)
def test_a_password_of_the_database_comes_from_a_private_file_and_is_shown_nowhere(
    tmp_path: Path, url: str, shown: str
) -> None:
    settings = read_settings({"HEJI_DATABASE_URL_FILE": str(secret_file(tmp_path, f"{url}\n"))})
    assert settings.database_url == url
    listed = {setting.name: value for setting, value in list_settings(settings)}
    assert listed["HEJI_DATABASE_URL"] == shown
    assert STRONG not in str(listed)
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_DATABASE_URL": url})
    assert STRONG not in refused.value.sentence("zh") + refused.value.sentence("en")
    assert "HEJI_DATABASE_URL_FILE" in refused.value.sentence("zh")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = secret_file(tmp_path, f"postgresql+psycopg://heji:{STRONG}@db/heji", mode)
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_DATABASE_URL_FILE": str(path)})
    assert refused.value.code == "secret-readable"


@pytest.mark.parametrize(
    "password", ["short", "a" * 40, "heji-db.example", "heji" * 8, "1212121212121212121212", "%61" * 30]
)
def test_a_password_that_can_be_guessed_is_refused(tmp_path: Path, password: str) -> None:
    path = secret_file(tmp_path, f"postgresql+psycopg://heji:{password}@db.example/heji")
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_DATABASE_URL_FILE": str(path)})
    assert refused.value.code == "secret-weak"
    assert password not in refused.value.sentence("en")


def test_an_address_is_given_once(tmp_path: Path) -> None:
    path = secret_file(tmp_path, "postgresql+psycopg://heji@db/heji")
    assert read_settings({"HEJI_DATABASE_URL_FILE": str(path)}).database_url_file == path
    both = {"HEJI_DATABASE_URL_FILE": str(path), "HEJI_DATABASE_URL": "sqlite:////tmp/x.db"}
    with pytest.raises(Misconfigured, match="HEJI_DATABASE_URL"):
        read_settings(both)


def test_backups_can_be_switched_off_and_sent_elsewhere(tmp_path: Path) -> None:
    settings = read_settings({"HEJI_DATA": str(tmp_path)})
    assert (settings.backup, settings.backup_copy) == (tmp_path / "backups", None)
    assert read_settings({"HEJI_BACKUP": "OFF"}).backup is None
    off = read_settings(
        {"HEJI_DATA": str(tmp_path), "HEJI_BACKUP": "off", "HEJI_BACKUP_COPY": str(tmp_path / "x")}
    )
    assert (off.backup, off.backup_folder, off.backup_copy) == (None, tmp_path / "backups", tmp_path / "x")


def test_the_database_s_password_is_shown_nowhere() -> None:
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
