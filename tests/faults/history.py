"""A county's history that leaves a row in every table: every kind is told, and what needs another statement follows it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from county import CYCLE, PACKED, PLOT, PRODUCT, County, found_county
from heji_trace.errors import HejiError, NeedsAcknowledgement
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers.codes import make_trace_code
from heji_trace.people.parties import Author
from heji_trace.recording.recorder import Receipt
from heji_web.service.founding import found_log
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, Now

TRACE_CODE = make_trace_code(lambda size: b"\x5a" * size)
"""The code on the labels of this history."""

# More than a tile of 256 leaves: the ledger then has stored nodes.
_MANY = 260

# The parties, sites and goods that the examples of the kinds speak of.
_ORGANISATIONS = ("fg-centre", "fg-spray-team", "fg-station-gaogang", "fg-litchi-coop", "gz-fruit-shop")
_SITES = {"fg-farm-002": "farm", "fg-store-01": "store", "fg-station-gaogang": "station"}
_PRODUCTS = ("litchi-fzx-fresh", "litchi-fzx-5kg")


@contextmanager
def open_county(folder: Path, now: Now | None = None, database_url: str | None = None) -> Iterator[County]:
    """A county in `folder`, begun there or in the database given, closed when the block ends."""
    url = database_url or f"sqlite:///{folder / 'heji.db'}"
    settings = read_settings({"HEJI_DATA": str(folder), "HEJI_DATABASE_URL": url})
    now = now or Now()
    found_log(settings, "log.heji.example/log", os.urandom)
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    try:
        yield found_county(service, now)
    finally:
        service.close()


def say(county: County, raw: dict[str, Any], who: str, author: Author | None = None) -> Receipt:
    """Record what a person says, confirming what is asked back."""
    event = parse_event(raw)
    author = author or county.authors[who]
    try:
        return county.recorder.submit(event, author)
    except NeedsAcknowledgement as asked:
        codes = [question.code for question in asked.questions]
        return county.recorder.submit(parse_event({**event.body, "acknowledged": codes}), author)


def tell_whole_history(county: County) -> dict[str, str]:
    """Tell every kind's example, then the statements about statements; the kinds whose example was refused, and why."""
    many = [county.harvesting(f"M{number}") for number in range(_MANY)]
    county.recorder.submit_all(many, county.authors["producer"])
    refused = tell_examples(county)
    tell_goods(county)
    tell_laboratory(county)
    tell_supervision(county)
    tell_corrections(county)
    tell_erasure(county)
    return refused


def tell_examples(county: County) -> dict[str, str]:
    """Each kind's example as far as it stands alone, said by whoever may; a new kind is told here by itself."""
    for code in _ORGANISATIONS:
        roles = ["operator" if code == "fg-centre" else "service"]
        if code not in {author.organisation for author in county.authors.values()}:
            details = {"code": code, "name": code, "subject_type": "service_org", "roles": roles}
            say(county, county.raw("organisation", "operator", details=details), "operator")
    for code, site_type in _SITES.items():
        details = {"code": code, "name": code, "site_type": site_type, "organisation": "fg-litchi-coop"}
        say(county, county.raw("site", "operator", details=details), "operator")
    for code in _PRODUCTS:
        details = {"code": code, "name": code, "commodity": "荔枝"}
        say(county, county.raw("product", "operator", details=details), "operator")
    refused: dict[str, str] = {}
    for kind in KINDS.values():
        for who in county.authors:
            raw = example_event(kind) | {"id": county.new_id(), "occurred_at": county.at()}
            raw.pop("ended_at", None)
            raw.pop("performed_by", None)
            raw["organisation"] = county.code(who)
            try:
                say(county, raw, who)
            except HejiError as error:
                refused.setdefault(kind.name, f"{who}: {error}")
            else:
                refused.pop(kind.name, None)
                break
    return refused


def tell_goods(county: County) -> None:
    """Goods made, mixed, handed over, sold, received from nowhere and short; a plot treated before its harvest."""
    uses = {"input_type": "veterinary", "name": "土霉素", "withdrawal_days": 30}
    county.record("input_application", hours_ago=30, site=PLOT, cycles=[CYCLE], details=uses)
    for batch in ("G1", "G2"):
        raw = county.harvesting(batch).body
        say(county, raw, "producer")
    county.make("packaging", {"G1": "50", "G2": "10"}, {"G3": "58"})
    county.make("grading", {"G2": "20"}, {"G4": "19"})
    county.hand_over("G3", "30", "producer", "shop")
    county.move("sale", "G3", "5", "shop")
    readings = [{"at": county.at(2 - hour), "temperature": str(3 + 9 * hour)} for hour in range(3)]
    watched = {"logger": "TH-20231", "readings": readings}
    say(county, county.raw("condition", batches=["G2", "G4"], details=watched), "producer")
    promised = {
        "product": PRODUCT,
        "quantity": "20",
        "unit": "kg",
        "origin": "广东省清远市佛冈县高岗镇",
        "contact": "0763-0000000",
        "promise": ["no_banned_inputs", "residues_within_limits", "truthful"],
        "basis": ["quality_control"],
        "issued_at": county.at(),
        "number": "HGZ-01",
        "signer": "黄理事长",
    }
    say(county, county.raw("conformity_certificate", batches=["G2"], details=promised), "producer")
    nowhere = [{"batch": "U1", "product": PRODUCT, "quantity": "7", "unit": "kg"}]
    say(county, county.raw("receiving", "packer", moves=nowhere), "packer")
    county.record(
        "label_issue",
        details={
            "product": PACKED,
            "batch": "G3",
            "trace_code": TRACE_CODE,
            "phone_code": "4082190376",
            "copies": 12,
        },
    )


