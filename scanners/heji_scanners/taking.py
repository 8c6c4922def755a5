"""Taking a file into the outbox: once by its content, and as a new version of what it goes on from.

That is what lay under its path before, or a file under another name of which it has most rows: a sheet is copied,
renamed or sent about, added to and handed in again. Rows of a new version that an earlier one has too are in the
outbox and are not put again. Where rows of the earlier version are gone, each row that is new may be one of them,
corrected. What no server has seen gives way to it; else it is parked, because only a person knows whether it corrects
the earlier row or stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from heji_scanners.entries import EVENT, FILE, Draft, KeptFile, Put
from heji_scanners.files import INSTRUMENT, STATED, ReadFile, Statement
from heji_scanners.outbox import Outbox
from heji_trace.errors import Conflict
from heji_trace.events.file_names import readable_name
from heji_trace.sentences import say, say_both

OWN_QUESTIONS: Final = frozenset({"CORRECTED_ROW", "ADDED_ROW", "REPEATED_ROW", "REVISED_FILE"})
"""What the outbox itself asks; no server knows these codes."""
_MOST_FILES: Final = 50
_MOST_ROWS: Final = 20_000
# One row alone may well say what another one said; a sheet does not begin with the same two by chance.
_LEAST_SHARED: Final = 2


class _KnownRow(NamedTuple):
    """A row of an earlier version: a hash of what it says, the id under which it went, its line."""

    says: str
    id: str
    line: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file: which version it is, and how many of its entries were new, known, or asked about.

    `gone` counts rows of the version before that are no longer there; nothing in the ledger is withdrawn for that.
    `earlier` is the name of the file that it goes on from, where that had another one.
    """

    file: ReadFile
    version: int
    new: int = 0
    known: int = 0
    asked: int = 0
    gone: int = 0
    earlier: str | None = None


@dataclass(slots=True)
class _Plan:
    """What is to be put for a new version."""

    drafts: list[Draft] = field(default_factory=list)
    rows: list[_KnownRow] = field(default_factory=list)
    superseded: dict[int, str] = field(default_factory=dict)
    gone: int = 0


def take_file(outbox: Outbox, read: ReadFile, path: Path, *, versions: bool = True) -> Taken:
    """Put a file without problems into the outbox, durably.

    Without `versions`, and for events with ids of their own, another content under the same path is another file.
    Raises Conflict where an id stands for other content already, or an earlier version comes back.
    """
    place = readable_name(str(path.resolve()))
    before = outbox.files_at(place) if versions and read.kind != STATED else []
    if any(file.sha256 == read.sha256 for file in before[1:]):
        # What it says was taken back by the version after it; in silence that would look like having been sent.
        raise Conflict("scan-earlier-version", name=read.name)
    if outbox.find_file(read.sha256) is not None:
        return Taken(read, max(1, len(before)), known=len(read.statements) or 1)
    lately = _taken_lately(outbox, read.kind) if read.kind not in (INSTRUMENT, STATED) else []
    other = _earlier_of(read, lately) if versions and not before else None
    if other is not None:
        before = [other]
    version = len(before) + 1
    if read.kind == INSTRUMENT:
        plan = _plan_instrument(outbox, read, before)
    else:
        versions_of_it = {file.sha256 for file in before}
        others = [file for file in lately if file.sha256 not in versions_of_it]
        plan = _plan_rows(outbox, read, before[0] if before else None, others, version)
    file = KeptFile(read.sha256, place, read.name, read.kind, plan.rows)
    put = Counter(outbox.put(plan.drafts, file, plan.superseded))
    return Taken(
        read,
        version,
        new=put[Put.NEW] + put[Put.REPLACED],
        known=put[Put.KNOWN] + len(plan.rows) - len(plan.drafts) if plan.rows else put[Put.KNOWN],
        asked=sum(draft.asked is not None for draft in plan.drafts),
        gone=plan.gone,
        earlier=None if other is None else other.name,
    )


def _taken_lately(outbox: Outbox, kind: str) -> list[KeptFile]:
    """The sheets of this kind that were taken last, the newest first, of so many rows together."""
    found: list[KeptFile] = []
    rows = 0
    for file in outbox.newest_files(kind, _MOST_FILES):
        rows += len(file.rows)
        if rows > _MOST_ROWS:
            break
        found.append(file)
    return found


