from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from county import PACKED, County
from heji_trace.desks.lookup import Found, batches_named, look_up


@pytest.fixture
def connection(county: County) -> Iterator[Connection]:
    county.harvest("B-1", "100", hours_ago=3)
    county.make("packaging", {"B-1": "50"}, {"P-1": "50"}, details={"batch_number": "20260612-A03"})
    sample = {"purpose": "commissioned", "samples": [{"sample": "S-1", "batch": "B-1"}]}
    county.record("sampling", "laboratory", batches=["B-1"], details=sample)
    with county.service.store.read() as connection:
        yield connection


@pytest.mark.parametrize(
    "text, batch", [("B-1", "B-1"), (" P-1\n", "P-1"), ("20260612-A03", "P-1"), ("S-1", "B-1")]
)
def test_a_batch_is_found_by_identifier_number_and_sample(
    connection: Connection, text: str, batch: str
) -> None:
    assert [found.code for found in look_up(connection, text)] == [batch]


def test_a_bar_code_with_the_batch_in_it_finds_the_batch(connection: Connection) -> None:
    assert batches_named(connection, "(01)06901234567892(10)P-1") == ["P-1"]
    assert batches_named(connection, "https://heji.example/01/06901234567892/10/P-1") == ["P-1"]


def test_an_organisation_is_found_by_code_and_by_a_part_of_its_name(connection: Connection) -> None:
    assert look_up(connection, "fg-packing") == [Found("organisation", "fg-packing", "fg-packing 单位")]
    assert len(look_up(connection, "单位")) > 5


@pytest.mark.parametrize(
    "text", ["", "  ", "nothing", "%", "_", "'; DROP TABLE batches", "(10", "\x1d", "]d2"]
)
def test_what_names_nothing_finds_nothing(connection: Connection, text: str) -> None:
    assert look_up(connection, text) == []


def test_a_product_of_which_no_batch_is_known_finds_nothing(connection: Connection) -> None:
    assert look_up(connection, PACKED) == []
