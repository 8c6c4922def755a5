from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from county import CYCLE, PACKED, PEOPLE, PLOT, PRODUCT, County, opened_county
from heji_trace.effects.settle import dump_data
from heji_trace.errors import Conflict, NotAllowed
from heji_trace.events.event import Event
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from heji_trace.ledger.ledger import read_stored
from heji_trace.people.parties import Author
from heji_trace.recording.recorder import Receipt
from heji_trace.rights import rights
from heji_trace.store import tables

May = Callable[[str, Event], str | None]
CLOSED = "fg-closed-station"


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Iterator[County]:
    """A county with mandates: the station records harvests and sowing on one plot for the producer, and no longer others."""
    with opened_county(tmp_path_factory.mktemp("village"), module_database_url) as county:
        mandate(county, "M1", sites=[PLOT])
        mandate(county, "M2", to="packer", until="2026-01-31")
        mandate(county, "M3", to="shop")
        mandate(county, "M3", to="shop", revoked=True)
        mandate(county, "M4", to="carrier", start="2027-01-01")
        details = {
            "code": CLOSED,
            "name": "已关闭服务站",
            "subject_type": "service_org",
            "roles": ["station"],
            "status": "closed",
        }
        county.record("organisation", "operator", details=details)
        county.harvest("A1")
        for purpose in ("self_check", "supervised"):
            samples = [{"sample": purpose, "batch": "A1"}]
            who = "producer" if purpose == "self_check" else "regulator"
            county.record("sampling", who, batches=["A1"], details={"purpose": purpose, "samples": samples})
        yield county


def mandate(county: County, code: str, to: str = "station", start: str = "2026-01-01", **more: Any) -> None:
    details = {
        "code": code,
        "to": county.code(to),
        "kinds": ["harvest", "planting"],
        "from": start,
    }
    county.record("mandate", details={**details, **more})


@pytest.fixture
def may(village: County) -> Iterator[May]:
    """The code of the refusal, or None where the person may say it."""
    with village.service.store.read() as connection:
        state = State(connection)

        def judge(who: str, event: Event) -> str | None:
            try:
                rights.check(state, village.authors[who], event)
            except NotAllowed as refused:
                return refused.code
            return None

        yield judge


def harvest(county: County, *, hours_ago: float = 0, **parts: Any) -> Event:
    return county.harvesting("A2", hours_ago=hours_ago, **parts)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_is_for_the_roles_that_its_declaration_names(village: County, may: May, kind: str) -> None:
    for who, (code, _, roles) in PEOPLE.items():
        event = parse_event({**example_event(KINDS[kind]), "organisation": code})
        refusal = may(who, event)
        assert (refusal == "kind-not-for-role") == (not KINDS[kind].recorders & set(roles)), who


def test_nobody_records_for_another_without_mandate(village: County, may: May) -> None:
    for who in PEOPLE:
        expected = None if who == "producer" else "no-mandate"
        assert may(who, harvest(village)) == ("site-not-in-mandate" if who == "station" else expected)


def test_a_mandate_covers_its_sites(village: County, may: May) -> None:
    assert may("station", harvest(village, site=PLOT)) is None
    assert may("station", harvest(village, site="fg-packing-01")) == "site-not-in-mandate"


def test_a_mandate_covers_its_kinds(village: County, may: May) -> None:
    sale = village.event("sale", moves=[{"batch": "A1", "quantity": "1", "unit": "kg"}])
    assert may("station", sale) == "no-mandate"


def test_a_mandate_covers_its_days_in_beijing(village: County, may: May) -> None:
    assert may("packer", harvest(village, occurred_at="2026-01-31T23:59:59+08:00")) is None
    assert may("packer", harvest(village, occurred_at="2026-02-01T00:00:00+08:00")) == "no-mandate"
    assert may("packer", harvest(village, occurred_at="2025-12-31T23:59:59+08:00")) == "no-mandate"
    assert may("carrier", harvest(village)) == "no-mandate"


def test_a_revoked_mandate_ends_even_for_earlier_days(village: County, may: May) -> None:
    assert may("shop", harvest(village, occurred_at="2026-01-02T00:00:00+08:00")) == "no-mandate"


def test_a_mandate_lends_no_roles_that_its_giver_lacks(village: County, may: May) -> None:
    event = village.event("organisation", details=example_event(KINDS["organisation"])["details"])
    assert may("station", event) == "no-mandate"


def test_a_closed_organisation_says_nothing_more(village: County, may: May) -> None:
    event = parse_event({**harvest(village).body, "organisation": CLOSED})
    assert may("operator", event) == "organisation-closed"


