"""`heji erase`: at a person's request, sealed values and every copy of them vanish."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import click

from heji_trace import sentences
from heji_trace.backups.erase_again import erase_again
from heji_trace.effects.erasing import Vanishing, find_texts, preview
from heji_trace.errors import InvalidEvent, Problem, Unknown
from heji_trace.events.kinds.words import LEGAL_GROUND
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.people import accounts
from heji_trace.recording.recorder import Receipt
from heji_trace.vocabulary.times import dump_ms
from heji_web.commands.service import working_service
from heji_web.commands.terminal import json_option, language, print_rows, tell, wants_json
from heji_web.service.settings import read_settings

_COLUMNS = ("entry", "event", "pointer", "label", "value", "erasable")


@click.command("erase")
@click.argument("event", required=False)
@click.argument("pointers", nargs=-1)
@click.option("--find", "text", help="列出含有这段文字的封存值 · list the sealed values that hold this text")
@click.option(
    "--again", is_flag=True, help="恢复旧备份后再次抹除 · erase again after the restore of a backup"
)
@click.option(
    "--ground",
    type=click.Choice([option.value for option in LEGAL_GROUND.options]),
    help="法律依据；不给则只预览 · the legal ground; without it only a preview",
)
@click.option("--request", help="请求说明，封存 · about the request, sealed")
@click.option("--requested-on", help="请求日期 · the day of the request (2026-08-03)")
@click.option("--organisation", help="负责的主体 · who answers for it [the account's]")
@click.option(
    "--as", "actor", default="operator", show_default=True, help="以哪个账号记录 · the account that records"
)
@click.option("--yes", is_flag=True, help="不再询问 · do not ask")
@json_option
def erase(  # noqa: PLR0913  each is an option of the command
    *,
    event: str | None,
    pointers: Sequence[str],
    text: str | None,
    again: bool,
    ground: str | None,
    request: str | None,
    requested_on: str | None,
    organisation: str | None,
    actor: str,
    yes: bool,
) -> None:
    """应请求抹除一条记录的封存值，如 /details/contact 与 /note；不可撤回 · Erase sealed values of a record, for good.

    不给字段位置则为全部可抹除的值；不给 --ground 则只显示将会消失的内容。
    Without pointers all values that may go; without --ground only what would vanish is shown.
    """
    with working_service(read_settings(os.environ)) as service:
        with service.store.read() as connection:
            author = accounts.account_of(connection, actor).author
            if text is not None:
                _show(find_texts(connection, text))
                return
            shown = preview(connection, [event]) if event is not None else []
        now = dump_ms(service.clock.now_ms())
        if again:
            _tell(erase_again(service.recorder, service.store, author, now))
            return
        if event is None or not shown:
            raise Unknown("no-such-entry", entry=event or "-")
        chosen = _chosen(shown, pointers)
        if ground is None:
            _show(chosen or shown)
            return
        if not chosen:
            raise InvalidEvent([Problem("", "nothing-to-erase")])
        if not wants_json():
            _show(chosen)
        if not (yes or wants_json()):
            click.confirm(sentences.say("ask-erase", language(), count=len(chosen)), abort=True, err=True)
        details: dict[str, Any] = {
            "values": [{"event": event, "pointers": [each.pointer for each in chosen]}],
            "ground": ground,
        }
        given = {"request": request, "requested_on": requested_on}
        details |= {name: value for name, value in given.items() if value is not None}
        raw = {
            "id": new_event_id(service.clock.now_ms(), service.random),
            "kind": "erasure",
            "occurred_at": now,
            "organisation": organisation or author.organisation,
            "details": details,
        }
        _tell([service.recorder.submit(parse_event(raw), author)])


def _chosen(shown: Sequence[Vanishing], pointers: Sequence[str]) -> list[Vanishing]:
    """The values named, or all that may go; raises InvalidEvent for a pointer that names none."""
    if not pointers:
        return [each for each in shown if each.erasable]
    known = {each.pointer: each for each in shown}
    unknown = [
        Problem(pointer, "no-such-sealed-value", {"pointer": pointer})
        for pointer in pointers
        if pointer not in known
    ]
    if unknown:
        raise InvalidEvent(unknown)
    return [known[pointer] for pointer in dict.fromkeys(pointers)]


def _show(found: Sequence[Vanishing]) -> None:
    print_rows(_COLUMNS, [_row(each) for each in found])


def _row(each: Vanishing) -> dict[str, Any]:
    value = each.value if isinstance(each.value, str) else json.dumps(each.value, ensure_ascii=False)
    label = each.zh if language() == "zh" else each.en
    return {
        "entry": each.seq,
        "event": each.event_id,
        "pointer": each.pointer,
        "label": label,
        "value": value,
        "erasable": "✓" if each.erasable else "–",
    }


def _tell(receipts: Sequence[Receipt]) -> None:
    dumped = [{"seq": each.seq, "event_id": each.event_id} for each in receipts]
    code = "values-erased" if receipts else "nothing-came-back"
    tell({"ok": True, "erasures": dumped}, code, count=len(receipts))


COMMANDS = (erase,)
