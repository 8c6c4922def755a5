"""One search box: what a batch was made from, where it went, who has it, and what proves each row."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, select

from heji_trace.desks import choices, lookup, oversight
from heji_trace.desks.oversight import Answer, RowShown
from heji_trace.errors import InvalidEvent, Problem, Unknown
from heji_trace.events.kinds import KINDS, Kind, words
from heji_trace.judging.levels import LEVELS, STOPPING
from heji_trace.judging.wording import say_warning
from heji_trace.ledger.evidence import Trust
from heji_trace.people.parties import Author
from heji_trace.proving.proof import dump_bundle
from heji_trace.recalls.recall import running_recalls
from heji_trace.rights import reading, receipts
from heji_trace.rights.rights import may_oversee
from heji_trace.store.tables import batches
from heji_trace.tracing import tracing
from heji_trace.tracing.tracing import Direction, Trace
from heji_trace.vocabulary.times import BEIJING, beijing_date, ms_of, parse_moment
from heji_trace.vocabulary.units import dump_amount
from heji_web.desks.tables_out import AsOf, as_of_now, give_call_list, give_trace, labels_of, way_of
from heji_web.events import naming
from heji_web.events.described import kind_name, local_time
from heji_web.events.subjects import products_of
from heji_web.requests.access import signed_in
from heji_web.requests.headers import permit_scripts
from heji_web.requests.languages import language
from heji_web.service.service import the_service

blueprint = Blueprint("regulator", __name__)
blueprint.after_request(permit_scripts)

_DIRECTIONS: Mapping[str, Direction] = {"up": "up", "down": "down", "both": "both"}
# A page of thousands of rows helps nobody; the CSV has them all.
_MOST_ROWS = 500
# Some ten megabytes of proofs.
_MOST_PROVED = 3000
_LEAST_BEGINNING = 2
_TELEPHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}[0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which batch is asked about, in which direction, and as of when (a local time of Beijing, "" for now)."""

    batch: str
    direction: Direction
    as_of: str
    as_of_seq: int | None


@blueprint.get("/desk/search")
def search() -> ResponseReturnValue:
    """What the text names; one thing alone is opened at once."""
    author = signed_in().author
    text = request.args.get("q", "").strip()[:200]
    with the_service().store.read() as connection:
        found = [each for each in lookup.look_up(connection, text) if _may_see(connection, author, each)]
        if not found and len(text) >= _LEAST_BEGINNING:
            own = None if may_oversee(author) else author.organisation
            begun = lookup.batches_beginning(connection, text, own)
            readable = reading.readable_batches(connection, author, begun)
            found = [lookup.Found("batch", batch) for batch in begun if batch in readable]
        products = products_of(connection, {each.code for each in found if each.kind == "batch"})
    if len(found) == 1:
        return redirect(_address_of(found[0]), HTTPStatus.SEE_OTHER)
    return render_template("search.html", text=text, found=found, products=products, address_of=_address_of)


@blueprint.get("/desk/batches/<batch>")
def show_batch(batch: str) -> ResponseReturnValue:
    """Both directions of a batch with totals, holders and proofs."""
    author = signed_in().author
    service, oversees = the_service(), may_oversee(author)
    with service.store.read() as connection:
        asked = _asked(connection, batch)
        answer = _answer(connection, author, asked)
        recorded = choices.recorded_for(connection, author, beijing_date(service.clock.now_ms()))
        siblings = oversight.untested_siblings(connection, author, batch, asked.as_of_seq) if oversees else []
        recalls = running_recalls(connection, batch)
        records = oversight.records_about(connection, author, batch, asked.as_of_seq, _MOST_ROWS + 1)
        codes = {row.organisation for row in records}
        speakers = choices.names_of(
            connection, codes, own=codes if oversees else naming.own_organisations(connection, author)
        )
        kept = select(batches.c.batch_number, batches.c.kind).where(batches.c.batch == batch)
        number, kind = connection.execute(kept).one()
    return render_template(
        "trace.html",
        asked=asked,
        answer=answer,
        batch_number=number,
        centre=answer.rows[0],
        is_taken_back=kind == "withdrawn" and answer.rows[0].row.unknown_origin,
        steps=_next_steps(author, answer.rows[0], recorded.keys()),
        levels=LEVELS,
        say_warning=say_warning,
        amounts=amounts_said,
        local_time=local_time,
        way=way_of,
        conclusions=labels_of(words.CONCLUSION),
        states=labels_of(words.TEST_STATUS),
        oversees=oversees,
        siblings=siblings,
        most=_MOST_ROWS,
        may_recall="regulator" in author.roles,
        recalls=recalls,
        records=records[-_MOST_ROWS:],
        has_earlier_records=len(records) > _MOST_ROWS,
        record_ids={row.seq: row.event_id for row in records},
        speakers=speakers,
        kind_labels={kind.name: kind_name(kind, language()) for kind in KINDS.values()},
        find_telephone=find_telephone,
        holders={party.organisation: party.name for party in (*answer.parties, *answer.suppliers)},
        may_label=_may_label(author, answer.rows[0]),
    )


@blueprint.get("/desk/batches/<batch>/trace.csv")
def give_csv(batch: str) -> ResponseReturnValue:
    """The same answer as a spreadsheet program opens it."""
    author = signed_in().author
    with the_service().store.read() as connection:
        asked = _asked(connection, batch)
        answer, as_of = _answer(connection, author, asked), _as_of(connection, asked)
    return give_trace(answer, batch, as_of)