def test_the_operator_keeps_the_registers_for_others_and_nothing_else(village: County, may: May) -> None:
    details = {"code": "x", "name": "x", "commodity": "荔枝"}
    assert may("operator", village.event("product", details=details)) is None
    assert may("regulator", village.event("product", details=details)) == "no-mandate"
    assert may("operator", harvest(village)) == "no-mandate"


def test_a_producer_states_results_of_its_own_checks_alone(village: County, may: May) -> None:
    own = village.code("producer")
    body = {**example_event(KINDS["testing"]), "organisation": own}
    stated = {name: value for name, value in body["details"].items() if name != "released_at"}
    stated["laboratory"] = own
    for changes, expected in (
        ({"sample": "self_check"}, None),
        ({"sample": "self_check", "laboratory": village.code("laboratory")}, "result-of-another"),
        ({"sample": "supervised"}, "test-not-a-self-check"),
        ({"sample": "supervised", "released_at": body["details"]["released_at"]}, "release-by-regulator"),
    ):
        event = parse_event({**body, "details": {**stated, **changes}})
        assert may("producer", event) == expected
    official = {**body, "organisation": village.code("laboratory")}
    stated["laboratory"] = village.code("laboratory")
    event = parse_event({**official, "details": {**stated, "sample": "supervised"}})
    assert may("laboratory", event) is None


@pytest.mark.parametrize("drawn_by", ["producer", "laboratory"])
@pytest.mark.parametrize("conclusion", ["nonconforming", "conforming"])
def test_nobody_states_results_of_another_producer_s_checks(
    county: County, drawn_by: str, conclusion: str
) -> None:
    county.harvest("B1")
    samples = [{"sample": "S-B1", "batch": "B1"}]
    county.record("sampling", drawn_by, details={"purpose": "self_check", "samples": samples})

    def result(who: str) -> dict[str, Any]:
        found = {"analyte": "克百威", "value": "9", "outcome": conclusion}
        stated = {"status": "preliminary", "method": "GB", "method_class": "formal", "results": [found]}
        return {"sample": "S-B1", "laboratory": county.code(who), "conclusion": conclusion, **stated}

    with pytest.raises(NotAllowed) as refused:
        county.record("testing", "neighbour", details=result("neighbour"))
    assert refused.value.code == "test-not-a-self-check"
    county.record("testing", "producer", details=result("producer"))


def correction(county: County, event_id: str, replacement: Event | None = None) -> Event:
    details: dict[str, Any] = {"corrects": [event_id], "reason": "录入错误"}
    if replacement is not None:
        details["replacement"] = replacement.body
    return county.event("correction", details=details)


def made_id(county: County) -> str:
    with county.service.store.read() as connection:
        row = State(connection).find_batch("A1")
        assert row is not None
        return read_stored(connection, [row["made_seq"]])[0].event.id


def at_the_plot(county: County) -> str:
    with county.service.store.read() as connection:
        query = select(tables.events.c.event_id).where(tables.events.c.kind == "planting")
        return str(connection.execute(query).scalar_one())


def test_only_ones_own_records_are_corrected(village: County, may: May) -> None:
    made = made_id(village)
    assert may("producer", correction(village, made)) is None
    foreign = parse_event({**correction(village, made).body, "organisation": village.code("neighbour")})
    assert may("neighbour", foreign) == "correction-of-another"
    assert may("producer", correction(village, village.new_id())) == "correction-of-another"


def test_the_operator_and_the_mandatary_correct_for_others(village: County, may: May) -> None:
    made = made_id(village)
    assert may("operator", correction(village, made, harvest(village))) is None
    assert may("regulator", correction(village, made)) == "no-mandate"
    # The correction itself happens at no site: what counts is where the corrected record did.
    assert may("station", correction(village, made)) == "site-not-in-mandate"
    assert may("station", correction(village, at_the_plot(village))) is None
    early: dict[str, Any] = {"occurred_at": "2026-01-20T08:00:00+08:00"}
    corrected = {**correction(village, made, harvest(village)).body, **early}
    assert may("packer", parse_event(corrected)) == "no-mandate"
    in_time = {**correction(village, made, harvest(village, **early)).body, **early}
    assert may("packer", parse_event(in_time)) is None


