from __future__ import annotations

import re

import pytest

from county import CYCLE, PACKED, PLOT, PRODUCT, County
from heji_trace.events.kinds import KINDS, parts_of
from heji_trace.events.kinds.forms import controls_of
from heji_trace.events.schemas import parse_event
from heji_trace.ledger.ledger import read_stored
from web.people import Person, fields_of

HARVEST = "/desk/record/harvest"
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


def harvest_of(batch: str, quantity: str = "12.50", unit: str = "kg") -> dict[str, str]:
    return {
        "cycles": CYCLE,
        "outputs.0.batch": batch,
        "outputs.0.product": PRODUCT,
        "outputs.0.quantity": quantity,
        "outputs.0.unit": unit,
    }


def a_far_plot(county: County) -> tuple[str, str]:
    """A second plot of the producer, and the cycle that grows there."""
    plot, cycle = "fg-plot-032", "2026-litchi-032"
    details = {"code": plot, "name": "二号果园", "site_type": "plot", "organisation": county.code("producer")}
    county.record("site", "producer", details=details)
    county.record("planting", "producer", site=plot, details={"cycle": cycle, "crop": "荔枝"})
    return plot, cycle


def newest(county: County) -> dict[str, object]:
    """The body of the last entry."""
    with county.service.store.read() as connection:
        return read_stored(connection, [county.size - 1])[0].event.body


@pytest.mark.parametrize("who", ["operator", "producer", "laboratory", "regulator", "shop"])
def test_a_form_opens_for_whoever_may_record_its_kind_and_nobody_else(county: County, who: str) -> None:
    person, roles = Person(county, who), county.authors[who].roles
    for kind in KINDS.values():
        status = 404 if not kind.form else 200 if roles & kind.recorders else 403
        person.see(f"/desk/record/{kind.name}", status)
    person.see("/desk/record/nothing", 404)


def test_every_form_shows_at_most_five_values_and_hides_the_others_under_more(county: County) -> None:
    person = Person(county, "producer")
    for kind in KINDS.values():
        if not kind.form or "producer" not in kind.recorders:
            continue
        visible = person.see(f"/desk/record/{kind.name}").partition('<details class="more"')[0]
        assert len(kind.first) <= 5
        assert 'name="note"' not in visible
        assert 'name="occurred_at"' not in visible


def test_a_form_records_what_was_filled_in(county: County) -> None:
    person = Person(county, "producer")
    answer = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1", "１２．50", "jin"))
    assert answer.status_code == 303
    body = newest(county)
    assert body["outputs"] == [{"batch": "B-1", "product": PRODUCT, "quantity": "12.50", "unit": "jin"}]
    assert body["organisation"] == "fg-litchi-coop"
    assert str(body["occurred_at"]).endswith("+08:00")
    page = person.see(answer.headers["Location"])
    assert f"账本第 {county.size} 条" in page
    assert "12.50" in page


