from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from county import PACKED, County
from labelled import label
from web.people import Person

LABELS = "/desk/labels"
HOSTILE = '"><script>alert(1)</script>'


@pytest.fixture
def packed(county: County) -> County:
    """A harvest packed into two batches that the producer holds."""
    county.harvest("H1", "100")
    county.make("packaging", {"H1": "90"}, {"P1": "40", "P2": "45"})
    return county


@pytest.fixture
def producer(packed: County) -> Person:
    return Person(packed, "producer")


def runs(county: County) -> int:
    with county.service.store.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM labels")).scalar_one())


def test_the_desk_leads_producers_and_processors_to_the_labels(packed: County) -> None:
    assert LABELS in Person(packed, "producer").see("/desk")
    assert f"{LABELS}?batch=P1" in Person(packed, "producer").see("/desk/batches/P1")
    assert LABELS not in Person(packed, "laboratory").see("/desk")
    Person(packed, "laboratory").see(LABELS, 403)


def test_a_code_is_issued_seen_and_printed(producer: Person) -> None:
    page = producer.see(f"{LABELS}?batch=P1")
    assert '<option value="P1" selected>' in page
    answer = producer.send(LABELS, page, {"copies": "３０"})
    assert answer.status_code == 303
    shown = producer.see(answer.headers["Location"])
    assert "追溯码已发放" in shown
    [run] = set(re.findall(r"/api/v1/labels/([0-9a-f-]{36})\.svg", shown))
    assert producer.client.get(f"/api/v1/labels/{run}.svg").status_code == 200
    sheet = producer.client.get(f"/api/v1/labels/{run}.pdf?lang=en&copies=30&outlined=1")
    assert sheet.get_data().startswith(b"%PDF-")
    code = re.search(r'href="/t/([0-9A-Z]+)"', shown)
    assert code is not None
    assert producer.client.get(f"/t/{code[1]}").status_code == 200
    assert "已发标签" in producer.see(LABELS)