def test_who_records_for_another_corrects_a_correction_too_by_what_it_says(county: County) -> None:
    mandate(county, "M1", sites=[PLOT])
    sown = county.raw("planting", site=PLOT, details={"cycle": "2026-second", "crop": "荔枝"})
    station = county.authors["station"]

    def correct(corrected: str, replacement: dict[str, Any] | None, *, by_station: bool = True) -> str:
        instead = None if replacement is None else {**replacement, "id": county.new_id()}
        details = {"corrects": [corrected], "reason": "录入错误", "replacement": instead}
        event = county.event("correction", details=details)
        return county.recorder.submit(event, station if by_station else county.authors["producer"]).event_id

    county.recorder.submit(parse_event(sown), station)
    once = correct(sown["id"], {**sown, "details": {**sown["details"], "crop": "龙眼"}})
    away = correct(once, None)
    again = correct(away, sown)
    elsewhere = correct(again, {**sown, "site": "fg-packing-01"}, by_station=False)
    with pytest.raises(NotAllowed, match="does not cover the site fg-packing-01"):
        correct(elsewhere, sown)
    weeding = county.raw("field_operation", cycles=[CYCLE], site=PLOT, details={"operation": "weeding"})
    other = correct(elsewhere, weeding, by_station=False)
    with pytest.raises(NotAllowed, match="no mandate"):
        correct(other, None)


def test_readings_are_taken_in_one_file_with_the_shipment_that_they_watched(county: County) -> None:
    county.harvest("B1")
    line = {"batch": "B1", "quantity": "5", "unit": "kg", "to_organisation": county.code("shop")}
    shipping = county.raw("shipping", moves=[line], details={"carrier": county.code("carrier")})
    readings = [{"at": county.at(), "temperature": "3"}]
    condition = county.raw("condition", details={"shipping": shipping["id"], "readings": readings})
    answer = county.post("/api/v1/events/bulk", [shipping, condition])
    assert answer.status_code == 201, answer.json


def test_a_replacement_is_the_authors_to_state(village: County, may: May) -> None:
    made = made_id(village)
    recall = parse_event({**example_event(KINDS["recall"]), "organisation": village.code("producer")})
    planting = parse_event({**example_event(KINDS["planting"]), "organisation": village.code("producer")})
    foreign = harvest(village, who="neighbour")
    supervised = parse_event(
        {
            **example_event(KINDS["testing"]),
            "organisation": village.code("producer"),
            "details": {**example_event(KINDS["testing"])["details"], "sample": "supervised"},
        }
    )
    label = parse_event({**example_event(KINDS["label_issue"]), "organisation": village.code("producer")})
    product = parse_event({**example_event(KINDS["organisation"]), "organisation": village.code("producer")})
    assert may("producer", correction(village, made, planting)) is None
    assert may("producer", correction(village, made, recall)) is None
    assert may("producer", correction(village, made, foreign)) == "correction-of-another"
    assert may("producer", correction(village, made, supervised)) == "release-by-regulator"
    assert may("producer", correction(village, made, label)) == "labels-not-replaced"
    assert may("producer", correction(village, made, product)) == "kind-not-for-role"
    assert may("operator", correction(village, made, product)) == "kind-not-for-role"


def test_overseers_are_the_regulator_and_the_operator(village: County) -> None:
    seeing = {who for who, author in village.authors.items() if rights.may_oversee(author)}
    assert seeing == {"regulator", "operator"}


def test_nobody_speaks_of_the_goods_and_cycles_of_others(county: County) -> None:
    county.harvest("B1")
    county.make("packaging", {"B1": "50"}, {"P1": "48"})
    drawn = {"purpose": "self_check", "samples": [{"sample": "S1", "batch": "B1"}]}
    used = {"input_type": "pesticide", "name": "代森锰锌"}
    line = {"batch": "X1", "product": PRODUCT, "quantity": "1", "unit": "kg"}
    size = county.size
    for kind, parts in (
        ("hold", {"batches": ["B1"], "details": {"reason": "待查"}}),
        ("recall", {"batches": ["B1"], "details": {"level": 1, "ordered": False, "reason": "超标"}}),
        ("sampling", {"details": drawn}),
        ("sampling", {"batches": ["B1"], "details": {**drawn, "samples": [{"sample": "S1"}]}}),
        ("input_application", {"cycles": [CYCLE], "details": used}),
        ("harvest", {"cycles": [CYCLE], "outputs": [line]}),
    ):
        with pytest.raises(NotAllowed) as refused:
            county.record(kind, "neighbour", **parts)
        assert refused.value.code in ("batch-of-another", "cycle-of-another")
    issued = {"product": PACKED, "batch": "P1", "copies": 5}
    assert county.post("/api/v1/labels", issued, "neighbour").status_code == 403
    assert county.size == size
    assert county.post("/api/v1/labels", issued).status_code == 201