def test_a_double_tap_records_once_and_answers_with_the_same_receipt(county: County) -> None:
    person = Person(county, "producer")
    page, before = person.see(HARVEST), county.size
    answers = [person.send(HARVEST, page, harvest_of("B-1")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert county.size == before + 1


def test_a_new_batch_has_a_name_proposed_and_the_rest_is_as_last_time(county: County) -> None:
    person = Person(county, "producer")
    person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {"details.method": "人工剪采"})
    fields = fields_of(person.see(HARVEST))
    assert fields["outputs.0.batch"][0].startswith("H")
    assert fields["outputs.0.product"] == [PRODUCT]
    assert fields["outputs.0.unit"] == ["kg"]
    assert fields["details.method"] == ["人工剪采"]
    assert fields["outputs.0.quantity"] == [""]


def test_field_work_happens_where_its_cycles_grow_and_not_where_the_last_did(county: County) -> None:
    person, (far, elsewhere) = Person(county, "producer"), a_far_plot(county)
    body = county.harvesting("LZ-FAR").body | {"cycles": [elsewhere], "site": far}
    county.recorder.submit(parse_event(body), county.authors["producer"])
    assert not any(fields_of(person.see(HARVEST)).get("site", []))
    person.send(HARVEST, person.see(HARVEST), harvest_of("LZ-NEAR"))
    assert newest(county)["site"] == PLOT
    person.send(HARVEST, person.see(HARVEST), harvest_of("LZ-SAID") | {"site": far})
    assert newest(county)["site"] == far


def test_a_corrected_cycle_takes_the_place_along(county: County) -> None:
    person, (far, elsewhere) = Person(county, "producer"), a_far_plot(county)
    address = f"{HARVEST}?corrects={county.harvest('LZ-1', site=PLOT).event_id}"
    given = harvest_of("LZ-1", "100") | {"cycles": elsewhere, "reason": "填错周期"}
    person.send(HARVEST, person.see(address), given)
    replacement = newest(county)["details"]["replacement"]  # type: ignore[index]
    assert (replacement["cycles"], replacement["site"]) == ([elsewhere], far)


def test_what_is_filled_in_out_of_sight_is_told_in_words(county: County) -> None:
    person, packer = Person(county, "producer"), county.code("packer")
    county.harvest("LZ-1")
    gone = {"batch": "LZ-1", "quantity": "30", "unit": "kg", "to_organisation": packer}
    county.record("shipping", "producer", moves=[gone], details={"carrier": packer, "vehicle": "粤R·1"})
    shown = (
        person.see("/desk/record/shipping")
        .partition("<summary>更多：时间、地点、备注")[2]
        .partition("</summary>")[0]
    )
    assert "已填：" in shown
    assert "承运单位 fg-packing 单位" in shown
    assert "粤R·1" not in shown
    assert "已填：" not in person.see(HARVEST)


def test_an_organisation_is_written_by_its_name_and_recorded_by_its_code(county: County) -> None:
    person, packer, shipping = Person(county, "producer"), county.code("packer"), "/desk/record/shipping"
    county.harvest("LZ-1")
    gone = {"batch": "LZ-1", "quantity": "30", "unit": "kg", "to_organisation": packer}
    county.record("shipping", "producer", moves=[gone])
    page = person.see(shipping)
    assert fields_of(page)["moves.0.to_organisation"] == ["fg-packing 单位"]
    answer = person.send(shipping, page, {"moves.0.batch": "LZ-1", "moves.0.quantity": "x"})
    assert fields_of(answer.get_data(as_text=True))["moves.0.to_organisation"] == ["fg-packing 单位"]
    assert person.send(shipping, page, {"moves.0.batch": "LZ-1", "moves.0.quantity": "5"}).status_code == 303
    assert newest(county)["moves"] == [
        {"batch": "LZ-1", "quantity": "5", "to_organisation": packer, "unit": "kg"}
    ]


def test_what_is_packed_is_remembered_only_of_such_goods(county: County) -> None:
    person, packaging = Person(county, "producer"), "/desk/record/packaging"
    county.harvest("LZ-1")
    county.harvest("LZ-2")
    county.make("packaging", {"LZ-1": "50"}, {"PK-1": "50"})
    county.make("packaging", {"PK-1": "10"}, {"PK-2": "10"}, product=PRODUCT)

    def product(address: str) -> list[str]:
        return fields_of(person.see(address)).get("outputs.0.product", [])

    assert product(f"{packaging}?inputs.0.batch=LZ-2") == [PACKED]
    assert product(f"{packaging}?inputs.0.batch=PK-1") == [PRODUCT]
    assert product(f"{packaging}?inputs.0.batch=NONE") == []
    assert product(packaging) == []


def test_goods_named_by_the_address_are_counted_as_they_were_made(county: County) -> None:
    person, sale = Person(county, "producer"), "/desk/record/sale"
    for batch in ("LZ-KG", "LZ-OTHER"):
        county.harvest(batch, "100")
    for batch in ("LZ-BOX", "LZ-FAR"):
        made = {"batch": batch, "product": PRODUCT, "quantity": "30", "unit": "carton"}
        county.record("harvest", "producer", cycles=[CYCLE], outputs=[made])
    gone = {"batch": "LZ-FAR", "quantity": "30", "unit": "carton", "to_organisation": county.code("packer")}
    county.record("shipping", "producer", moves=[gone])

    def unit(batch: str) -> list[str]:
        return fields_of(person.see(f"{sale}?moves.0.batch={batch}"))["moves.0.unit"]

    sold = {"moves.0.batch": "LZ-BOX", "moves.0.quantity": "2", "moves.0.unit": "carton"}
    assert person.send(sale, person.see(sale), sold).status_code == 303
    assert (unit("LZ-KG"), unit("LZ-BOX")) == (["kg"], ["carton"])
    sold = {"moves.0.batch": "LZ-KG", "moves.0.quantity": "2", "moves.0.unit": "jin"}
    assert person.send(sale, person.see(sale), sold).status_code == 303
    assert (unit("LZ-OTHER"), unit("LZ-BOX")) == (["jin"], ["carton"])
    # Neither of what is nowhere nor of what has left is anything said.
    assert (unit("LZ-NONE"), unit("LZ-FAR")) == (["jin"], ["jin"])


def test_a_quantity_may_bring_its_unit_along(county: County) -> None:
    person = Person(county, "producer")
    answer = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1", "１２０斤", ""))
    assert answer.status_code == 303
    assert newest(county)["outputs"] == [
        {"batch": "B-1", "product": PRODUCT, "quantity": "120", "unit": "jin"}
    ]
    assert person.send(HARVEST, person.see(HARVEST), harvest_of("B-2", "120 公斤", "kg")).status_code == 303
    size = county.size
    refused = person.send(HARVEST, person.see(HARVEST), harvest_of("B-3", "120斤", "kg"))
    page = refused.get_data(as_text=True)
    assert (refused.status_code, county.size) == (422, size)
    assert "“120斤”里的单位与旁边选的单位“千克”不同" in page
    assert 'href="#outputs-0-quantity"' in page


def test_what_is_ticked_stands_first(county: County) -> None:
    person = Person(county, "producer")
    for number in range(3):
        county.record("planting", "producer", site=PLOT, details={"cycle": f"later-{number}", "crop": "荔枝"})
    county.harvest("LZ-1")
    page = person.see(HARVEST)
    ticks = re.findall(r'name="cycles" value="([^"]+)"( checked)?', page)
    assert ticks[0] == (CYCLE, " checked")
    assert {value for value, _ in ticks} == {CYCLE, "later-0", "later-1", "later-2"}


def test_a_problem_stands_at_its_field_and_the_values_stay(county: County) -> None:
    person, before = Person(county, "producer"), county.size
    answer = person.send(HARVEST, person.see(HARVEST), harvest_of("B 1", "many"))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'id="outputs-0-batch-problem1"' in page
    assert "“B 1”不是有效的批次" in page
    assert "“many”不是有效的数字" in page
    assert fields_of(page)["outputs.0.batch"] == ["B 1"]
    assert county.size == before


def test_of_a_form_sent_empty_every_value_that_is_needed_is_named(county: County) -> None:
    person = Person(county, "producer")
    page = person.see("/desk/record/hold")
    answer = person.send("/desk/record/hold", page, {"batches": "", "details.reason": ""})
    assert answer.status_code == 422
    told = answer.get_data(as_text=True)
    for anchor in ("batches", "details-reason"):
        assert f'<li><a href="#{anchor}">' in told
        assert f'id="{anchor}-problem1"' in told
    assert "<li>必填" not in told
    # What a screen reader says first of the page that comes.
    assert "<title>尚未记录 · 暂停销售 · 禾迹</title>" in told
    assert "<title>暂停销售 · 禾迹</title>" in page


def test_a_group_of_boxes_in_which_none_is_ticked_is_described_by_what_is_wrong(county: County) -> None:
    person = Person(county, "producer")
    told = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {"cycles": ""}).get_data(
        as_text=True
    )
    assert re.search(
        r'<fieldset class="checks" id="cycles" aria-invalid="true" aria-describedby="[^"]*cycles-problem1',
        told,
    )