def tell_laboratory(county: County) -> None:
    """A sample of a batch and one of a plot, with results good and bad."""
    samples = [
        {"sample": "LS1", "batch": "G1"},
        {"sample": "LS2", "batch": "G2", "composite_of": ["G1", "G2"]},
    ]
    drawn = {"purpose": "monitoring", "samples": samples}
    county.record("sampling", "laboratory", batches=["G1", "G2"], details=drawn)
    for sample, conclusion in (("LS1", "negative"), ("LS2", "positive")):
        details = {
            "sample": sample,
            "laboratory": county.code("laboratory"),
            "method": "酶抑制率法",
            "method_class": "rapid",
            "status": "final",
            "conclusion": conclusion,
            "results": [{"analyte": "有机磷和氨基甲酸酯类农药", "value": "13.12", "unit": "%"}],
        }
        county.record("testing", "laboratory", details=details)


def tell_supervision(county: County) -> None:
    """A hold that stands, one that was released, and a recall that reaches what was made later."""
    county.record("hold", "regulator", batches=["G4"], details={"reason": "核查"})
    held = county.record("hold", "regulator", batches=["G3"], details={"reason": "核查"})
    county.record("release", "regulator", details={"hold": held.event_id, "reason": "核查完毕"})
    details = {"level": 2, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["G1"], details=details)
    told = {"recall": recall.event_id, "status": "in_progress", "reason": "门店已下架"}
    say(county, county.raw("recall_update", "regulator", details=told), "regulator")
    doubted = {"to": recall.event_id, "grounds": "样品并非取自本批次", "asks_retest": True}
    say(county, county.raw("objection", batches=["G1"], details=doubted), "producer")
    say(county, packing(county, {"G1": "10"}, "G5"), "producer")


def tell_corrections(county: County) -> None:
    """A statement taken back, and one replaced."""
    for batch in ("C1", "C2"):
        say(county, county.harvesting(batch).body, "producer")
    say(county, packing(county, {"C1": "20", "C2": "20"}, "C3"), "producer")
    wrong = say(county, packing(county, {"C2": "30"}, "C4"), "producer")
    reason = {"corrects": [wrong.event_id], "reason": "录入错误"}
    say(county, county.raw("correction", details=reason), "producer")
    heavy = say(county, county.harvesting("C5", "900").body, "producer")
    replaced = {
        "corrects": [heavy.event_id],
        "reason": "重量录入错误",
        "replacement": county.harvesting("C5", "90").body,
    }
    say(county, county.raw("correction", details=replaced), "producer")


def tell_erasures(county: County) -> None:
    """Personal values taken out of two statements, by events that say so."""
    for number in range(2):
        raw = county.harvesting(f"E{number}", note="陈大文 13800138000").body
        told = say(county, raw, "producer")
        details = {"values": [{"event": told.event_id, "pointers": ["/note"]}], "ground": "consent_withdrawn"}
        say(county, county.raw("erasure", "operator", details=details), "operator")


def packing(county: County, sources: dict[str, str], result: str) -> dict[str, Any]:
    """The statement that packs so many kg of each source into one batch."""
    return county.raw(
        "packaging",
        inputs=[{"batch": batch, "quantity": each, "unit": "kg"} for batch, each in sources.items()],
        outputs=[{"batch": result, "product": PACKED, "quantity": "10", "unit": "kg"}],
    )


def tell_erasure(county: County) -> None:
    """A person named in notes and in the register, and forgotten."""
    details = {"code": "fg-household-9", "name": "陈大文", "subject_type": "farm_household"}
    facts = {**details, "roles": ["producer"], "contact": "13800138000"}
    told = county.record("organisation", "operator", details=facts, note="本人到场")
    noted = say(county, county.harvesting("E1", note="陈大文采收").body, "producer")
    values = [
        {"event": told.event_id, "pointers": ["/details/name", "/details/contact", "/note"]},
        {"event": noted.event_id, "pointers": ["/note"]},
    ]
    county.record("erasure", "operator", details={"values": values, "ground": "consent_withdrawn"})