def test_what_replaces_a_statement_must_be_about_ones_own_goods_too(county: County) -> None:
    county.harvest("B1")
    details = {"code": "fg-plum-plot", "name": "地", "site_type": "plot", "organisation": "fg-plum-coop"}
    own = county.record("site", "neighbour", details=details)
    hold = county.raw("hold", "neighbour", batches=["B1"], details={"reason": "待查"})
    correction = {"corrects": [own.event_id], "reason": "写错", "replacement": hold}
    with pytest.raises(NotAllowed) as refused:
        county.record("correction", "neighbour", details=correction)
    assert refused.value.code == "batch-of-another"


def registered(county: County, who: str, by: str = "operator", **facts: Any) -> Receipt:
    details = {"code": county.code(who), "name": who, "subject_type": "enterprise", "roles": ["shop"]}
    return county.record("organisation", by, details=details | facts)


def roles_now(county: County, who: str) -> frozenset[str]:
    with county.service.store.read() as connection:
        return rights.in_force(State(connection), county.authors[who]).roles


def test_an_account_has_no_role_that_its_organisation_has_lost(county: County) -> None:
    assert roles_now(county, "regulator") == {"regulator"}
    registered(county, "regulator", roles=["laboratory"])
    assert roles_now(county, "regulator") == frozenset()
    registered(county, "regulator", roles=["regulator", "laboratory"])
    assert roles_now(county, "regulator") == {"regulator"}
    registered(county, "regulator", roles=["regulator"], status="closed")
    assert roles_now(county, "regulator") == frozenset()
    registered(county, "producer")
    with pytest.raises(NotAllowed) as refused:
        county.harvest("B1")
    assert refused.value.code == "kind-not-for-role"


def test_an_organisation_whose_registration_was_taken_back_has_no_roles(county: County) -> None:
    nobody = Author("a-1", "fg-nobody", frozenset({"operator"}))
    with county.service.store.read() as connection:
        assert rights.in_force(State(connection), nobody) == nobody
    details = {"code": "fg-nobody", "name": "x", "subject_type": "authority", "roles": ["operator"]}
    begun = county.record("organisation", "operator", details=details)
    taken_back = {"corrects": [begun.event_id], "reason": "录入错误"}
    county.record("correction", "operator", details=taken_back)
    with county.service.store.read() as connection:
        assert rights.in_force(State(connection), nobody).roles == frozenset()


def test_an_operator_does_not_take_itself_out(county: County) -> None:
    own: dict[str, Any] = {"subject_type": "authority", "roles": ["operator"]}

    def refusal(kind: str, **details: Any) -> str | None:
        try:
            county.record(kind, "operator", details=details)
        except NotAllowed as error:
            return error.code
        return None

    again = registered(county, "operator", **own)
    code = {"code": county.code("operator"), "name": "县中心"}
    assert refusal("organisation", **code, **own | {"roles": ["shop"]}) == "operator-stays"
    assert refusal("organisation", **code, **own, status="closed") == "operator-stays"
    corrected = {"corrects": [again.event_id], "reason": "录入错误"}
    assert refusal("correction", **corrected) == "operator-stays"
    closed = county.raw("organisation", "operator", details={**code, **own, "status": "closed"})
    assert refusal("correction", **corrected, replacement=closed) == "operator-stays"
    renamed = county.raw("organisation", "operator", details={**code, **own})
    assert refusal("correction", **corrected, replacement=renamed) is None
    assert roles_now(county, "operator") == {"operator"}


def test_who_says_alone_that_goods_came_to_him_does_not_speak_of_all_that_the_maker_made(
    county: County,
) -> None:
    county.harvest("B1")
    county.harvest("B2")
    county.move("receiving", "B1", "0.001", "neighbour", details={})
    county.move("shipping", "B1", "0.001", "neighbour", to="packer", acknowledged=["OVER_CONSUMPTION"])
    county.make("collection", {"B2": "0.001"}, {"C1": "0.001"}, "neighbour", product=PRODUCT)
    recall = {"level": 1, "ordered": False, "reason": "竞争对手"}
    sample = {"purpose": "self_check", "samples": [{"sample": "S-1", "batch": "B1"}]}

    def refusal(kind: str, who: str, **parts: Any) -> str | None:
        try:
            county.record(kind, who, **parts)
        except NotAllowed as error:
            return error.code
        return None

    for batch, who in (("B1", "neighbour"), ("B1", "packer"), ("B2", "neighbour")):
        held = {"batches": [batch], "details": {"reason": "竞争对手"}}
        assert refusal("hold", who, **held) == "batch-of-another"
        assert refusal("recall", who, batches=[batch], details=recall) == "batch-of-another"
    assert refusal("sampling", "neighbour", details=sample) == "batch-of-another"
    assert refusal("hold", "neighbour", batches=["C1"], details={"reason": "待查"}) is None
    county.hand_over("B1", "10", "producer", "shop")
    county.hand_over("B1", "5", "shop", "station")
    for who in ("producer", "shop", "station"):
        assert refusal("hold", who, batches=["B1"], details={"reason": "待查"}) is None