def test_a_consignee_reports_for_itself_without_writing_its_own_name(county: County) -> None:
    county.harvest("B1", "100")
    county.hand_over("B1", "40", "producer", "shop")
    recall = {"level": 1, "ordered": True, "reason": "超标"}
    event_id = county.record("recall", "regulator", batches=["B1"], details=recall).event_id
    form = f"/desk/record/recall_update?details.recall={event_id}"
    named = "details.consignees.0.organisation"
    shop, regulator = (fields_of(Person(county, who).see(form))[named] for who in ("shop", "regulator"))
    assert (shop, regulator) == ([f"{county.code('shop')} 单位"], [""])


@pytest.mark.parametrize(
    ("kind", "named"), [("site", "details.organisation"), ("certificate", "details.holder")]
)
def test_whoever_registers_what_is_its_own_is_not_asked_whose_it_is(
    county: County, kind: str, named: str
) -> None:
    own, operator = (
        fields_of(Person(county, who).see(f"/desk/record/{kind}")) for who in ("shop", "operator")
    )
    assert own[named] == [f"{county.code('shop')} 单位"]
    assert operator[named] == [""]


def top_of(page: str) -> str:
    """What the page lists as wrong before the form begins."""
    return page[page.index('id="refusal"') : page.index('<form method="post" class="record"')]


