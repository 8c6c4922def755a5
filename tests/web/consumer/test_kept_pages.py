from __future__ import annotations

from dataclasses import replace

import pytest

from county import County
from heji_web.consumer.kept_pages import KeptPage, KeptPages, version_of

PAGE = KeptPage(b"x", ("B1",), (1,), "2026-06-12", 1_000, "tag", 5)


def test_a_page_is_kept_for_a_minute_of_its_own_day() -> None:
    pages = KeptPages()
    pages.keep(("code",), PAGE)
    assert pages.find(("code",), "2026-06-12", 60_999) == PAGE
    assert pages.find(("code",), "2026-06-12", 61_000) is None
    assert pages.find(("code",), "2026-06-13", 2_000) is None


def test_a_clock_that_was_set_back_serves_no_page_from_the_future() -> None:
    pages = KeptPages()
    pages.keep(("code",), PAGE)
    assert pages.find(("code",), "2026-06-12", 999) is None


def test_the_page_that_was_not_asked_for_longest_is_dropped_first() -> None:
    pages = KeptPages()
    for at in range(1000):
        pages.keep((str(at),), PAGE)
    assert pages.find(("0",), "2026-06-12", 2_000) is not None
    pages.keep(("one more",), replace(PAGE, etag="other"))
    assert pages.find(("0",), "2026-06-12", 2_000) is not None
    assert pages.find(("1",), "2026-06-12", 2_000) is None


@pytest.mark.parametrize("others", [0, 300])
def test_the_version_changes_with_what_a_page_rests_on(county: County, others: int) -> None:
    rests_on = ("H1", *(f"X{at}" for at in range(others)))
    county.harvest("H1")
    with county.service.store.read() as connection:
        before = version_of(connection, rests_on)
    county.record("hold", batches=["H1"], details={"reason": "x"})
    with county.service.store.read() as connection:
        assert version_of(connection, rests_on) != before


def test_the_version_stays_while_others_record(county: County) -> None:
    county.harvest("H1")
    with county.service.store.read() as connection:
        before = version_of(connection, ("H1",))
    county.harvest("H2")
    with county.service.store.read() as connection:
        assert version_of(connection, ("H1",)) == before
