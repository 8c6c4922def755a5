from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from heji_scanners.commands import cli
from heji_trace.identifiers import codes
from heji_trace.printing import labels
from heji_trace.sentences import language_of

GTIN = "06901234567892"
CODE = codes.make_trace_code(lambda length: b"\x5a" * length)
URL = codes.trace_url("https://heji.example.cn", CODE)


def run(*arguments: str, stdin: str | bytes | None = None, locale: str = "C.UTF-8") -> Result:
    environment = {"LC_ALL": locale, "LC_MESSAGES": "", "LANG": ""}
    result = CliRunner().invoke(cli, ["decode", *arguments], input=stdin, env=environment)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_picture_and_a_text_are_explained_in_chinese_by_default(tmp_path: Path) -> None:
    picture = tmp_path / "label.png"
    picture.write_bytes(labels.dump_png(URL))
    result = run(str(picture), "hello")
    assert result.exit_code == 0
    assert result.output.splitlines()[:3] == [
        f"{picture}：本系统的追溯码",
        f"  追溯码：{codes.dump_trace_code(CODE)}",
        f"  网址：{URL}",
    ]
    assert "普通文本" in result.output


def test_english_is_chosen_by_option_or_by_locale() -> None:
    for result in (run("--language", "en", CODE), run(CODE, locale="en_GB.UTF-8")):
        assert result.output == f"Trace code of this system\n  trace code: {codes.dump_trace_code(CODE)}\n"


@pytest.mark.parametrize(
    "environment, language",
    [
        ({}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "en_GB", "LANG": "zh_CN"}, "en"),
    ],
)
def test_the_locale_names_the_language(environment: dict[str, str], language: str) -> None:
    assert language_of(environment) == language


def test_a_problem_is_told_and_gives_exit_code_1() -> None:
    result = run(f"(01){GTIN}(17)261331", "hello")
    assert result.exit_code == 1
    assert "  问题：AI(17) 的值“261331”不是有效的日期或时刻。" in result.output.splitlines()
    assert "普通文本" in result.output


def test_wrong_usage_gives_exit_code_2() -> None:
    for name in ("no-such-picture.png", "IMG_0042.HEIC", "codes.txt"):
        assert run(name).exit_code == 2
    assert run("--language", "fr", "x").exit_code == 2
    assert run("--colour").exit_code == 2


def test_of_several_files_it_is_said_which_holds_what(tmp_path: Path) -> None:
    first, second = tmp_path / "a.png", tmp_path / "b.txt"
    first.write_bytes(labels.dump_png(URL))
    second.write_text("hello\n")
    told = run(str(first), str(second), CODE).output.split("\n\n")
    assert [each.splitlines()[0] for each in told] == [
        f"{first}：本系统的追溯码",
        f"{second}：普通文本",
        "本系统的追溯码",
    ]
    assert run(str(first)).output.startswith("本系统的追溯码")


def test_standard_input_is_read_as_lines_or_as_a_picture() -> None:
    assert run(stdin=f"{CODE}\n荔枝\n").output.count("\n\n") == 1
    assert URL in run("-", stdin=labels.dump_png(URL)).output


def test_nothing_to_read_is_a_problem() -> None:
    assert run(stdin="\n").exit_code == 1
    assert run("").exit_code == 1


def test_json_carries_the_same_for_programs() -> None:
    result = run("--json", f"(01){GTIN}(17)261331")
    read = json.loads(result.output)
    assert (result.exit_code, read["ok"]) == (1, False)
    (code,) = read["codes"]
    assert (code["kind"], code["source"]) == ("gs1", f"(01){GTIN}(17)261331")
    assert [fact["key"] for fact in code["facts"]] == ["01", "17"]
    assert code["problems"][0]["code"] == "gs1-bad-date"
    assert set(code["problems"][0]["message"]) == {"zh", "en"}


def test_a_code_cannot_steer_the_terminal() -> None:
    result = run("\x1b[31mred\x07\x9b")
    assert result.exit_code == 0
    assert not set(result.output) & {"\x1b", "\x07", "\x9b"}
    assert "␛[31mred␇␡" in result.output


def test_a_text_longer_than_any_file_name_is_a_text() -> None:
    assert run("A" * 5_000).exit_code == 0


def test_a_file_that_is_neither_is_told(tmp_path: Path) -> None:
    file = tmp_path / "strange"
    file.write_bytes(b"\xff\xfe\x00")
    result = run(str(file))
    assert result.exit_code == 1
    assert "存成 JPEG" in result.output
