from __future__ import annotations

import pytest
from sqlalchemy import select

from county import County
from heji_trace.rights.listing import Filter, visible_events
from heji_trace.store.rows import insert_rows
from heji_trace.store.tables import events


def seqs(
    county: County, who: str, wanted: Filter, limit: int = 1000, *, newest_first: bool = False
) -> list[int]:
    with county.service.store.read() as connection:
        return visible_events(
            connection,
            county.authors[who],
            wanted,
            after=-1,
            before=county.size,
            limit=limit,
            newest_first=newest_first,
        )


@pytest.mark.parametrize("who", ["producer", "shop", "regulator"])
@pytest.mark.parametrize("wanted", [Filter(), Filter(batch="B1")])
def test_page_after_page_gives_what_is_readable_once_and_in_order(
    county: County, who: str, wanted: Filter
) -> None:
    county.harvest("B1")
    for number in range(3):
        county.hand_over("B1", "10", "producer", "shop")
        plot = {"code": f"plum-{number}", "name": "李园", "site_type": "plot", "organisation": "fg-plum-coop"}
        county.record("site", "neighbour", details=plot)
    with county.service.store.read() as connection:

        def page(after: int, limit: int) -> list[int]:
            author = county.authors[who]
            return visible_events(connection, author, wanted, after=after, before=county.size, limit=limit)

        whole = page(-1, 1000)
        pages, after = list[int](), -1
        while part := page(after, 2):
            pages += part
            after = part[-1]
    assert pages == whole
    if wanted.batch:
        # The harvest that the shop is one step away from, and three times sent and received.
        assert len(whole) == 7


@pytest.mark.parametrize("who", ["producer", "shop", "regulator"])
@pytest.mark.parametrize("wanted", [Filter(), Filter(batch="B1"), Filter(kind="shipping")])
def test_the_newest_first_are_the_same_from_the_other_end(county: County, who: str, wanted: Filter) -> None:
    county.harvest("B1")
    for _ in range(3):
        county.hand_over("B1", "10", "producer", "shop")
    whole = seqs(county, who, wanted)
    assert len(whole) >= 3
    assert seqs(county, who, wanted, newest_first=True) == whole[::-1]
    assert seqs(county, who, wanted, 2, newest_first=True) == whole[:-3:-1]


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_a_kind_that_everybody_records_one_s_own_are_found_among_thousands(
    county: County, *, newest_first: bool
) -> None:
    mine = county.harvest("B1")
    with county.service.store.write() as connection:
        row = dict(connection.execute(select(events).where(events.c.seq == mine.seq)).mappings().one())
        others = {"organisation": county.code("neighbour"), "actor": county.authors["neighbour"].account}
        numbers = range(county.size, county.size + 10_001)
        insert_rows(
            connection, events, [{**row, **others, "seq": at, "event_id": f"other-{at}"} for at in numbers]
        )
        found = visible_events(
            connection,
            county.authors["producer"],
            Filter(kind="harvest"),
            after=-1,
            before=numbers.stop,
            limit=10,
            newest_first=newest_first,
        )
    assert found == [mine.seq]


def test_events_are_filtered_by_batch_kind_organisation_and_time(county: County) -> None:
    county.harvest("B1")
    moment = county.service.clock.now_ms()
    county.now.seconds += 3600
    county.hand_over("B1", "50", "producer", "shop")
    operator = county.authors["operator"]
    with county.service.store.read() as connection:

        def seqs(**wanted: object) -> list[int]:
            chosen = Filter(**wanted)  # type: ignore[arg-type]
            return visible_events(connection, operator, chosen, after=-1, before=county.size, limit=100)

        assert seqs(batch="B1") == [county.size - 3, county.size - 2, county.size - 1]
        assert seqs(batch="B1", kind="harvest") == [county.size - 3]
        assert seqs(organisation=county.code("shop"), kind="receiving") == [county.size - 1]
        assert seqs(batch="B1", since_ms=moment + 1) == [county.size - 2, county.size - 1]
        assert seqs(batch="B1", until_ms=moment + 1) == [county.size - 3]
