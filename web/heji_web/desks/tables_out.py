"""Tables that a spreadsheet program opens: the chain of a batch, whom to call about it or a recall, somebody's stock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response
from sqlalchemy import Connection

from heji_trace.desks.oversight import Answer, RowShown, Warned
from heji_trace.desks.stocks import Stocked
from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Choice
from heji_trace.ledger.ledger import size_of
from heji_trace.recalls.recall import RecallReport
from heji_trace.recalls.recall_updates import Update, newest_figures
from heji_trace.sentences import say
from heji_web.events.described import local_moment, local_time
from heji_web.requests.csv_files import csv_of, plain_amounts
from heji_web.requests.languages import gettext, language
from heji_web.service.service import the_service


@dataclass(frozen=True, slots=True)
class AsOf:
    """What a table was made from: the entries of the ledger up to the place `size`, as they stood at `moment`."""

    size: int
    moment: str

    def cells(self) -> tuple[str, str]:
        """The cells that each row ends with: rows are copied out of their file, and must say of themselves."""
        return str(self.size), self.moment


def as_of_now(connection: Connection) -> AsOf:
    """All that is recorded at this moment."""
    return AsOf(size_of(connection), local_time(the_service().clock.now_ms()))


_AS_OF_HEADINGS = ("Made from entries up to", "As of")


def give_trace(answer: Answer, batch: str, as_of: AsOf) -> Response:
    """Every row of a trace, with the entries that prove it."""
    headings = (
        "Direction and distance",
        "Batch",
        "Product code",
        "Product",
        "Organisation",
        "Name",
        "Made",
        "Passed on",
        "On hand",
        "On its way",
        "Sold",
        "Holders",
        "Origin unknown",
        "Tests",
        "Live warnings",
        "Entries",
        "Entry hashes",
        *_AS_OF_HEADINGS,
    )
    names = {party.organisation: party.name for party in (*answer.parties, *answer.suppliers)}
    return csv_of(
        f"trace-{batch}.csv",
        _called(headings),
        ([*_trace_row(shown, names), *as_of.cells()] for shown in answer.rows),
    )


def give_call_list(answer: Answer, batch: str, as_of: AsOf) -> Response:
    """Who has, had or awaits goods of a trace, then who supplied them, each with a way to reach them."""
    headings = (
        "Organisation",
        "Code",
        "Contact",
        "In this chain",
        "On its way",
        "On hand",
        "Sold",
        "Batches",
        *_AS_OF_HEADINGS,
    )
    named = ((gettext("Has or had it"), answer.parties), (gettext("Suppliers"), answer.suppliers))
    rows = (
        (
            party.name,
            party.organisation,
            party.contact or "",
            role,
            plain_amounts(party.coming),
            plain_amounts(party.held),
            plain_amounts(party.sold),
            " ".join(party.batches),
            *as_of.cells(),
        )
        for role, parties in named
        for party in parties
    )
    return csv_of(f"call-list-{batch}.csv", _called(headings), rows)


def give_recall_list(report: RecallReport, facts: Mapping[str, Mapping[str, Any]], as_of: AsOf) -> Response:
    """Who has or had recalled goods, what of them is where by the ledger, what of it is reported, and how to reach them.

    The ways to reach people are for who sees the whole case. Reports stand once, on the first row of whom they are about.
    """
    headings = (
        "Organisation",
        "Code",
        "Contact",
        *("On its way", "On hand", "Sold", "Returned", "Disposed of", "Batches"),
        *("Notified", "Reported on hand", "Reported sold", "Reported returned", "Reported disposed of"),
        *("To be finished by", "Reported in entries"),
        *_AS_OF_HEADINGS,
    )
    reports = defaultdict[str, list[tuple[Update, Mapping[str, Any]]]](list)
    for update, row in newest_figures(report.updates):
        reports[row["organisation"]].append((update, row))
    counted = [
        (
            each.organisation,
            [
                plain_amounts({each.dimension: amount})
                for amount in (each.transit, each.held, each.sold, each.returned, each.disposed)
            ],
            " ".join(each.batches),
        )
        for each in report.consignees
    ]
    known = {organisation for organisation, _, _ in counted}
    counted += [(organisation, [""] * 5, "") for organisation in reports if organisation not in known]
    rows = []
    for organisation, amounts, batches in counted:
        told = facts.get(organisation, {})
        contact = str(told.get("contact") or "") if report.is_whole else ""
        stated = _reported(reports.pop(organisation, []))
        rows.append(
            (str(told.get("name", "")), organisation, contact, *amounts, batches, *stated, *as_of.cells())
        )
    return csv_of(f"recall-{report.event_id}.csv", _called(headings), rows)


def _reported(reports: Sequence[tuple[Update, Mapping[str, Any]]]) -> list[str]:
    """What is reported of one consignee, batch by batch where there are several."""
    cells: list[list[str]] = [[] for _ in range(7)]
    for update, row in reports:
        batch = str(row.get("batch", ""))
        figures = [
            f"{row[name]} {row.get('unit', '')}".strip() if row.get(name) else ""
            for name in ("on_hand", "sold", "returned", "disposed")
        ]
        notified = local_moment(row["notified_at"]) if row.get("notified_at") else ""
        finish = str(row.get("finish_on") or update.finish_on or "")
        for cell, text in zip(cells, [notified, *figures, finish, str(update.seq + 1)], strict=True):
            if text:
                cell.append(f"{batch} {text}" if batch and len(reports) > 1 else text)
    return ["; ".join(cell) for cell in cells]


def give_stock(
    held: Iterable[tuple[Stocked, Sequence[Warned]]],
    arriving: Iterable[tuple[Stocked, Sequence[Warned]]],
    code: str,
    as_of: AsOf,
) -> Response:
    """What an organisation has, then what is on its way to it, each batch with its warnings."""
    headings = ("Batch", "Product", "Where it is", "What there is", "Live warnings", *_AS_OF_HEADINGS)
    rows = (
        (
            each.batch,
            each.product,
            place,
            plain_amounts({each.dimension: each.amount}),
            _live(warned),
            *as_of.cells(),
        )
        for place, stocked in ((gettext("On hand"), held), (gettext("On its way to it"), arriving))
        for each, warned in stocked
    )
    return csv_of(f"stock-{code}.csv", _called(headings), rows)


def labels_of(choice: Choice) -> dict[str, str]:
    """What the options of a choice are called in the reader's language."""
    return {option.value: option.zh if language() == "zh" else option.en for option in choice.options}