def test_every_fault_is_listed_first_and_leads_to_its_field(county: County) -> None:
    person = Person(county, "producer")
    given = harvest_of("B 1", "many") | {"note": "晴" * 5_000}
    page = person.send(HARVEST, person.see(HARVEST), given).get_data(as_text=True)
    top = top_of(page)
    assert '<a href="#outputs-0-quantity">产出 · 第 1 项 · 数量</a> “many”不是有效的数字' in top
    for anchor in re.findall(r'href="#([^"]+)"', top):
        assert f'id="{anchor}"' in page
    english = person.send(f"{HARVEST}?lang=en", page, given).get_data(as_text=True)
    assert "· Line 1 · Quantity</a> “many” is not" in top_of(english)


@pytest.mark.parametrize("name, text", [("note", "x" * 5_000), ("occurred_at", "2099-01-01T10:00")])
def test_the_closed_part_opens_when_a_fault_is_inside(county: County, name: str, text: str) -> None:
    person = Person(county, "producer")
    page = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {name: text}).get_data(as_text=True)
    assert f'<a href="#{name}">' in top_of(page)
    assert '<details class="more" open>' in page


def test_a_fault_of_no_field_is_named_by_what_it_means(county: County) -> None:
    person = Person(county, "producer")
    page = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {"id": "no-uuid"})
    assert f"<b>{parts_of(KINDS['harvest'])[0].zh}</b>" in top_of(page.get_data(as_text=True))


def test_an_organisation_that_cannot_be_read_is_told_beside_its_field(county: County) -> None:
    person = Person(county, "operator")
    address = "/desk/record/product"
    given = {"organisation": "no organisation", "details.code": "p-1", "details.name": "荔枝"}
    page = person.send(address, person.see(address), given).get_data(as_text=True)
    assert '<a href="#organisation">' in top_of(page)
    assert 'id="organisation-problem1"' in page


