from __future__ import annotations

from typing import Any

import pytest

from heji_trace.errors import InvalidEvent
from heji_trace.events.kinds import KINDS
from heji_trace.events.kinds.examples import example_event
from heji_trace.events.posting import parse_posted, parse_short
from heji_trace.events.schemas import parse_event


def refusals(raw: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidEvent) as refused:
        parse_posted(raw)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"label_issue", "log_gap"}))
def test_a_program_may_state_every_kind_that_has_no_door_of_its_own(kind: str) -> None:
    raw = example_event(KINDS[kind])
    assert parse_posted(raw) == parse_event(raw)


@pytest.mark.parametrize("kind", ["label_issue", "log_gap"])
def test_codes_are_not_chosen_and_gaps_not_stated_by_programs_in_a_correction_neither(kind: str) -> None:
    raw = example_event(KINDS[kind])
    assert refusals(raw) == [("/kind", "kind-has-its-own-door")]
    correction: dict[str, Any] = example_event(KINDS["correction"])
    correction["details"]["replacement"] = raw | {"id": correction["details"]["replacement"]["id"]}
    assert refusals(correction) == [("/details/replacement/kind", "kind-has-its-own-door")]


def test_a_short_statement_that_is_right_but_for_a_member_nobody_knows_is_refused() -> None:
    whole = example_event(KINDS["recall_update"])
    blank = {name: whole[name] for name in ("id", "kind", "occurred_at", "organisation")}
    details = frozenset(whole["details"])
    short = dict(whole["details"])
    assert parse_short(short, blank, (), details).details == parse_event(whole).details
    with pytest.raises(InvalidEvent) as refused:
        parse_short(short | {"colour": "red"}, blank, (), details)
    assert [(each.pointer, each.code) for each in refused.value.problems] == [("/colour", "unknown-field")]
    with pytest.raises(InvalidEvent) as no_object:
        parse_short([short], blank, (), details)
    assert no_object.value.problems[0].code == "not-an-object"
