"""`heji-scan outbox`: what waits, what needs a person, what was delivered, and what a person decides about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from os import environ
from pathlib import Path
from typing import Any

import click

from heji_scanners.commands_files import opened_outbox, tell_counts
from heji_scanners.deciding import confirm
from heji_scanners.entries import EVENT, Entry, State, Step
from heji_scanners.outbox import Outbox
from heji_scanners.settings import read_settings
from heji_scanners.terminal import json_option, language, print_json, print_table, tell, wants_json
from heji_scanners.written import write_file
from heji_trace.errors import HejiError
from heji_trace.events.kinds import KINDS
from heji_trace.proving import canonical
from heji_trace.sentences import say
from heji_trace.vocabulary.times import BEIJING, SYSTEM_CLOCK, dump_ms, moment_of

_DAY_MS = 86_400_000
_OPEN = (State.WAITING, State.PARKED)

_states = click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help="只看这些状态，可重复。 Only these; repeatable.",
)
_numbers = click.argument("names", nargs=-1, required=True, metavar="NUMBER|ID...")
_all = click.option("--all", "everything", is_flag=True, help="所有待处理的。 All that are parked.")
_some = click.argument("names", nargs=-1, metavar="[NUMBER|ID]...")


@click.group("outbox")
def outbox_group() -> None:
    """发件箱：待送、待处理、已送达。 What waits, what needs a person, what is delivered."""


@outbox_group.command("list")
@_states
@json_option
def list_entries(*, states: Sequence[str]) -> None:
    """列出条目及其回执或原因；默认不含已送达的。 List entries with receipt or reason.

    Without --state, those that wait or need a person.
    """
    wanted = [State(state) for state in states] or list(_OPEN)
    with opened_outbox(read_settings(environ)) as outbox:
        entries = outbox.list_entries(wanted)
        if wants_json():
            print_json({"ok": True, "outbox": outbox.counts(), "entries": [_dump(each) for each in entries]})
            return
        print_table(
            (
                *("scan-column-number", "scan-column-state", "scan-column-kind", "scan-column-file"),
                *("scan-column-line", "scan-column-said"),
            ),
            (
                (each.number, _state(each), _kind(each), each.name, each.line, _last_word(each))
                for each in entries
            ),
        )
        tell_counts(outbox.counts())


@outbox_group.command("show")
@_numbers
@json_option
def show_entries(*, names: Sequence[str]) -> None:
    """显示条目的内容、经过、回执或服务器的原因。 Show entries with everything known about them."""
    with opened_outbox(read_settings(environ)) as outbox:
        entries = [outbox.entry_of(name) for name in names]
        steps = [outbox.steps_of(each.number) for each in entries]
    if wants_json():
        shown = [
            _dump(each)
            | {"event": each.event if each.form == EVENT else None}
            | {"steps": [{"at": dump_ms(one.at_ms), "step": one.step, "said": one.said} for one in happened]}
            for each, happened in zip(entries, steps, strict=True)
        ]
        print_json({"ok": True, "entries": shown})
        return
    for entry, happened in zip(entries, steps, strict=True):
        _show(entry, happened)


@outbox_group.command("confirm")
@_some
@_all
@click.option(
    "--code", "codes", multiple=True, help="只确认这些提示，可重复。 Confirm these codes alone; repeatable."
)
@click.option("--yes", is_flag=True, help="不再询问。 Do not ask.")
@json_option
@click.pass_context
def confirm_entries(
    context: click.Context, *, names: Sequence[str], everything: bool, codes: Sequence[str], yes: bool
) -> None:
    """确认属实，随后再次发送。 Say that what looked wrong is true; it is sent again with that.

    What is asked is shown first. A corrected row of a file is then sent as a correction of the earlier one.
    """
    with opened_outbox(read_settings(environ)) as outbox:
        chosen = _chosen(outbox, names, everything=everything)
        if everything:
            chosen = [each for each in chosen if each.questions]
        if not yes and not wants_json():
            for entry in chosen:
                tell(
                    "scan-asked-about",
                    number=entry.number,
                    kind=_kind(entry),
                    name=entry.name,
                    line=entry.line or "–",
                )
                for question in entry.questions:
                    click.echo(f"  {question['code']}: {question[language()]}")
            if not click.confirm(say("scan-is-it-true", language()), err=True):
                context.exit(1)

        def decide(entry: Entry) -> None:
            given = codes or [str(question["code"]) for question in entry.questions]
            confirm(outbox, entry, given, SYSTEM_CLOCK.now_ms())

        _decide(context, chosen, decide, "scan-confirmed")


@outbox_group.command("retry")
@_some
@_all
@json_option
@click.pass_context
def retry_entries(context: click.Context, *, names: Sequence[str], everything: bool) -> None:
    """原样再发一次。 Send again as it is, also what was discarded."""
    with opened_outbox(read_settings(environ)) as outbox:
        chosen = _chosen(outbox, names, everything=everything)
        _decide(context, chosen, lambda entry: outbox.resume(entry.number, "retried"), "scan-retried")


@outbox_group.command("discard")
@_numbers
@click.option("--reason", required=True, help="为何放弃，随草稿保留。 Why; it is kept with the draft.")
@json_option
@click.pass_context
def discard_entries(context: click.Context, *, names: Sequence[str], reason: str) -> None:
    """放弃不应发送的条目；草稿保留，可用 retry 恢复。 Give entries up; the drafts are kept."""
    if not reason.strip():
        raise click.UsageError(say("scan-reason-needed", language()))
    with opened_outbox(read_settings(environ)) as outbox:
        chosen = _chosen(outbox, names, everything=False)
        _decide(context, chosen, lambda entry: outbox.discard(entry.number, reason.strip()), "scan-discarded")


@outbox_group.command("resend")
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    help="多少天以来送达的。 What was delivered within so many days.",
)
@json_option
def resend_entries(*, days: int) -> None:
    """服务器恢复备份后，把已送达的再送一次；不会重复入账。 Send again what was delivered: a server may have lost it.

    Whatever the ledger has is answered with its receipt and not recorded a second time.
    """
    with opened_outbox(read_settings(environ)) as outbox:
        count = outbox.send_again(SYSTEM_CLOCK.now_ms() - days * _DAY_MS)
        counts = outbox.counts()
    if wants_json():
        print_json({"ok": True, "again": count, "outbox": counts})
    tell("scan-sent-again", count=count)


@outbox_group.command("prune")
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=90,
    show_default=True,
    help="只清理多少天以前送达的。 Only what was delivered so many days ago.",
)
@json_option
def prune_entries(*, days: int) -> None:
    """清理早已送达的条目，其余一律保留。 Forget what was delivered long ago; all else stays."""
    with opened_outbox(read_settings(environ)) as outbox:
        count = outbox.prune(SYSTEM_CLOCK.now_ms() - days * _DAY_MS)
        counts = outbox.counts()
    if wants_json():
        print_json({"ok": True, "pruned": count, "outbox": counts})
    tell("scan-pruned", count=count)


@outbox_group.command("export")
@_states
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="写到哪个文件。 Where to write it.",
)
@click.option("--overwrite", is_flag=True, help="同名文件已存在时覆盖它。 Replace a file of that name.")
@json_option
def export_entries(*, states: Sequence[str], output: Path | None, overwrite: bool) -> None:
    """把未送达的事件导出为 NDJSON，可用优盘带走或改正后重发。 Write events as lines of JSON.

    Without --state, those that wait or need a person. Their ids stay: sent from elsewhere, they repeat and never
    double. Instruments' files are not among them. A file that is there already, and may have been mended, stays as it is.
    """
    wanted = [State(state) for state in states] or list(_OPEN)
    with opened_outbox(read_settings(environ)) as outbox:
        lines = [
            canonical.dump(each.event) + b"\n" for each in outbox.list_entries(wanted) if each.form == EVENT
        ]
    if output is None:
        sys.stdout.buffer.write(b"".join(lines))
        return
    # What is sealed in the ledger lies in it in clear.
    write_file(output, b"".join(lines), overwrite=overwrite, private=True)
    if wants_json():
        print_json({"ok": True, "events": len(lines), "file": str(output)})
    tell("scan-exported", count=len(lines), name=output)


def _chosen(outbox: Outbox, names: Sequence[str], *, everything: bool) -> list[Entry]:
    if everything == bool(names):
        raise click.UsageError(say("scan-name-or-all", language()))
    return (
        list(outbox.list_entries([State.PARKED])) if everything else [outbox.entry_of(name) for name in names]
    )


def _decide(
    context: click.Context, chosen: Iterable[Entry], decide: Callable[[Entry], None], code: str
) -> None:
    """Decide about each entry; one for which it cannot be done is told, and the others are done."""
    done: list[int] = []
    failed: list[dict[str, Any]] = []
    for entry in chosen:
        try:
            decide(entry)
        except HejiError as error:
            failed.append(
                {
                    "number": entry.number,
                    "code": error.code,
                    "zh": error.sentence("zh"),
                    "en": error.sentence("en"),
                }
            )
            tell("scan-entry-problem", err=True, number=entry.number, why=error.sentence(language()))
        else:
            done.append(entry.number)
    if wants_json():
        print_json({"ok": not failed, "numbers": done, "problems": failed})
    tell(code, count=len(done))
    if failed:
        context.exit(1)


def _dump(entry: Entry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "id": entry.id,
        "form": entry.form,
        "kind": entry.kind,
        "state": entry.state,
        "file": entry.name,
        "line": entry.line,
        "acknowledged": list(entry.acknowledged),
        "replaces": entry.replaces,
        "attempts": entry.attempts,
        "put_at": dump_ms(entry.put_ms),
        "settled_at": None if entry.settled_ms is None else dump_ms(entry.settled_ms),
        "status": entry.status,
        "answer": entry.answer,
        "receipt": entry.receipt,
    }


def _show(entry: Entry, steps: Sequence[Step]) -> None:
    rows: list[tuple[object, object]] = [
        (say("scan-column-number", language()), entry.number),
        ("id", entry.id),
        (say("scan-column-state", language()), _state(entry)),
        (say("scan-column-kind", language()), _kind(entry)),
        (say("scan-column-file", language()), f"{entry.name} {entry.line or ''}".strip()),
        (say("scan-column-said", language()), _last_word(entry)),
        *((f"  {each['code']}", each[language()]) for each in entry.questions),
        *((f"  {each.get('pointer', '')}", each.get(language(), "")) for each in _problems(entry)),
        *((f"  {_when(step.at_ms)}", _step(step)) for step in steps),
    ]
    print_table(("scan-column-what", "scan-column-content"), rows)
    if entry.form == EVENT:
        click.echo(canonical.dump(entry.event).decode())


def _step(step: Step) -> str:
    return f"{say(f'scan-step-{step.step}', language())} {step.said}".strip()


def _when(at_ms: int) -> str:
    return moment_of(at_ms).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _problems(entry: Entry) -> Sequence[dict[str, Any]]:
    return list((entry.answer or {}).get("problems", ()))


def _state(entry: Entry) -> str:
    return say(f"scan-state-{entry.state}", language())


def _kind(entry: Entry) -> str:
    kind = KINDS.get(entry.kind)
    if kind is None:
        return say("scan-kind-instrument", language())
    return kind.zh if language() == "zh" else kind.en


def _last_word(entry: Entry) -> str:
    """The receipt, or why there is none yet."""
    if entry.receipt is not None:
        when = moment_of(entry.settled_ms or 0).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
        if entry.form == EVENT:
            return say("scan-receipt", language(), seq=entry.receipt["seq"], when=when)
        parts = {part: len(entry.receipt[part]) for part in ("matched", "parked")}
        return say("scan-file-receipt", language(), when=when, **parts)
    answer = entry.answer or {}
    said = [
        answer.get(f"detail_{language()}", ""),
        *(each.get(language(), "") for each in (*entry.questions, *_problems(entry))),
    ]
    return " ".join(dict.fromkeys(str(each) for each in said if each))


COMMANDS = (outbox_group,)
