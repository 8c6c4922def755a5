from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from heji_scanners.commands import cli
from heji_web.commands.tree import heji

ENGLISH = ("Error", "Usage", "Try ", "not ", "Missing", "No such")


def typed(command: str, locale: str = "zh_CN.UTF-8") -> Result:
    program, *words = command.split()
    return CliRunner().invoke(cli if program == "heji-scan" else heji, words, env={"LC_ALL": locale})


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("heji-scan sned", "没有命令 sned"),
        ("heji --nosuch", "没有选项 --nosuch"),
        ("heji-scan send --nosuch", "没有选项 --nosuch"),
        ("heji org add", "缺少 CODE"),
        ("heji-scan template", "harvest"),
        ("heji-scan outbox discard 3", "缺少 --reason"),
        (
            "heji org add x --name y --role producer --type nosuch",
            "“nosuch”不在可选范围内。可选：enterprise、",
        ),
        ("heji-scan send /nowhere/at/all.csv", "“/nowhere/at/all.csv”不存在"),
        ("heji-scan send --patience 99999999", "应为 0 到 86400 之间的数"),
        ("heji-scan outbox prune --days x", "--days 的值不对：“x”应为 0 到 36500 之间的数"),
        ("heji verify much more", "多出了：much more"),
        ("heji org add x --name", "选项 --name 后面缺少值"),
        ("heji-scan check", "请给出要检查的文件"),
        ("heji copy", "--to URL | --to-file FILE"),
    ],
)
def test_whoever_types_a_command_wrongly_is_told_in_chinese(command: str, said: str) -> None:
    result = typed(command)
    assert (result.exit_code, result.stdout) == (2, "")
    first, *rest = result.stderr.splitlines()
    assert first.startswith("用法有误：")
    assert said in first
    assert [line[:3] for line in rest] == ["用法：", "说明："]
    assert [word for word in ENGLISH if word in result.stderr] == []


def test_in_english_it_is_told_as_the_library_tells_it() -> None:
    result = typed("heji org add", "en_GB.UTF-8")
    assert result.exit_code == 2
    assert "Missing argument 'CODE'" in result.stderr
    assert "用法" not in result.stderr


@pytest.mark.parametrize("command", ["heji", "heji org", "heji-scan", "heji-scan outbox"])
def test_a_group_alone_shows_what_it_can_do(command: str) -> None:
    result = typed(command)
    assert "--help" in result.output
    assert "用法有误" not in result.output