@blueprint.get("/desk/batches/<batch>/call-list.csv")
def give_calls(batch: str) -> ResponseReturnValue:
    """Whom to call about a batch, as a spreadsheet program opens it; for overseers, as on the page."""
    author = signed_in().author
    if not may_oversee(author):
        raise Unknown
    with the_service().store.read() as connection:
        asked = _asked(connection, batch)
        answer, as_of = _answer(connection, author, asked), _as_of(connection, asked)
    return give_call_list(answer, batch, as_of)


@blueprint.get("/desk/batches/<batch>/evidence.json")
def give_evidence(batch: str) -> ResponseReturnValue:
    """All records of the chain in one receipt that is checked without this service; for overseers, who hand it on."""
    author = signed_in().author
    if not may_oversee(author):
        raise Unknown
    service = the_service()
    trust = Trust(service.signer.verifier, service.head.read())
    with service.store.read() as connection:
        trace = _trace(connection, author, _asked(connection, batch))
        seqs = oversight.entries_of_chain(connection, author, trace, _MOST_PROVED)
        bundle = receipts.evidence_bundle(connection, author, seqs, trust)
    response = Response(dump_bundle(bundle), mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="evidence-{batch}.proof.json"'
    return response


def _next_steps(author: Author, shown: RowShown, kinds: Collection[str]) -> list[tuple[Kind, dict[str, str]]]:
    """What this person may well record of the batch as it stands, with what its form is to be filled with.

    What is stopped goes back or is disposed of; nobody is led to sell it or to make something of it.
    """
    own = [each for each in shown.row.holdings if each.holder == author.organisation and each.amount > 0]
    held = any(each.state == "held" for each in own)
    steps: list[tuple[str, str]] = []
    if any(each.state == "transit" for each in own):
        steps.append(("receiving", "moves.0.batch"))
    if held and _is_stopped(shown):
        steps += [(name, "moves.0.batch") for name in ("return", "disposal")]
    elif held:
        steps += [(name, "inputs.0.batch") for name in ("grading", "processing", "packaging")]
        steps += [("shipping", "moves.0.batch"), ("sale", "moves.0.batch")]
    if held or "regulator" in author.roles:
        steps += [("sampling", "details.samples.0.batch"), ("hold", "batches")]
    return [(KINDS[name], {place: shown.row.batch}) for name, place in steps if name in kinds]


def _may_label(author: Author, shown: RowShown) -> bool:
    has_it = any(each.holder == author.organisation and each.amount > 0 for each in shown.row.holdings)
    return has_it and not _is_stopped(shown) and bool(author.roles & KINDS["label_issue"].recorders)


def _is_stopped(shown: RowShown) -> bool:
    return any(each.code in STOPPING and not each.is_lifted for each in shown.warnings)


def _may_see(connection: Connection, author: Author, found: lookup.Found) -> bool:
    if found.kind == "batch":
        return bool(reading.readable_batches(connection, author, [found.code]))
    return may_oversee(author) or found.code == author.organisation


def _address_of(found: lookup.Found) -> str:
    if found.kind == "batch":
        return url_for("regulator.show_batch", batch=found.code)
    return url_for("organisations.show", code=found.code)


def _asked(connection: Connection, batch: str) -> Asked:
    """What the address asks; raises InvalidEvent for a time that cannot be read."""
    direction = _DIRECTIONS.get(request.args.get("direction", ""), "both")
    text = request.args.get("as_of", "").strip()
    if not text:
        return Asked(batch, direction, "", None)
    local = text if len(text) > len("2026-06-12T07:40") else f"{text}:59"
    try:
        moment = parse_moment(local if local.endswith("Z") or "+" in local else f"{local}+08:00")
        shown = moment.astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M")
        recorded_ms = ms_of(moment)
    except (ValueError, OverflowError) as error:
        raise InvalidEvent([Problem("/as_of", "bad-moment", {"value": text[:60]})]) from error
    return Asked(batch, direction, shown, tracing.seq_at(connection, recorded_ms))


def _as_of(connection: Connection, asked: Asked) -> AsOf:
    if asked.as_of_seq is not None:
        return AsOf(asked.as_of_seq + 1, asked.as_of.replace("T", " "))
    return as_of_now(connection)


def _trace(connection: Connection, author: Author, asked: Asked) -> Trace:
    """Raises Unknown where there is no such batch, there was none then, or it is not the author's to read."""
    reading.check_may_read_batch(connection, author, asked.batch)
    trace = tracing.trace_of(connection, asked.batch, asked.direction, asked.as_of_seq)
    if trace is None:
        raise Unknown
    return trace


def _answer(connection: Connection, author: Author, asked: Asked) -> Answer:
    trace = _trace(connection, author, asked)
    now_ms, own = the_service().clock.now_ms(), naming.own_organisations(connection, author)
    return oversight.answer_of(connection, author, trace, language(), now_ms, own)


def amounts_said(amounts: Mapping[str, int]) -> str:
    """Amounts for people; a batch may be counted in one dimension and weighed in another."""
    told = [dump_amount(dimension, amount, language()) for dimension, amount in amounts.items() if amount]
    return " + ".join(told)


def find_telephone(contact: str) -> str | None:
    """The number to dial in what people wrote as a contact, often with a name beside it."""
    found = _TELEPHONE.search(contact)
    return None if found is None else re.sub("[ -]", "", found[0])