def way_of(shown: RowShown) -> str:
    """Where a row of a trace lies, seen from the batch asked about."""
    up, down = shown.row.up, shown.row.down
    if up == 0 or down == 0:
        return gettext("This batch")
    ways = []
    if up:
        ways.append(gettext("Upstream %(steps)s") % {"steps": up})
    if down:
        ways.append(gettext("Downstream %(steps)s") % {"steps": down})
    return " · ".join(ways)


def _trace_row(shown: RowShown, names: Mapping[str, str]) -> list[str]:
    row = shown.row
    said = labels_of(words.TEST_STATUS) | labels_of(words.CONCLUSION)
    tests = [(test.sample, test.conclusion or test.status) for test in shown.tests]
    return [
        way_of(shown),
        row.batch,
        row.product or "",
        shown.product,
        row.organisation,
        shown.organisation,
        local_time(row.made_ms),
        plain_amounts(shown.passed),
        plain_amounts(shown.held),
        plain_amounts(shown.coming),
        plain_amounts(shown.sold),
        "; ".join(
            f"{names.get(each.holder, each.holder)} {plain_amounts({each.dimension: each.amount})}"
            for each in row.holdings
        ),
        (gettext("Yes") if row.unknown_origin else ""),
        "; ".join(f"{sample} {said.get(word, word)}" for sample, word in tests),
        _live(shown.warnings),
        " ".join(str(seq + 1) for seq, _ in row.proofs),
        " ".join(leaf.hex() for _, leaf in row.proofs),
    ]


def _live(warned: Iterable[Warned]) -> str:
    """The warnings that stand, by their titles."""
    return "; ".join(say(f"title-{each.code}", language()) for each in warned if not each.is_lifted)


def _called(headings: tuple[str, ...]) -> list[str]:
    return [gettext(heading) for heading in headings]