def test_nobody_makes_himself_a_mandate_of_another_under_its_code(county: County) -> None:
    mandate(county, "M1")
    taken = {"code": "M1", "to": county.code("neighbour"), "kinds": ["harvest"], "from": "2026-01-01"}
    for who in ("neighbour", "operator"):
        for changes in ({}, {"revoked": True}):
            with pytest.raises(Conflict) as refused:
                county.record("mandate", who, details=taken | changes)
            assert refused.value.code == "code-of-another"
    mandate(county, "M1", revoked=True)


def test_only_what_the_giver_said_of_a_mandate_counts(county: County) -> None:
    mandate(county, "M1")
    event = harvest(county)
    taken = {"code": "M1", "to": county.code("neighbour"), "kinds": ["harvest"], "from": "2026-01-01"}
    with county.service.store.write() as connection:
        state = State(connection)
        # As a ledger may hold it from the time before codes of mandates were guarded.
        stated = dump_data(taken)
        state.put_registered("mandate", "M1", county.size, county.code("neighbour"), stated, rank=county.size)
        assert rights.find_mandate(state, county.authors["neighbour"], event) is None
        assert rights.find_mandate(state, county.authors["station"], event) is not None


def test_sites_and_certificates_are_registered_by_whose_they_are_or_by_the_operator(county: County) -> None:
    whose = county.code("producer")
    site = {"code": "plot-9", "name": "九号园", "site_type": "plot", "organisation": whose}
    certificate = {
        "scheme": "green_food",
        "number": "LB-9",
        "holder": whose,
        "products": [PRODUCT],
        "valid_from": "2020-01-01",
        "valid_to": "2021-01-01",
    }
    for kind, details in (("site", site), ("certificate", certificate)):
        with pytest.raises(NotAllowed) as refused:
            county.record(kind, "neighbour", details=details)
        assert refused.value.code == "registered-for-another"
        county.record(kind, "operator", details=details)
        county.record(kind, "producer", details=details)


def test_goods_are_called_back_by_who_made_them_or_a_regulator_alone(county: County) -> None:
    county.harvest("B1")
    county.hand_over("B1", "1", "producer", "packer")
    county.make("packaging", {"B1": "1"}, {"P1": "1"}, "packer")
    stated = {"level": 1, "ordered": False, "reason": "超标"}
    with pytest.raises(NotAllowed) as refused:
        county.record("recall", "packer", batches=["P1", "B1"], details=stated)
    assert refused.value.code == "recall-by-maker"
    for who, batch in (("packer", "P1"), ("producer", "B1"), ("regulator", "B1")):
        county.record("recall", who, batches=[batch], details=stated)


def test_a_shipment_of_goods_that_the_sender_never_had_gives_no_voice_about_them(county: County) -> None:
    county.harvest("B1")
    made_up = county.move(
        "shipping", "B1", "0.001", "neighbour", to="shop", acknowledged=["OVER_CONSUMPTION"]
    )
    readings = [{"at": county.at(), "temperature": "40"}]
    for who in ("neighbour", "shop"):
        for batches in (["B1"], []):
            details = {"shipping": made_up.event_id, "readings": readings}
            with pytest.raises(NotAllowed, match="B1"):
                county.record("condition", who, batches=batches, details=details)
    real = county.move("shipping", "B1", "5", to="shop")
    county.record("condition", "shop", details={"shipping": real.event_id, "readings": readings})


def test_nobody_draws_his_own_goods_as_an_official_sample(county: County) -> None:
    county.harvest("B1")

    def drawn(who: str, purpose: str, sample: str) -> None:
        details = {"purpose": purpose, "samples": [{"sample": sample, "batch": "B1"}]}
        county.record("sampling", who, details=details)

    with pytest.raises(NotAllowed) as refused:
        drawn("producer", "supervised", "S1")
    assert refused.value.code == "official-sample-by-authority"
    drawn("producer", "commissioned", "S2")
    drawn("regulator", "supervised", "S3")
    drawn("laboratory", "supervised", "S4")
