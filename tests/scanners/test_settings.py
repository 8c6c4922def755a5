from __future__ import annotations

from pathlib import Path

import pytest

from heji_scanners.settings import ScanSettings, read_settings, read_token, server_of
from heji_trace.errors import Misconfigured


def token_file(folder: Path, content: str = "abc.def", mode: int = 0o600) -> ScanSettings:
    path = folder / "token"
    path.write_text(content)
    path.chmod(mode)
    return read_settings({"HEJI_SCAN_TOKEN": str(path)})


def refusal(settings: ScanSettings) -> str:
    with pytest.raises(Misconfigured) as refused:
        read_token(settings)
    return refused.value.code


def test_a_token_is_read_from_its_owner_s_file(tmp_path: Path) -> None:
    assert read_token(token_file(tmp_path, "abc.def\n")) == "abc.def"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o622])
def test_a_token_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    assert refusal(token_file(tmp_path, mode=mode)) == "scan-token-readable"


@pytest.mark.parametrize("content", ["", "\n", "two words", "令牌", "a\nb", "x" * 5000])
def test_what_is_no_token_is_refused(tmp_path: Path, content: str) -> None:
    assert refusal(token_file(tmp_path, content)) == "scan-token-malformed"


def test_a_missing_token_or_server_is_told(tmp_path: Path) -> None:
    assert refusal(read_settings({})) == "scan-setting-missing"
    assert refusal(read_settings({"HEJI_SCAN_TOKEN": str(tmp_path / "none")})) == "scan-token-unreadable"
    with pytest.raises(Misconfigured):
        server_of(read_settings({}))


@pytest.mark.parametrize(
    "address",
    [
        "https://heji.example",
        "https://HEJI.example:8443/",
        "http://127.0.0.1:8080",
        "http://192.168.1.20",
        "http://localhost",
    ],
)
def test_addresses_with_tls_or_nearby_are_taken(address: str) -> None:
    assert server_of(read_settings({"HEJI_SCAN_SERVER": address})) == address.rstrip("/").lower()


@pytest.mark.parametrize(
    "address, code",
    [
        ("http://heji.example", "scan-server-without-tls"),
        ("http://8.8.8.8", "scan-server-without-tls"),
        ("heji.example", "scan-bad-server"),
        ("ftp://heji.example", "scan-bad-server"),
        ("https://heji.example/api", "scan-bad-server"),
        ("https://user:pass@heji.example", "scan-bad-server"),
        ("https://[::1", "scan-bad-server"),
    ],
)
def test_other_addresses_are_refused(address: str, code: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_SCAN_SERVER": address})
    assert refused.value.code == code


def test_a_mistyped_setting_is_told() -> None:
    with pytest.raises(Misconfigured) as refused:
        read_settings({"HEJI_SCAN_SEVER": "https://heji.example"})
    assert refused.value.code == "unknown-setting"


def test_the_server_s_own_settings_are_none_of_ours() -> None:
    assert read_settings({"HEJI_DATA": "/srv", "PATH": "/bin"}).server == ""