def test_a_form_opens_with_every_value_that_it_needs_in_its_closed_part(county: County) -> None:
    for who in ("operator", "producer", "laboratory", "regulator"):
        person, roles = Person(county, who), county.authors[who].roles
        for kind in KINDS.values():
            if not kind.form or not roles & kind.recorders:
                continue
            fields = fields_of(person.see(f"/desk/record/{kind.name}"))
            needed = [each.name for each in controls_of(kind) if each.required and not each.first]
            assert [name for name in needed if not any(fields.get(name, ()))] == [], kind.name


def test_the_sentence_at_a_field_is_in_the_reader_s_language(county: County) -> None:
    person = Person(county, "producer")
    address = f"{HARVEST}?lang=en"
    page = person.send(address, person.see(address), harvest_of("B 1")).get_data(as_text=True)
    assert "is not a batch identifier" in page
    assert "不是有效" not in page


def test_what_looks_wrong_is_asked_back_and_recorded_once_it_is_confirmed(county: County) -> None:
    county.harvest("B-1", "100", hours_ago=2)
    person, before = Person(county, "producer"), county.size
    address = "/desk/record/sale"
    sale = {"moves.0.batch": "B-1", "moves.0.quantity": "150", "moves.0.unit": "kg"}
    asked = person.send(address, person.see(address), sale)
    page = asked.get_data(as_text=True)
    assert asked.status_code == 409
    assert 'name="acknowledged" value="OVER_CONSUMPTION"' in page
    assert "50 千克" in page
    assert fields_of(page)["moves.0.quantity"] == ["150"]
    assert person.send(address, page, {}).status_code == 409
    assert county.size == before
    assert person.send(address, page, {"acknowledged": "OVER_CONSUMPTION"}).status_code == 303
    assert newest(county)["acknowledged"] == ["OVER_CONSUMPTION"]


def test_lines_are_added_and_removed_without_script(county: County) -> None:
    county.harvest("B-1", "100", hours_ago=3)
    county.harvest("B-2", "100", hours_ago=2)
    person, address = Person(county, "producer"), "/desk/record/packaging"
    filled = {"inputs.0.batch": "B-1", "inputs.0.quantity": "40", "inputs.0.unit": "kg"}
    page = person.send(address, person.see(address), filled | {"add": "inputs"}).get_data(as_text=True)
    fields = fields_of(page)
    assert fields["inputs.0.batch"] == ["B-1"]
    assert fields["inputs.1.batch"] == [""]
    assert fields["inputs.1.unit"] == ["kg"]
    second = {"inputs.1.batch": "B-2", "inputs.1.quantity": "20", "inputs.1.unit": "kg"}
    page = person.send(address, page, second | {"add": "inputs"}).get_data(as_text=True)
    assert 'value="inputs.2"' in page
    page = person.send(address, page, {"drop": "inputs.0"}).get_data(as_text=True)
    assert fields_of(page)["inputs.0.batch"] == ["B-2"]
    made = {"outputs.0.batch": "P-1", "outputs.0.product": PACKED, "outputs.0.quantity": "20"}
    answer = person.send(address, page, made | {"outputs.0.unit": "kg"})
    assert answer.status_code == 303
    assert newest(county)["inputs"] == [{"batch": "B-2", "quantity": "20", "unit": "kg"}]


def test_own_stock_is_offered_with_what_is_there(county: County) -> None:
    county.harvest("B-1", "120.5", hours_ago=2)
    county.harvest("C-1", "7", who="producer", hours_ago=2)
    county.hand_over("C-1", "7", "producer", "packer")
    page = Person(county, "producer").see("/desk/record/packaging")
    assert '<option value="B-1">鲜荔枝 120.5 千克</option>' in page
    assert '<option value="C-1">' not in page


@pytest.mark.parametrize("csrf", ["", "wrong"])
def test_a_form_without_the_session_s_token_records_nothing(county: County, csrf: str) -> None:
    person, before = Person(county, "producer"), county.size
    page = person.see(HARVEST)
    assert person.send(HARVEST, page, harvest_of("B-1") | {"csrf": csrf}).status_code == 403
    assert county.size == before


