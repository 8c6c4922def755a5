from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from county import County, opened_county
from heji_trace.recording.imported import imports_of
from heji_web.commands.tree import heji
from web.sent_files import HARVEST_HEADINGS, csv_file, harvest_rows, xlsx_file


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[County]:
    """A county whose service does not run, so that a command may write."""
    with opened_county(tmp_path / "data") as county:
        county.harvest("A1", "10")
        county.service.close()
        yield county


def run(county: County, *words: str) -> Result:
    environment = {"HEJI_DATA": str(county.service.settings.data), "LC_ALL": "zh_CN.UTF-8"}
    return CliRunner().invoke(
        heji, ["import", "--as", "producer", *words], env=environment, catch_exceptions=False
    )


def ask(county: County, *words: str) -> Any:
    return json.loads(run(county, *words, "--json").stdout)["files"][0]


def write(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def test_a_file_imported_by_command_is_known_as_an_import(closed: County, tmp_path: Path) -> None:
    file = write(tmp_path, "采收.xlsx", xlsx_file(HARVEST_HEADINGS, harvest_rows("LZ-1", "LZ-2")))
    assert ask(closed, file) == {"file": "采收.xlsx", "ok": True, "events": 2, "recorded": 2}
    with closed.service.store.read() as connection:
        [found] = imports_of(connection, closed.authors["producer"])
    assert (found.file_name, found.entries, found.state) == ("采收.xlsx", 2, "live")


def test_a_bad_sheet_is_written_back_with_red_cells(closed: County, tmp_path: Path) -> None:
    file = write(tmp_path, "采收.csv", csv_file(HARVEST_HEADINGS, harvest_rows("LZ-1", "LZ 2")))
    done = run(closed, file, "--errors", str(tmp_path / "mend"))
    assert done.exit_code == 1
    assert "标红的原表" in done.stdout
    sheet = openpyxl.load_workbook(tmp_path / "mend" / "采收.errors.xlsx").worksheets[0]
    assert sheet["D3"].fill.fgColor.rgb == "FFFFC7CE"
    assert "LZ 2" in sheet["A3"].value


def test_all_that_is_wrong_is_told_at_once(closed: County, tmp_path: Path) -> None:
    rows = [*harvest_rows("LZ 2"), *harvest_rows("A1"), *harvest_rows("LZ-3")]
    told = ask(closed, write(tmp_path, "采收.csv", csv_file(HARVEST_HEADINGS, rows)))
    assert [(each["line"], each["code"]) for each in told["problems"]] == [
        (2, "bad-batch"),
        (3, "batch-already-made"),
    ]
    with closed.service.store.read() as connection:
        assert imports_of(connection, closed.authors["producer"]) == []


def test_of_very_many_problems_the_number_is_told(closed: County, tmp_path: Path) -> None:
    rows = harvest_rows(*(f"LZ {number}" for number in range(1100)))
    file = write(tmp_path, "采收.csv", csv_file(HARVEST_HEADINGS, rows))
    assert ask(closed, file)["count"] == 1100
    assert "1100" in run(closed, file).stdout.splitlines()[0]


def test_no_sheet_to_mend_takes_the_place_of_another(closed: County, tmp_path: Path) -> None:
    bad = csv_file(HARVEST_HEADINGS, harvest_rows("LZ 2"))
    files = [write(tmp_path, "采收.csv", bad), write(tmp_path, "采收.txt", bad)]
    mend = tmp_path / "mend"
    run(closed, *files, "--errors", str(mend))
    (mend / "采收.errors.xlsx").write_bytes(b"mended")
    run(closed, files[0], "--errors", str(mend))
    assert {each.name for each in mend.iterdir()} == {
        "采收.errors.xlsx",
        "采收.errors-2.xlsx",
        "采收.errors-3.xlsx",
    }
    assert (mend / "采收.errors.xlsx").read_bytes() == b"mended"


def test_questions_are_answered_beforehand_for_all_rows(closed: County, tmp_path: Path) -> None:
    rows = [("2026-05-28 09:00", "A1", "8", "kg"), ("2026-05-28 10:00", "A1", "8", "kg")]
    file = write(tmp_path, "销售.csv", csv_file(("时间", "批次", "数量", "单位"), rows))
    told = ask(closed, file)
    assert [(each["code"], each["line"]) for each in told["problems"]] == [("OVER_CONSUMPTION", 3)]
    assert ask(closed, file, "--acknowledge", "OVER_CONSUMPTION")["recorded"] == 2


def test_an_instrument_s_file_is_sent_to_where_samples_can_be_chosen(closed: County, tmp_path: Path) -> None:
    from web.sent_files import rapid_file, rapid_row  # noqa: PLC0415

    told = ask(closed, write(tmp_path, "检测.xlsx", rapid_file(rapid_row())))
    assert [each["code"] for each in told["problems"]] == ["instrument-file"]


def test_a_person_at_a_terminal_sees_a_bar_with_rate_and_share(closed: County, tmp_path: Path) -> None:
    file = write(
        tmp_path, "采收.csv", csv_file(HARVEST_HEADINGS, harvest_rows(*(f"LZ-{at}" for at in range(600))))
    )
    screen, terminal = pty.openpty()
    environment = {
        **os.environ,
        "HEJI_DATA": str(closed.service.settings.data),
        "LC_ALL": "zh_CN.UTF-8",
        "PYTHONUTF8": "1",
        "TERM": "xterm",
        "COLUMNS": "120",
    }
    command = [
        sys.executable,
        "-c",
        "from heji_web.commands.main import main; main()",
        "import",
        "--as",
        "producer",
        file,
    ]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=terminal, timeout=120, check=True
    )
    os.close(terminal)
    seen = b""
    while chunk := _read(screen):
        seen += chunk
    os.close(screen)
    shown = seen.decode("utf-8", "replace")
    assert "600" in done.stdout.decode()
    assert "写入" in shown
    assert "100 %" in shown
    assert "行/秒" in shown


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 1 << 16)
    except OSError:
        return b""
