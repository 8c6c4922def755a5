from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine, event

from county import CYCLE, PLOT, PRODUCT, County
from heji_trace.ledger.ledger import read_stored
from labelled import check_batch, label
from web.doors import Now
from web.people import Person, fields_of

HARVEST = "/desk/record/harvest"


@pytest.fixture
def person(county: County) -> Person:
    return Person(county, "producer")


def record(person: Person, batch: str = "B-1", quantity: str = "12") -> str:
    """The address of the receipt of a harvest."""
    given = {
        "cycles": CYCLE,
        "outputs.0.batch": batch,
        "outputs.0.product": PRODUCT,
        "outputs.0.quantity": quantity,
        "outputs.0.unit": "kg",
    }
    answer = person.send(HARVEST, person.see(HARVEST), given)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.headers["Location"]


def test_the_list_shows_one_s_own_records_newest_first_by_kind(person: Person) -> None:
    record(person, "B-1")
    record(person, "B-2")
    page = person.see("/desk/events")
    assert page.index("B-2") < page.index("B-1")
    assert "B-1" not in person.see("/desk/events?kind=planting")
    assert "B-1" not in Person(person.county, "neighbour").see("/desk/events")


def test_each_record_of_the_list_says_what_it_is_about(person: Person, county: County) -> None:
    record(person, "B-1")
    label(county, "B-1", product=PRODUCT)
    details = {"input_type": "pesticide", "name": "毒死蜱乳油"}
    county.record("input_application", "producer", cycles=[CYCLE], details=details)
    page = person.see("/desk/events")
    told = dict(
        re.findall(
            r"<strong>([^<]+)</strong>\s*<span>([^<]*)</span>",
            page.replace("\u2068", "").replace("\u2069", ""),
        )
    )
    assert told["采收"] == told["标签发放"] == "鲜荔枝 B-1"
    assert told["投入品使用"].startswith("毒死蜱乳油、荔枝 · ")
    assert told["种植"].startswith("荔枝 · ")
    assert "fg-litchi-coop 单位" not in told["种植"]


def test_labels_that_wait_for_a_batch_are_listed_by_their_product(person: Person, county: County) -> None:
    label(county, None, product=PRODUCT)
    assert re.search(r"<strong>标签发放</strong>\s*<span>鲜荔枝</span>", person.see("/desk/events"))


def test_a_withdrawal_is_listed_with_what_it_takes_back(person: Person) -> None:
    address = record(person, "B-1")
    person.send(address.partition("?")[0] + "/undo", person.see(address), {})
    page = re.sub("[\u2068\u2069]", "", person.see("/desk/events?kind=correction"))
    assert "<span>采收 鲜荔枝 B-1</span>" in page


def test_a_correction_says_what_was_wrong_and_changes_something(person: Person) -> None:
    address = record(person, "B-1")
    form, size = f"{HARVEST}?corrects={address.split('/')[-1].partition('?')[0]}", person.county.size
    same = {"reason": "手滑", "cycles": CYCLE}
    assert "没有改动任何内容" in person.send(form, person.see(form), same).get_data(as_text=True)
    unsaid = person.send(form, person.see(form), {"reason": " ", "cycles": CYCLE, "note": "重新过秤"})
    assert '<a href="#reason">错在哪里</a> 必填，请补上。' in unsaid.get_data(as_text=True)
    assert person.county.size == size
    # A second tap on what changes something is no mistake.
    page = person.see(form)
    given = {"reason": "重新过秤", "cycles": CYCLE, "note": "重新过秤"}
    assert [person.send(form, page, given).status_code for _ in range(2)] == [303, 303]
    assert person.county.size == size + 1


def test_whoever_withdraws_a_record_sees_which_one_it_is(person: Person) -> None:
    event_id = record(person, "B-1").split("/")[-1].partition("?")[0]
    page = person.see(f"/desk/record/correction?details.corrects={event_id}")
    assert re.search(rf'<a href="/desk/events/{event_id}">采收 20\d\d-\d\d-\d\d', page)


