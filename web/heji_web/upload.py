"""One page for files: a spreadsheet or an instrument's file is dropped, checked, completed and confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from io import BytesIO
from uuid import NAMESPACE_OID, uuid5

from flask import Blueprint, make_response, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from heji_scanners.readers.rapid17 import RapidRow
from heji_trace import choices, pending, targets
from heji_trace.choices import Suggestion
from heji_trace.errors import BulkRefused, HejiError, InvalidEvent, Problem, Unknown
from heji_trace.event_ids import new_event_id
from heji_trace.kinds import KINDS, Kind
from heji_trace.parties import Author
from heji_trace.pending import Chosen, Pending
from heji_trace.recorder import Receipt
from heji_trace.rules import LEVELS
from heji_trace.samples import match_result
from heji_trace.schemas import parse_event
from heji_trace.sheets.templates import template
from heji_trace.targets import Target
from heji_trace.times import BEIJING, beijing_date, moment_of
from heji_web import imports
from heji_web.access import signed_in
from heji_web.bodies import permit_body
from heji_web.described import kind_name
from heji_web.headers import permit_scripts
from heji_web.imports import INSTRUMENT, Asked, Import
from heji_web.languages import gettext, language
from heji_web.problems import ProblemAnswer, problem_of
from heji_web.service import the_service

blueprint = Blueprint("upload", __name__)
blueprint.after_request(permit_scripts)

MOST_SHOWN = 300
"""Lines of a file that the page shows: those in question, and as many of the others."""

_MOST_CORRECTED = 5000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LABORATORIES = frozenset({"laboratory", "third_party_laboratory", "producer"})


@dataclass(frozen=True, slots=True)
class Checked:
    """An upload as it stands: what was read, what is wrong or asked, and the receipts once it is recorded."""

    upload: Pending
    read: Import | None
    problems: Sequence[Problem] = ()
    asked: Sequence[Asked] = ()
    receipts: Sequence[Receipt] = ()
    refusal: ProblemAnswer | None = None

    @property
    def is_recorded(self) -> bool:
        """Whether all of it stands in the ledger already."""
        return bool(self.receipts) and all(receipt.repeated for receipt in self.receipts)


@blueprint.get("/desk/upload")
def show() -> ResponseReturnValue:
    """Where a file is chosen; templates and help."""
    return _first_page(signed_in().author)


@blueprint.post("/desk/upload")
def take() -> ResponseReturnValue:
    """Keep the file until it is confirmed, and show what it says."""
    service = the_service()
    permit_body(service.settings.bulk_limit)
    author = signed_in().author
    file = request.files.get("file")
    data = file.read() if file else b""
    if file is None or not data:
        return _first_page(author, InvalidEvent([Problem("", "empty-file")]))
    chosen = Chosen(request.form.get("kind", ""), request.form.get("organisation", ""))
    with service.store.write() as connection:
        import_id = pending.keep_import(
            connection, author.account, (file.filename or "")[-120:], data, chosen, service.clock.now_ms()
        )
    return redirect(url_for("upload.check", import_id=import_id), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/upload/<import_id>")
def check(import_id: str) -> ResponseReturnValue:
    """What the file says, what is wrong with it, what it is asked about; or its receipts."""
    author = signed_in().author
    return _check_page(author, _checked(author, _pending(author, import_id)))


@blueprint.post("/desk/upload/<import_id>")
def decide(import_id: str) -> ResponseReturnValue:
    """Note what was chosen and confirmed, and record it all where nothing is left open."""
    author = signed_in().author
    service = the_service()
    upload = _pending(author, import_id)
    upload = replace(upload, chosen=_chosen(upload.chosen))
    with service.store.write() as connection:
        pending.choose(connection, import_id, upload.chosen)
    if "record" not in request.form:
        return redirect(url_for("upload.check", import_id=import_id), HTTPStatus.SEE_OTHER)
    checked = _checked(author, upload, dry_run=False)
    if checked.refusal or checked.problems or checked.asked or not checked.receipts:
        return _check_page(author, checked), HTTPStatus.CONFLICT
    return redirect(url_for("upload.check", import_id=import_id, done=1), HTTPStatus.SEE_OTHER)


@blueprint.post("/desk/upload/<import_id>/undo")
def undo(import_id: str) -> ResponseReturnValue:
    """Take back everything that a file said and that still stands; both stay visible."""
    author = signed_in().author
    service = the_service()
    read = _read(author, _pending(author, import_id))
    with service.store.read() as connection:
        standing = choices.standing_events(connection, [event.id for event in read.events])
    corrections = [
        parse_event(
            {
                # From the page, as its time is: a second tap must say the very same.
                "id": str(uuid5(NAMESPACE_OID, f"{request.form.get('id', '')} {organisation} {at}")),
                "kind": "correction",
                "occurred_at": request.form.get("at", ""),
                "organisation": organisation,
                "details": {
                    "corrects": ids[at : at + _MOST_CORRECTED],
                    "reason": gettext("Entered by mistake"),
                },
            }
        )
        for organisation, ids in standing.items()
        for at in range(0, len(ids), _MOST_CORRECTED)
    ]
    service.recorder.submit_all(corrections, author)
    return redirect(url_for("upload.check", import_id=import_id), HTTPStatus.SEE_OTHER)


@blueprint.get("/desk/templates/<kind>.xlsx")
def give_template(kind: str) -> ResponseReturnValue:
    """An empty spreadsheet for a kind."""
    signed_in()
    if kind not in KINDS or not KINDS[kind].form:
        raise Unknown
    name = KINDS[kind].zh.replace("/", "、") if language() == "zh" else KINDS[kind].en
    return send_file(
        BytesIO(template(KINDS[kind], language())), _XLSX, as_attachment=True, download_name=f"{name}.xlsx"
    )


def _pending(author: Author, import_id: str) -> Pending:
    with the_service().store.read() as connection:
        return pending.import_of(connection, author.account, import_id)


def _chosen(before: Chosen) -> Chosen:
    """What the page says now, on top of what was chosen before."""
    form = request.form
    targets_now = {**before.targets, **_targets()}
    confirmed = {place: list(codes) for place, codes in before.acknowledged.items()}
    for name in form:
        if name.startswith("acknowledged."):
            _confirm(confirmed, name.removeprefix("acknowledged."), form.getlist(name))
    if code := form.get("acknowledge_all"):
        for place in form.get(f"asked.{code}", "").split(","):
            _confirm(confirmed, place, [code])
    return Chosen(
        form.get("kind", before.kind),
        form.get("organisation", before.organisation),
        targets_now,
        confirmed,
    )


def _targets() -> dict[str, str]:
    """The samples and batches that the page names by line; where lines alike go together, one names them all."""
    form = request.form
    named = {
        # A suggestion's button comes behind the field of the same name, and counts.
        name.removeprefix("target."): form.getlist(name)[-1].strip()
        for name in form
        if name.startswith("target.")
    }
    if "alike" not in form:
        return named
    of_group = {
        form[f"alike.{line}"]: text for line, text in named.items() if text and f"alike.{line}" in form
    }
    return {line: text or of_group.get(form.get(f"alike.{line}", ""), "") for line, text in named.items()}


def _confirm(confirmed: dict[str, list[str]], place: str, codes: Sequence[str]) -> None:
    confirmed[place] = list(dict.fromkeys([*confirmed.get(place, []), *codes]))[:50]


def _checked(author: Author, upload: Pending, *, dry_run: bool = True) -> Checked:
    """Read the upload and try it, or record it; nothing is written in a dry run."""
    try:
        read = _read(author, upload)
    except InvalidEvent as error:
        return Checked(upload, None, refusal=problem_of(error), problems=error.problems)
    if not read.is_ready:
        return Checked(upload, read, read.problems)
    try:
        receipts = the_service().recorder.submit_all(read.events, author, dry_run=dry_run)
    except BulkRefused as refusal:
        problems, asked = imports.refused(read, refusal)
        return Checked(upload, read, problems, asked)
    except HejiError as error:
        return Checked(upload, read, refusal=problem_of(error))
    return Checked(upload, read, receipts=receipts)


def _read(author: Author, upload: Pending) -> Import:
    chosen = upload.chosen

    def match(row: RapidRow) -> Target | None:
        named = chosen.targets.get(str(row.line))
        if named:
            return targets.find_target(connection, named)
        return match_result(connection, sample=row.sample, batch=row.batch, note=row.note)

    organisation = chosen.organisation or author.organisation
    with the_service().store.read() as connection:
        read = imports.read_import(upload.data, upload.file_name, chosen.kind, organisation, match)
    return imports.acknowledge(read, chosen.acknowledged)


def _first_page(author: Author, error: InvalidEvent | None = None) -> ResponseReturnValue:
    with the_service().store.read() as connection:
        kinds, givers = _may_record(connection, author)
    page = render_template(
        "upload.html",
        kinds=kinds,
        givers=givers,
        has_instrument=bool(author.roles & _LABORATORIES),
        instrument=INSTRUMENT,
        refusal=error,
    )
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK)


def _may_record(connection: Connection, author: Author) -> tuple[list[Kind], list[Suggestion]]:
    """The kinds that this person may upload, and for whom: the own organisation first."""
    recorded = choices.recorded_for(connection, author, beijing_date(the_service().clock.now_ms()))
    codes = list(dict.fromkeys([author.organisation, *(code for each in recorded.values() for code in each)]))
    names = choices.names_of(connection, codes, own=codes)
    return [KINDS[name] for name in recorded], [Suggestion(code, names.get(code, code)) for code in codes]


def _check_page(author: Author, checked: Checked) -> str:
    service = the_service()
    now_ms = service.clock.now_ms()
    with service.store.read() as connection:
        kinds, givers = _may_record(connection, author)
        unmatched = checked.read.unmatched if checked.read else ()
        ids = [receipt.event_id for receipt in checked.receipts] if checked.is_recorded else []
        standing = choices.standing_events(connection, ids)
        suggested = {
            row.line: targets.suggest_targets(
                connection, author, row.sampled_unit, row.sample_name, language()
            )
            for row in unmatched[:MOST_SHOWN]
        }
    return render_template(
        "upload_check.html",
        checked=checked,
        read=checked.read,
        chosen=checked.upload.chosen,
        kinds=kinds,
        kind_of=KINDS.get(checked.read.kind) if checked.read else None,
        instrument=INSTRUMENT,
        has_instrument=bool(author.roles & _LABORATORIES),
        givers=givers,
        grid=_grid(checked),
        suggested=suggested,
        unmatched=unmatched,
        questions=_questions(checked.asked),
        kind_labels={kind.name: kind_name(kind, language()) for kind in KINDS.values()},
        levels=LEVELS,
        just_done=request.args.get("done") == "1",
        standing={event_id for ids in standing.values() for event_id in ids},
        undo_id=new_event_id(now_ms, service.random),
        now=moment_of(now_ms).astimezone(BEIJING).isoformat(timespec="seconds"),
    )


def _grid(checked: Checked) -> list[tuple[imports.GridLine, dict[int, list[Problem]], bool]]:
    """The lines to show, each with the problems of its cells by column, and whether it is asked about."""
    if checked.read is None:
        return []
    headings = list(checked.read.headings)
    wrong: dict[int, dict[int, list[Problem]]] = {}
    for problem in checked.problems:
        if problem.line is not None:
            column = headings.index(problem.column) if problem.column in headings else -1
            wrong.setdefault(problem.line, {}).setdefault(column, []).append(problem)
    asked = {line for each in checked.asked for line in each.lines}
    lines = checked.read.lines
    if len(lines) > MOST_SHOWN:
        lines = tuple(sorted(lines, key=lambda line: line.number not in wrong and line.number not in asked))
        lines = tuple(sorted(lines[:MOST_SHOWN], key=lambda line: line.number))
    return [(line, wrong.get(line.number, {}), line.number in asked) for line in lines]


def _questions(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    """The questions by their code, so that many rows are confirmed at once."""
    by_code: dict[str, list[Asked]] = {}
    for each in asked:
        by_code.setdefault(each.question.code, []).append(each)
    return by_code
