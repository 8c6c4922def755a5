from __future__ import annotations

import re

import pytest

from county import County
from web.people import Person

EVENTS = "/api/v1/events"


@pytest.fixture
def certificate(county: County) -> str:
    county.harvest("B1", "100")
    return county.certify("B1", "100").event_id


def test_a_certificate_is_printed_on_a4_and_on_labels(county: County, certificate: str) -> None:
    for query, pages in (("", 1), ("?copies=9", 2), ("?paper=label&copies=3", 3)):
        answer = county.get(f"{EVENTS}/{certificate}/certificate.pdf{query}")
        assert answer.status_code == 200
        assert answer.content_type == "application/pdf"
        assert len(re.findall(rb"/Type /Page\b(?!s)", answer.data)) == pages


def test_what_is_no_certificate_or_not_ones_own_is_not_printed(county: County, certificate: str) -> None:
    other = county.harvest("B2", "10").event_id
    for event_id, who, status in (
        (certificate, "neighbour", 404),
        (other, "producer", 404),
        (county.new_id(), "producer", 404),
        (certificate, None, 401),
    ):
        assert county.get(f"{EVENTS}/{event_id}/certificate.pdf", who).status_code == status
    for query in ("?copies=0", "?copies=801", "?paper=a3", "?colour=red"):
        assert county.get(f"{EVENTS}/{certificate}/certificate.pdf{query}").status_code == 422


def test_the_page_of_the_event_leads_to_the_print(county: County, certificate: str) -> None:
    page = Person(county, "producer").see(f"/desk/events/{certificate}")
    assert f"/api/v1/events/{certificate}/certificate.pdf" in page


def test_the_page_of_an_event_lists_objections_to_it(county: County) -> None:
    made = county.harvest("B1", "100")
    county.hand_over("B1", "10", "producer", "shop")
    county.record("objection", "shop", details={"to": made.event_id, "grounds": "数量不符"})
    page = Person(county, "producer").see(f"/desk/events/{made.event_id}")
    assert county.code("shop") in page
    assert "异议" in page


def test_the_recall_page_shows_what_consignees_report(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "60", "producer", "shop")
    details = {"level": 1, "ordered": True, "reason": "超标"}
    recall = county.record("recall", "regulator", batches=["B1"], details=details).event_id
    figures = {
        "organisation": county.code("shop"),
        "unit": "kg",
        "returned": "37.5",
        "finish_on": "2026-06-05",
    }
    told = {"recall": recall, "status": "in_progress", "consignees": [figures]}
    county.record("recall_update", "shop", details=told)
    page = Person(county, "regulator").see(f"/desk/recalls/{recall}")
    assert "37.5 千克" in page
    assert "2026-06-05" in page
    assert "/desk/record/recall_update?" in page
