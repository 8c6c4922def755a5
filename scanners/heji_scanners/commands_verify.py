"""`heji-scan verify`: what receipts prove, checked without a server by the log's key alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from heji_scanners.files import read_bytes
from heji_scanners.terminal import PROBLEM_FOUND, json_option, language, print_json, tell, visible, wants_json
from heji_trace.errors import HejiError
from heji_trace.events.file_names import readable_name
from heji_trace.events.kinds import KINDS
from heji_trace.events.sealing import unseal
from heji_trace.proving import canonical
from heji_trace.proving.checkpoint import VerifierKey, parse_verifier_key
from heji_trace.proving.proof import Shown, check_bundle
from heji_trace.sentences import say, say_both
from heji_trace.vocabulary.times import dump_ms


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file with what it proves, or why it proves nothing."""

    name: str
    shown: tuple[Shown, ...] = ()
    error: HejiError | None = None


@click.command("verify")
@click.argument("files", nargs=-1, type=click.Path(dir_okay=False, path_type=Path), metavar="FILE...")
@click.option(
    "--key",
    required=True,
    help="账本的验证公钥，或存有它的文件；须取自可信处，而非凭证本身。"
    " The log's verifier key or a file with it, from whom you trust and not from the receipt.",
)
@json_option
@click.pass_context
def verify_receipts(context: click.Context, *, files: Sequence[Path], key: str) -> None:
    """不联网核对下载的凭证（.proof.json）。 Check receipts that were downloaded, without a server.

    Says for each record when it was recorded and what of it is disclosed. Exit code 0: every file holds; 1: one does not.
    """
    if not files:
        raise click.UsageError(say("scan-no-files", language()))
    trusted = _read_key(key)
    checked = [_check(path, trusted) for path in files]
    is_whole = all(each.error is None for each in checked)
    if wants_json():
        print_json({"ok": is_whole, "files": [_dump(each) for each in checked]})
    else:
        for each in checked:
            _tell(each)
        if any(each.shown for each in checked):
            tell("scan-verify-limits")
    if not is_whole:
        context.exit(PROBLEM_FOUND)


def _read_key(text: str) -> VerifierKey:
    """The key that is given, or lies in the file of this name (a key has a plus sign); raises BadSignature."""
    if "+" not in text:
        text = read_bytes(Path(text)).decode("utf-8-sig", "replace")
    return parse_verifier_key(text.strip())


def _check(path: Path, key: VerifierKey) -> _Checked:
    name = readable_name(path.name)
    try:
        return _Checked(name, check_bundle(read_bytes(path), [key]))
    except HejiError as error:
        return _Checked(name, error=error)


def _dump(checked: _Checked) -> dict[str, Any]:
    error = checked.error
    told = None if error is None else {"code": error.code, **say_both(error.code, **error.names)}
    return {
        "file": checked.name,
        "ok": error is None,
        **({"problem": told} if told else {}),
        "records": [_dump_shown(each) for each in checked.shown],
    }


def _dump_shown(shown: Shown) -> dict[str, Any]:
    return {
        "seq": shown.seq,
        "recorded_at": dump_ms(shown.recorded_ms),
        "event": unseal(shown.record["event"], shown.disclosed),
        "sealed": _closed(shown),
        "checkpoint": {
            "origin": shown.checkpoint.origin,
            "size": shown.checkpoint.size,
            "root": shown.checkpoint.root.hex(),
        },
    }


def _tell(checked: _Checked) -> None:
    if checked.error is not None:
        tell("scan-verify-refused", name=checked.name, reason=checked.error.sentence(language()))
        return
    newest = max((each.checkpoint for each in checked.shown), key=lambda head: head.size)
    tell(
        "scan-verify-holds",
        name=checked.name,
        count=len(checked.shown),
        origin=newest.origin,
        size=newest.size,
    )
    for each in checked.shown:
        event = each.record["event"]
        _tell_below(
            1,
            "scan-verify-record",
            entry=each.seq + 1,
            when=dump_ms(each.recorded_ms),
            kind=_kind(event.get("kind")),
            organisation=event.get("organisation", ""),
        )
        for pointer, value in each.disclosed.items():
            text = value if isinstance(value, str) else canonical.dump(value).decode()
            _tell_below(2, "scan-verify-value", pointer=pointer, value=text)
        if closed := _closed(each):
            _tell_below(2, "scan-verify-sealed", count=len(closed))


def _tell_below(depth: int, code: str, **names: object) -> None:
    click.echo("  " * depth + visible(say(code, language(), **names)))


def _closed(shown: Shown) -> list[str]:
    """The places of what the record seals and the receipt does not disclose."""
    return sorted(shown.record["sealed"].keys() - shown.disclosed.keys())


def _kind(name: object) -> str:
    declared = KINDS.get(str(name))
    # A newer log may know kinds that this program does not.
    return str(name) if declared is None else declared.zh if language() == "zh" else declared.en


COMMANDS = (verify_receipts,)