def test_who_records_for_several_is_offered_what_belongs_to_whom_the_form_is_for(county: County) -> None:
    person = Person(county, "station")
    for who, code in (("producer", "P"), ("neighbour", "N")):
        site = {"code": code, "name": "一号地", "site_type": "plot", "organisation": county.code(who)}
        county.record("site", who, details=site)
        county.record("planting", who, site=code, details={"cycle": f"{code}-1", "crop": "荔枝"})
        mandate = {
            "code": f"m-{code}",
            "to": county.code("station"),
            "kinds": ["harvest"],
            "from": "2020-01-01",
        }
        county.record("mandate", who, details=mandate)
    producer, neighbour = county.code("producer"), county.code("neighbour")
    page = person.see(f"{HARVEST}?organisation={producer}")
    assert 'value="P-1"' in page
    assert 'value="N-1"' not in page
    given = {"organisation": neighbour, "cycles": "P-1", "outputs.0.quantity": "12", "turn": "1"}
    before, turned = county.size, person.send(HARVEST, page, given).get_data(as_text=True)
    assert county.size == before
    assert 'value="N-1"' in turned
    assert 'value="P-1"' not in turned
    assert fields_of(turned)["outputs.0.quantity"] == ["12"]
    kept = {"cycles": "N-1", "outputs.0.product": PRODUCT, "outputs.0.unit": "kg"}
    assert person.send(HARVEST, turned, kept).status_code == 303
    assert newest(county)["organisation"] == neighbour


def test_goods_that_one_shipment_brings_are_received_with_it(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=3)
    sent = county.move("shipping", "B-1", "5", to="shop")
    person, receiving = Person(county, "shop"), "/desk/record/receiving?moves.0.batch=B-1"
    assert fields_of(person.see(receiving))["details.shipping"] == [sent.event_id]
    county.move("shipping", "B-1", "3", to="shop")
    assert "details.shipping" not in fields_of(person.see(receiving))


def test_naming_another_organisation_without_mandate_is_refused(county: County) -> None:
    person, before = Person(county, "producer"), county.size
    given = harvest_of("B-1") | {"organisation": "fg-plum-coop"}
    assert person.send(HARVEST, person.see(HARVEST), given).status_code == 403
    assert county.size == before


def test_a_station_records_for_the_farm_that_gave_it_a_mandate(county: County) -> None:
    person = Person(county, "station")
    person.see(HARVEST, 403)
    mandate = {"code": "m-1", "to": county.code("station"), "kinds": ["harvest"], "from": "2020-01-01"}
    county.record("mandate", "producer", details=mandate)
    assert 'href="/desk/record/harvest"' in person.see("/desk")
    page = person.see(HARVEST)
    assert "fg-litchi-coop" in page
    assert person.send(HARVEST, page, harvest_of("B-1")).status_code == 303
    assert newest(county)["organisation"] == "fg-litchi-coop"


def test_only_one_s_own_organisation_is_called_one_s_own(county: County) -> None:
    for who, code in (("producer", "m-1"), ("neighbour", "m-2")):
        mandate = {"code": code, "to": county.code("station"), "kinds": ["harvest"], "from": "2020-01-01"}
        county.record("mandate", who, details=mandate)
    person = Person(county, "station")
    page = person.see(HARVEST)
    assert page.count('<option value="fg-') >= 2
    assert "（本单位）" not in page
    upload = person.see("/desk/upload")
    assert upload.count("（本单位）") == 1
    assert re.search('value="fg-station">[^<]*（本单位）', upload)


