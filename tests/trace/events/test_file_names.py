from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heji_trace.events.file_names import plain_name, readable_name


def test_a_name_from_a_chinese_windows_machine_is_read_as_what_it_says() -> None:
    assert readable_name(os.fsdecode("采收.csv".encode("gb18030"))) == "采收.csv"
    assert readable_name(os.fsdecode("/家/采收 6月.csv".encode())) == "/家/采收 6月.csv"
    assert readable_name("/家/" + os.fsdecode("采收.csv".encode("gb18030"))) == "/家/采收.csv"


def test_two_names_that_are_no_text_stay_two() -> None:
    one, other = (os.fsdecode(b"a" + tail + b".csv") for tail in (b"\xff", b"\xfe"))
    assert readable_name(one) != readable_name(other)


@pytest.mark.parametrize(
    "given_name, name",
    [
        ("采收.csv", "采收.csv"),
        ("采收　6月.csv", "采收　6月.csv"),
        ("../../etc/passwd.csv", "passwd.csv"),
        ("C:\\台账\\采收.csv", "采收.csv"),
        ("a\r\nX-Evil: 1\x00.csv", "aX-Evil: 1.csv"),
        ("采收\u202evsc.exe", "采收vsc.exe"),
        ("采" * 300 + ".csv", "采" * 116 + ".csv"),
        ("", ""),
    ],
)
def test_the_name_of_a_handed_in_file_steers_nothing(given_name: str, name: str) -> None:
    assert plain_name(given_name) == name


@given(st.text(st.characters()))
def test_any_name_can_be_kept_and_sent(text: str) -> None:
    for name in (plain_name(text), readable_name(text)):
        assert name.encode().decode() == name
