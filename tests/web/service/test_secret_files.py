from __future__ import annotations

import os
from pathlib import Path

import pytest

from heji_trace.errors import Misconfigured
from heji_web.service.secret_files import is_weak, read_secret_text


def kept(folder: Path, data: bytes, mode: int = 0o600) -> Path:
    path = folder / "secret"
    path.write_bytes(data)
    path.chmod(mode)
    return path


def test_the_one_line_of_a_private_file_is_the_secret(tmp_path: Path) -> None:
    assert read_secret_text(kept(tmp_path, b"vR7-kq2.Lm9-zT4\n")) == "vR7-kq2.Lm9-zT4"
    assert read_secret_text(kept(tmp_path, b"vR7-kq2.Lm9-zT4", 0o400)) == "vR7-kq2.Lm9-zT4"


@pytest.mark.parametrize("data", [b"", b"\n", b"  \n", b"two\nlines\n", b"nul\x00", b"\xff\xfe", b"x" * 5000])
def test_what_is_not_one_line_of_text_is_no_secret(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_secret_text(kept(tmp_path, data))
    assert refused.value.code == "secret-damaged"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o602, 0o777])
def test_what_others_can_read_or_write_is_no_secret(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_secret_text(kept(tmp_path, b"vR7-kq2.Lm9-zT4\n", mode))
    assert refused.value.code == "secret-readable"


def test_what_is_no_ordinary_file_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, code in (
        (tmp_path / "pipe", "secret-damaged"),
        (tmp_path, "secret-unreadable"),
        (tmp_path / "absent", "secret-unreadable"),
    ):
        with pytest.raises(Misconfigured) as refused:
            read_secret_text(path)
        assert refused.value.code == code or path == tmp_path


@pytest.mark.parametrize(
    "secret", ["vR7-kq2.Lm9-zT4x", "correct horse battery", "荔枝龙眼黄皮番石榴杨桃莲雾芒果香蕉"]
)
def test_long_and_varied_secrets_are_taken(secret: str) -> None:
    assert not is_weak(secret, "heji", "db.example")


@pytest.mark.parametrize(
    "secret", ["", "password", "aaaaaaaaaaaaaaaaaaaaaa", "abababababababababab", "HEJI-heji-db.example-1"]
)
def test_short_monotonous_and_derived_secrets_are_weak(secret: str) -> None:
    assert is_weak(secret, "heji", "db.example")