def test_a_correction_leads_to_the_batches_that_it_names(person: Person) -> None:
    address = record(person, "B-1")
    form = f"{HARVEST}?corrects={address.split('/')[-1].partition('?')[0]}"
    given = {"reason": "重新过秤", "cycles": CYCLE, "outputs.0.quantity": "150"}
    answer = person.send(form, person.see(form), given)
    assert '/desk/search?q=B-1"' in person.see(answer.headers["Location"])


def test_a_laboratory_s_list_tells_samples(county: County) -> None:
    county.harvest("LZ-1")
    check_batch(county, "LZ-1", formal=False)
    page = Person(county, "laboratory").see("/desk/events")
    assert len(re.findall(r"<span>[^<]*S-LZ-1-[0-9]+[^<]*</span>", page)) == 2


def test_a_record_is_taken_back_with_one_tap(person: Person) -> None:
    address = record(person)
    page, before = person.see(address), person.county.size
    undo = address.partition("?")[0] + "/undo"
    answers = [person.send(undo, page, {}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert person.county.size == before + 1
    assert f"已由第 {before + 1} 条撤回" in person.see(address)


def test_what_was_taken_back_is_headed_so_and_both_records_lead_to_each_other(person: Person) -> None:
    address = record(person)
    answer = person.send(address.partition("?")[0] + "/undo", person.see(address), {})
    withdrawal = answer.headers["Location"]
    page = person.see(withdrawal)
    assert "<h1>撤回：采收</h1>" in page
    assert "已撤回，不再计入，但仍可查看。" in page
    assert 'href="/desk/record/harvest">再录一条' in page
    assert f'href="{address.partition("?")[0]}"' in page
    assert f'href="{withdrawal.partition("?")[0]}"' in person.see(address)


def test_a_correction_shows_what_was_said_before_beside_what_is_said_now(person: Person) -> None:
    address = record(person, "B-1", "12")
    form = f"{HARVEST}?corrects={address.split('/')[-1].partition('?')[0]}"
    answer = person.send(
        HARVEST, person.see(form), {"reason": "数字写反", "outputs.0.quantity": "21", "note": "雨后"}
    )
    page = person.see(answer.headers["Location"])
    assert "<h1>更正：采收</h1>" in page
    changes = page.partition("更正内容</h2>")[2].partition("</section>")[0]
    assert re.findall(r"<tr[^>]*><td[^>]*>([^<]+)</td>", changes) == ["产出", "备注"]
    assert re.search(r"<del>[^<]*12[^<]*</del>", changes)
    assert re.search(r"<ins>[^<]*21[^<]*</ins>", changes)


def test_a_long_list_asks_the_database_no_more_than_a_short_one(person: Person, county: County) -> None:
    def asked() -> int:
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            person.see("/desk/events?kind=correction")
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(statements)

    def withdraw(number: int) -> None:
        made = county.harvest(f"C-{number}", "5")
        county.record("correction", "producer", details={"corrects": [made.event_id], "reason": "写错"})

    for number in range(2):
        withdraw(number)
    few = asked()
    for number in range(2, 12):
        withdraw(number)
    assert asked() == few


def test_after_ten_minutes_a_record_is_no_longer_taken_back_with_one_tap(person: Person, now: Now) -> None:
    address = record(person)
    page, before = person.see(address), person.county.size
    now.seconds += 601
    answer = person.send(address.partition("?")[0] + "/undo", page, {})
    assert answer.status_code == 409
    assert person.county.size == before
    assert "/undo" not in person.see(address)


def test_a_record_is_corrected_in_its_own_form(person: Person, county: County) -> None:
    event_id = record(person).split("/")[-1].partition("?")[0]
    address = f"{HARVEST}?corrects={event_id}"
    page = person.see(address)
    assert 'value="B-1"' in page
    given = {"outputs.0.quantity": "21", "reason": "数字写反"}
    answers = [person.send(HARVEST, page, given) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    with county.service.store.read() as connection:
        body = read_stored(connection, [county.size - 1])[0].event.body
    assert body["details"]["corrects"] == [event_id]
    assert body["details"]["replacement"]["outputs"][0]["quantity"] == "21"
    assert "数字写反" in person.see(answers[0].headers["Location"])


def test_a_problem_in_a_correction_stands_at_the_field_of_the_record(person: Person) -> None:
    event_id = record(person).split("/")[-1].partition("?")[0]
    page = person.see(f"{HARVEST}?corrects={event_id}")
    answer = person.send(HARVEST, page, {"outputs.0.quantity": "x", "reason": "写错"})
    assert answer.status_code == 422
    assert 'id="outputs-0-quantity-problem1"' in answer.get_data(as_text=True)


def test_the_record_of_others_does_not_exist(person: Person, county: County) -> None:
    address = record(person)
    event_id = address.split("/")[-1].partition("?")[0]
    page = person.see(address)
    stranger = Person(county, "neighbour")
    stranger.see(address, 404)
    stranger.see(f"{HARVEST}?corrects={event_id}", 404)
    own = stranger.see("/desk")
    assert stranger.send(f"/desk/events/{event_id}/undo", own, {"id": event_id}).status_code == 404
    assert page.count("/undo") == 1


def test_a_tap_without_the_session_s_token_takes_nothing_back(person: Person) -> None:
    address = record(person)
    page, before = person.see(address), person.county.size
    answer = person.send(address.partition("?")[0] + "/undo", page, {"csrf": "wrong"})
    assert answer.status_code == 403
    assert person.county.size == before


def test_the_regulator_reads_a_record_with_its_place_and_proof(person: Person, county: County) -> None:
    address = record(person)
    page = Person(county, "regulator").see(address.partition("?")[0])
    assert "采收" in page
    assert "/proof" in page
    assert "12" in page


@pytest.mark.parametrize("before", ["-1", "9" * 30, "-" + "9" * 30, "x", "\u0661", "1e3", "\0"])
@pytest.mark.parametrize("address", ["/desk/events", "/desk/imports"])
def test_a_list_goes_on_from_its_start_where_the_address_names_no_number(
    county: County, address: str, before: str
) -> None:
    producer = Person(county, "producer")
    assert producer.client.get(address, query_string={"before": before}).status_code == 200


def test_the_page_of_the_event_leads_to_the_print(county: County) -> None:
    county.harvest("B1", "100")
    certificate = county.certify("B1", "100").event_id
    page = Person(county, "producer").see(f"/desk/events/{certificate}")
    assert f"/api/v1/events/{certificate}/certificate.pdf" in page


def test_the_page_of_an_event_lists_objections_to_it(county: County) -> None:
    made = county.harvest("B1", "100")
    county.hand_over("B1", "10", "producer", "shop")
    county.record("objection", "shop", details={"to": made.event_id, "grounds": "数量不符"})
    page = Person(county, "producer").see(f"/desk/events/{made.event_id}")
    assert county.code("shop") in page
    assert "异议" in page


def test_who_is_concerned_objects_from_the_page_of_the_record(county: County) -> None:
    made = county.harvest("B1", "100")
    county.hand_over("B1", "10", "producer", "shop")
    shop = Person(county, "shop")
    form = f"/desk/record/objection?organisation={county.code('shop')}&details.to={made.event_id}"
    page = shop.see(f"/desk/events/{made.event_id}")
    assert form.replace("&", "&amp;") in page
    assert "提出异议" not in Person(county, "producer").see(f"/desk/events/{made.event_id}")
    shop = Person(county, "shop")
    opened = shop.see(form)
    assert fields_of(opened)["details.to"] == [made.event_id]
    answer = shop.send("/desk/record/objection", opened, {"details.grounds": "数量不符"})
    assert answer.status_code == 303, answer.get_data(as_text=True)


def test_codes_in_a_record_are_told_by_the_names_registered_for_them(county: County) -> None:
    county.harvest("B1", "100")
    sent = county.move("shipping", "B1", "5", to="shop").event_id
    page = Person(county, "producer").see(f"/desk/events/{sent}")
    assert "gz-fruit-shop 单位 <code>gz-fruit-shop</code>" in page
    made = county.harvest("B2", "100").event_id
    page = Person(county, "producer").see(f"/desk/events/{made}")
    assert f"鲜荔枝 <code>{PRODUCT}</code>" in page
    assert re.search(rf"荔枝 · {PLOT} · [^<]*种 <code>{CYCLE}</code>", page)


def test_the_name_of_a_household_is_told_to_its_station_and_to_overseers_alone(county: County) -> None:
    household = {"code": "hh-1", "name": "张三", "subject_type": "farm_household", "roles": ["shop"]}
    county.record("organisation", "operator", details=household)
    county.harvest("B1", "100")
    line = {"batch": "B1", "quantity": "5", "unit": "kg", "to_organisation": "hh-1"}
    sent = county.record("shipping", moves=[line]).event_id
    assert "张三" not in Person(county, "producer").see(f"/desk/events/{sent}")
    assert "张三" in Person(county, "regulator").see(f"/desk/events/{sent}")


def test_a_record_says_which_entry_erased_what(county: County) -> None:
    receipt = county.harvest("B-9", note="陈大文采收")
    event_id = receipt.event_id
    values = [{"event": event_id, "pointers": ["/note"]}]
    county.record("erasure", "operator", details={"values": values, "ground": "consent_withdrawn"})
    page = Person(county, "producer").see(f"/desk/events/{event_id}")
    assert f"已由第 {county.size} 条删除：备注" in page
    assert "陈大文" not in page
    told = county.get(f"/api/v1/events/{event_id}", "producer").json
    assert told is not None
    assert told["erased"] == {"/note": county.size - 1}
    assert "/note" in told["sealed"]


def test_an_erasure_is_confirmed_and_nobody_is_led_to_take_it_back(county: County) -> None:
    operator = Person(county, "operator")
    said = "此处记录的内容无法撤回"
    assert said in operator.see("/desk/record/erasure")
    assert said not in operator.see("/desk/record/organisation")
    event_id = county.harvest("B-9", note="陈大文采收").event_id
    values = [{"event": event_id, "pointers": ["/note"]}]
    erased = county.record("erasure", "operator", details={"values": values, "ground": "law"}).event_id
    page = operator.see(f"/desk/events/{erased}")
    for way in (f"/desk/events/{erased}/undo", f"corrects={erased}"):
        assert way not in page


def test_the_page_of_a_record_names_its_warnings_in_words_alone(person: Person) -> None:
    receipt = person.county.harvest("B-1", hours_ago=240)
    assert receipt.warnings == ("LATE_RECORD",)
    shown = person.see(f"/desk/events/{receipt.event_id}")
    assert "<li>补录</li>" in shown
    assert "LATE_RECORD" not in shown


def test_a_record_that_names_another_tells_its_kind_and_time_and_a_run_of_labels_what_it_labels(
    county: County,
) -> None:
    county.harvest("B1", "100")
    sent, received = county.hand_over("B1", "10", "producer", "shop")
    page = Person(county, "shop").see(f"/desk/events/{received.event_id}")
    assert re.search(rf"发货运输 [-0-9: ]+ <code>{sent.event_id}</code>", page)
    run = label(county, "B1", PRODUCT)
    void = county.record("label_void", details={"run": run.event_id, "reason": "印错"})
    page = Person(county, "producer").see(f"/desk/events/{void.event_id}")
    assert re.search(rf"鲜荔枝 · B1 · [-0-9A-Z ]+ <code>{run.event_id}</code>", page)
