from __future__ import annotations

from heji_trace.errors import Problem
from heji_trace.events.kinds import KINDS
from heji_trace.events.sheets.names import as_typed, codes_by_name, with_codes

SHIPPING = KINDS["shipping"]


def test_a_name_of_two_things_names_neither() -> None:
    assert codes_by_name([("a-1", ["一号园"]), ("a-2", ["一号园", "二号园"])]) == {"二号园": "a-2"}


def test_names_become_codes_in_tables_and_details_and_codes_stay() -> None:
    known = {
        "moves.to_organisation": {"水果店": "shop-1"},
        "details.carrier": {"冷链": "cold-1"},
        "organisation": {"合作社": "coop-1"},
    }
    event = {
        "kind": "shipping",
        "organisation": "合作社",
        "moves": [{"batch": "水果店", "to_organisation": "水果店"}, {"to_organisation": "shop-1"}],
        "details": {"carrier": " 冷链 "},
    }
    assert with_codes(SHIPPING, event, known) == {
        "kind": "shipping",
        "organisation": "coop-1",
        "moves": [{"batch": "水果店", "to_organisation": "shop-1"}, {"to_organisation": "shop-1"}],
        "details": {"carrier": "cold-1"},
    }
    assert event["organisation"] == "合作社"


def test_what_is_no_table_and_no_text_is_left_to_the_parser() -> None:
    known = {"moves.to_organisation": {"x": "y"}, "organisation": {"x": "y"}, "details.carrier": {"x": "y"}}
    event = {"kind": "shipping", "moves": "x", "organisation": 5, "details": "x"}
    assert with_codes(SHIPPING, event, known) == event


def test_a_name_that_was_not_found_is_told_as_such_and_a_bad_code_as_a_bad_code() -> None:
    def told(pointer: str, value: str, kind: str = "shipping") -> str:
        return as_typed(KINDS[kind], Problem(pointer, "bad-code", {"value": value})).code

    assert told("/moves/0/to_organisation", "水果店") == "name-not-listed"
    assert told("/moves/0/to_organisation", "a b") == "bad-code"
    assert told("/details/code", "荔枝", "product") == "bad-code"
    assert told("/cycles/0", "荔枝", "harvest") == "name-not-listed"
    assert told("/details/cycle", "荔枝", "planting") == "bad-code"


def test_a_time_that_cannot_be_read_is_told_without_the_offsets_that_programs_write() -> None:
    problem = Problem("/occurred_at", "bad-moment", {"value": "11月22日"})
    told = as_typed(SHIPPING, problem).sentence("zh")
    assert "写明年月日" in told
    assert "+08:00" not in told