def test_a_second_tap_issues_no_second_code(producer: Person, packed: County) -> None:
    page = producer.see(LABELS)
    answers = [producer.send(LABELS, page, {"batch": "P1", "copies": "30"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert runs(packed) == 1


def test_the_same_form_with_other_wishes_is_refused_and_keeps_what_was_typed(
    producer: Person, packed: County
) -> None:
    page = producer.see(LABELS)
    producer.send(LABELS, page, {"batch": "P1", "copies": "30"})
    answer = producer.send(LABELS, page, {"batch": "P2", "copies": "31"})
    assert answer.status_code == 409
    assert 'value="31"' in answer.get_data(as_text=True)
    assert runs(packed) == 1


def test_a_stopped_batch_is_told_and_not_offered(producer: Person, packed: County) -> None:
    packed.record("hold", batches=["P2"], details={"reason": "待查"})
    page = producer.see(LABELS)
    assert '<option value="P2"' not in page
    assert "暂不能发放标签" in page
    answer = producer.send(LABELS, page, {"batch": "P2", "copies": "5"})
    assert answer.status_code == 409
    assert 'role="alert"' in answer.get_data(as_text=True)
    assert runs(packed) == 0


def test_a_batch_past_its_day_says_so_and_is_asked_about_once(producer: Person, packed: County) -> None:
    packed.make(
        "packaging",
        {"H1": "2"},
        {"P9": "2"},
        details={"best_before": "2026-05-28"},
        acknowledged=["BEST_BEFORE_PASSED"],
    )
    page = producer.see(LABELS)
    assert re.search(r'<option value="P9">[^<]*已过最佳食用日期</option>', page)
    answer = producer.send(LABELS, page, {"batch": "P9", "copies": "5"})
    asked = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "已过最佳食用日期（2026-05-28）" in asked
    assert 'name="acknowledged" value="BEST_BEFORE_PASSED"' in asked
    assert runs(packed) == 0
    confirmed = {"batch": "P9", "acknowledged": "BEST_BEFORE_PASSED"}
    answer = producer.send(LABELS, asked, confirmed)
    assert answer.status_code == 303
    assert runs(packed) == 1
    shown = producer.see(answer.headers["Location"])
    assert "消费者扫码会看到该批次的提示" in shown
    assert ".pdf" in shown


def test_what_was_confirmed_of_one_batch_is_asked_anew_of_another(producer: Person, packed: County) -> None:
    for batch in ("P8", "P9"):
        packed.make(
            "packaging",
            {"H1": "2"},
            {batch: "2"},
            details={"best_before": "2026-05-28"},
            acknowledged=["BEST_BEFORE_PASSED"],
        )
    asked = producer.send(LABELS, producer.see(LABELS), {"batch": "P9", "copies": "5"}).get_data(as_text=True)
    confirmed = {"batch": "P8", "acknowledged": "BEST_BEFORE_PASSED"}
    assert producer.send(LABELS, asked, confirmed).status_code == 409
    assert runs(packed) == 0


def test_a_run_whose_batch_was_stopped_since_is_not_offered_for_printing(
    producer: Person, packed: County
) -> None:
    answer = producer.send(LABELS, producer.see(LABELS), {"batch": "P1", "copies": "5"})
    packed.record("hold", batches=["P1"], details={"reason": "待查"})
    shown = producer.see(answer.headers["Location"])
    assert "请勿使用这些标签" in shown
    assert ".pdf" not in shown


def test_a_run_that_was_taken_back_says_so(producer: Person, packed: County) -> None:
    answer = producer.send(LABELS, producer.see(LABELS), {"batch": "P1", "copies": "5"})
    address = answer.headers["Location"]
    run = address.split("/")[-1].partition("?")[0]
    packed.record("correction", details={"corrects": [run], "reason": "发错", "replacement": None})
    shown = producer.see(address)
    assert "已撤回" in shown
    assert ".pdf" not in shown


@pytest.mark.parametrize(
    "given",
    [
        {"copies": ""},
        {"copies": "0"},
        {"copies": "-1"},
        {"copies": "1e9"},
        {"copies": "²"},
        {"copies": HOSTILE},
        {"batch": ""},
        {"batch": HOSTILE},
        {"batch": "nobody-knows-it"},
        {"id": HOSTILE},
        {"id": ""},
        {"batch": "\0\ud800".encode("utf-8", "replace").decode()},
    ],
)
def test_a_form_with_nonsense_is_refused_and_issues_nothing(
    producer: Person, packed: County, given: dict[str, str]
) -> None:
    answer = producer.send(LABELS, producer.see(LABELS), {"batch": "P1", "copies": "5"} | given)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'role="alert"' in shown
    assert "<script>alert" not in shown
    assert runs(packed) == 0


def test_the_goods_and_the_runs_of_others_stay_theirs(producer: Person, packed: County) -> None:
    answer = producer.send(LABELS, producer.see(LABELS), {"batch": "P1", "copies": "5"})
    address = answer.headers["Location"]
    neighbour = Person(packed, "neighbour")
    neighbour.see(address, 404)
    page = neighbour.see(LABELS)
    assert "P1" not in page
    assert neighbour.send(LABELS, page, {"batch": "P1", "copies": "5"}).status_code == 403
    assert runs(packed) == 1
    assert PACKED not in page


def test_a_void_code_and_one_without_batch_are_told_with_the_name_of_their_product(county: County) -> None:
    run = label(county, None, PACKED).event_id
    county.record("label_void", details={"run": run, "reason": "印错"})
    person = Person(county, "producer")
    assert "荔枝 5 千克装" in person.see(f"{LABELS}/{run}")
    waiting = label(county, None, PACKED).event_id
    page = person.see(LABELS)
    assert "<strong>荔枝 5 千克装</strong>" in page
    told = {event_id: row for row in page.split("<li") for event_id in (run, waiting) if event_id in row}
    assert "已作废" in told[run]
    assert told[run].startswith(' class="struck"')
    assert "尚未绑定批次" in told[waiting]
    assert "struck" not in told[waiting]


def test_runs_beyond_a_page_are_found_behind_it(producer: Person, packed: County) -> None:
    issued = [f"{LABELS}/{label(packed, 'P1').event_id}" for _ in range(52)]
    page = producer.see(LABELS)
    assert [address in page for address in (issued[51], issued[2], issued[1])] == [True, True, False]
    [earlier] = re.findall(rf'href="({LABELS}\?before=\d+)"', page)
    rest = producer.see(earlier)
    assert [address in rest for address in (issued[2], issued[1], issued[0])] == [False, True, True]
