from __future__ import annotations

import os
from pathlib import Path

from heji_scanners.watching import Watcher


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_a_file_is_given_when_it_has_stood_still_and_once(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    file = tmp_path / "day.csv"
    file.write_bytes(b"half of")
    assert watcher.look() == []
    file.write_bytes(b"half of it and the rest\n")
    assert watcher.look() == [], "it was still growing"
    assert names(watcher.look()) == ["day.csv"]
    assert watcher.look() == []


def test_a_file_that_ends_within_a_line_must_stand_still_for_longer(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    for name in ("day.csv", "day.xlsx"):
        (tmp_path / name).write_bytes(b"batch,kg\nA1,12")
    looks = [names(watcher.look()) for _ in range(7)]
    assert looks == [[], ["day.xlsx"], [], [], [], ["day.csv"], []], "12 may become 125"
    # It was: the line is whole now, and nothing need be waited for.
    (tmp_path / "day.csv").write_bytes(b"batch,kg\nA1,125\n")
    assert [names(watcher.look()) for _ in range(2)] == [[], ["day.csv"]]


def test_a_file_that_changes_is_given_again(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    file = tmp_path / "day.csv"
    file.write_bytes(b"one\n")
    os.utime(file, ns=(1, 1))
    watcher.look()
    assert names(watcher.look()) == ["day.csv"]
    file.write_bytes(b"two\n")
    os.utime(file, ns=(2, 2))
    assert watcher.look() == []
    assert names(watcher.look()) == ["day.csv"]


def test_files_that_are_none_of_ours_are_left(tmp_path: Path) -> None:
    for name in ("photo.jpg", ".hidden.csv", "~$open.xlsx", "day.csv.part", "empty.csv"):
        (tmp_path / name).write_bytes(b"" if name == "empty.csv" else b"x")
    (tmp_path / "folder.csv").mkdir()
    watcher = Watcher(tmp_path)
    assert watcher.look() == watcher.look() == []


def test_those_that_lie_there_already_come_oldest_first(tmp_path: Path) -> None:
    for age, name in ((3, "a.csv"), (1, "b.TXT"), (2, "c.ndjson")):
        (tmp_path / name).write_bytes(b"x\n")
        os.utime(tmp_path / name, ns=(age, age))
    watcher = Watcher(tmp_path)
    watcher.look()
    assert names(watcher.look()) == ["b.TXT", "c.ndjson", "a.csv"]


def test_a_file_that_is_taken_away_is_forgotten(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    file = tmp_path / "day.csv"
    file.write_bytes(b"x\n")
    watcher.look()
    file.unlink()
    assert watcher.look() == []


def test_a_folder_that_is_away_is_noticed_and_looked_at_again(tmp_path: Path) -> None:
    folder = tmp_path / "stick"
    watcher = Watcher(folder)
    looks = [(watcher.look(), watcher.is_there)]
    folder.mkdir()
    (folder / "day.csv").write_bytes(b"x\n")
    looks += [(watcher.look(), watcher.is_there) for _ in range(2)]
    assert looks == [([], False), ([], True), ([folder / "day.csv"], True)]


def test_a_file_that_could_not_be_read_is_given_again(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path)
    file = tmp_path / "day.csv"
    file.write_bytes(b"x\n")
    watcher.look()
    assert watcher.look() == [file]
    watcher.give_again(file)
    assert watcher.look() == [file]
    assert watcher.look() == []