def _earlier_of(read: ReadFile, lately: Sequence[KeptFile]) -> KeptFile | None:
    """The file under another name that this one goes on from: it has at least half of that one's rows."""
    says = Counter(each.says for each in read.statements)
    shared = {file.sha256: sum((says & Counter(row[0] for row in file.rows)).values()) for file in lately}
    fitting = [file for file in lately if shared[file.sha256] >= max(_LEAST_SHARED, len(file.rows) / 2)]
    return max(fitting, key=lambda file: shared[file.sha256], default=None)


def _plan_rows(
    outbox: Outbox, read: ReadFile, before: KeptFile | None, others: Sequence[KeptFile], version: int
) -> _Plan:
    """The rows that no earlier version has, and what of the version before they stand for.

    A row that says just what one of `others` says is asked about.
    """
    plan = _Plan()
    known: dict[str, list[_KnownRow]] = {}
    for row in map(_KnownRow._make, before.rows if before else ()):
        known.setdefault(row.says, []).append(row)
    fresh: list[Statement] = []
    for each in read.statements:
        same = known.get(each.says)
        plan.rows.append(_KnownRow(each.says, same.pop(0).id if same else each.id, each.line))
        if plan.rows[-1].id == each.id:
            fresh.append(each)
    gone = [row for rows in known.values() for row in rows]
    plan.gone = len(gone)
    lost: list[_KnownRow] = []
    for row in gone:
        entry = outbox.find_entry(row.id)
        if entry is None or not entry.is_unsent:
            lost.append(row)
        elif entry.settled_ms is None:
            plan.superseded[entry.number] = say("scan-superseded", "zh", name=read.name, version=version)
    pairs = _paired(fresh, lost)
    repeated = _said_in(others)
    for each in fresh:
        asked = _question(read, each.line, pairs.get(each.id)) if lost else None
        if asked is None and each.says in repeated:
            asked = _repeated(read, each.line, *repeated[each.says])
        replaces = pairs[each.id].id if each.id in pairs else None
        plan.drafts.append(
            Draft(each.id, EVENT, each.kind, each.body, read.sha256, each.line, asked, replaces)
        )
    return plan


def _said_in(files: Sequence[KeptFile]) -> dict[str, tuple[str, int]]:
    """What rows of these files say, with the name of the newest file and the line."""
    return {row[0]: (file.name, row[2]) for file in reversed(files) for row in file.rows}


def _paired(fresh: Sequence[Statement], lost: Sequence[_KnownRow]) -> dict[str, _KnownRow]:
    """Which lost row a new one is likely to correct: that of its line, else the next in order."""
    by_line = {row.line: row for row in lost}
    pairs = {each.id: by_line.pop(each.line) for each in fresh if each.line in by_line}
    others = (each for each in fresh if each.id not in pairs)
    rest = sorted(by_line.values(), key=lambda row: row.line)
    return pairs | {each.id: row for each, row in zip(others, rest, strict=False)}


def _question(read: ReadFile, line: int, row: _KnownRow | None) -> dict[str, Any]:
    """The problem document by which a row of a new version is parked."""
    if row is None:
        return _asked("ADDED_ROW", say_both("scan-added-row", name=read.name, line=line))
    said = say_both("scan-corrected-row", name=read.name, line=line, earlier=row.line, id=row.id)
    return _asked("CORRECTED_ROW", said)


def _repeated(read: ReadFile, line: int, earlier: str, earlier_line: int) -> dict[str, Any]:
    """The problem document by which a row is parked that says just what a row of another file said."""
    names = {"name": read.name, "line": line, "other": earlier, "earlier": earlier_line}
    return _asked("REPEATED_ROW", say_both("scan-repeated-row", **names))


def _plan_instrument(outbox: Outbox, read: ReadFile, before: Sequence[KeptFile]) -> _Plan:
    """The file as it is; once an earlier version may have been recorded, its results would be recorded again."""
    plan = _Plan()
    asked = None
    for file in before:
        entry = outbox.find_entry(file.sha256)
        if entry is None or not entry.is_unsent:
            asked = _asked("REVISED_FILE", say_both("scan-revised-file", name=read.name))
        elif entry.settled_ms is None:
            plan.superseded[entry.number] = say(
                "scan-superseded", "zh", name=read.name, version=len(before) + 1
            )
    plan.drafts.append(Draft(read.sha256, FILE, INSTRUMENT, read.data, read.sha256, None, asked))
    return plan


def _asked(code: str, said: Mapping[str, str]) -> dict[str, Any]:
    """As the server's answers are shaped, so that people confirm both in one way."""
    return {
        "code": code,
        "detail_zh": said["zh"],
        "detail_en": said["en"],
        "questions": [{"code": code, **said}],
    }