def test_hostile_text_is_shown_as_text(county: County) -> None:
    person = Person(county, "producer")
    bad = person.send(HARVEST, person.see(HARVEST), harvest_of(HOSTILE) | {"note": HOSTILE})
    good = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {"note": HOSTILE})
    shown = person.see(good.headers["Location"])
    for page in (bad.get_data(as_text=True), shown, person.see(f"{HARVEST}?site={HOSTILE}")):
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_a_line_break_in_a_note_is_kept(county: County) -> None:
    person = Person(county, "producer")
    given = harvest_of("B-1") | {"note": "雨后\r\n采收"}
    assert person.send(HARVEST, person.see(HARVEST), given).status_code == 303
    assert newest(county)["note"] == "雨后\n采收"


@pytest.mark.parametrize("event_id", ["", "no-uuid", "../..", "0" * 40])
def test_a_form_with_a_bad_id_is_refused_with_a_sentence(county: County, event_id: str) -> None:
    person = Person(county, "producer")
    answer = person.send(HARVEST, person.see(HARVEST), harvest_of("B-1") | {"id": event_id})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "who, kind, sentence",
    [
        ("producer", "release", "目前没有可解除的暂停。"),
        ("producer", "recall_update", "目前没有与您有关的召回。"),
        ("producer", "label_void", "目前没有可作废的标签。"),
        ("producer", "label_bind", "目前没有等待绑定批次的标签。"),
        ("shop", "receiving", "目前没有发给您的在途货物。"),
        ("shop", "objection", "再点“提出异议”"),
    ],
)
def test_where_no_record_can_be_chosen_a_sentence_says_so(
    county: County, who: str, kind: str, sentence: str
) -> None:
    assert sentence in Person(county, who).see(f"/desk/record/{kind}")


def test_where_nothing_is_registered_yet_a_form_says_what_is_to_be_recorded_first(county: County) -> None:
    told = "目前没有可选的，请先记录："
    newcomer = Person(county, "neighbour")
    assert f"{told}地点登记" in newcomer.see("/desk/record/planting")
    assert f"{told}种植 / 进雏/入栏" in newcomer.see(HARVEST)
    # The cycle is named anew, and its owner has a plot.
    assert told not in Person(county, "producer").see("/desk/record/planting")
    assert told not in Person(county, "producer").see(HARVEST)


def test_an_id_that_names_no_record_is_told_as_one_that_was_not_found(county: County) -> None:
    person = Person(county, "producer")
    address = "/desk/record/release?details.hold=x"
    answer = person.send("/desk/record/release", person.see(address), {})
    assert "没有找到这条记录，请从列表中选择。" in answer.get_data(as_text=True)


def test_a_registered_name_may_stand_where_a_code_is_asked_for(county: County) -> None:
    county.harvest("B-1", "100", hours_ago=2)
    person, address = Person(county, "producer"), "/desk/record/shipping"
    given = {"moves.0.batch": "B-1", "moves.0.quantity": "5", "moves.0.unit": "kg"}
    answer = person.send(
        address, person.see(address), given | {"moves.0.to_organisation": "gz-fruit-shop 单位"}
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    moves = newest(county)["moves"]
    assert isinstance(moves, list)
    assert [line["to_organisation"] for line in moves] == ["gz-fruit-shop"]
    answer = person.send(address, person.see(address), given | {"moves.0.to_organisation": "城里超市"})
    assert answer.status_code == 422
    assert "没有找到“城里超市”，请从列表中选择。" in answer.get_data(as_text=True)


def test_an_address_that_names_the_goods_of_others_tells_nothing_of_them(county: County) -> None:
    for batch in ("OWN-1", "FOREIGN-1"):
        county.harvest(batch, "100")
    county.hand_over("OWN-1", "50", "producer", "packer")
    county.make("packaging", {"OWN-1": "20"}, {"P-1": "20"}, "packer")
    packer = Person(county, "packer")

    def made(batch: str) -> list[str] | None:
        page = packer.see(f"/desk/record/packaging?inputs.0.batch={batch}")
        return fields_of(page).get("outputs.0.product")

    assert made("OWN-1") == [PACKED]
    assert made("FOREIGN-1") == made("NOTHING-1") is None
