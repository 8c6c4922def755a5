from __future__ import annotations

import re

from county import County
from heji_trace.desks.shipments import shipments_with
from heji_trace.desks.suggestions import Asking, suggest


def test_a_shipment_is_offered_while_it_is_on_its_way_by_the_day_as_people_write_it(county: County) -> None:
    county.harvest("B-1", "10", hours_ago=30)
    county.harvest("B-2", "10", hours_ago=29)
    county.hand_over("B-1", "5", "producer", "shop")
    sent = county.move("shipping", "B-2", "5", to="shop")
    with county.service.store.read() as connection:
        shop = Asking(county.authors["shop"], (county.code("shop"),), "zh")
        [shipment] = suggest(connection, shop, ["shipping"])["shipping"]
        assert shipments_with(connection, [county.code("shop")], "B-2") == [sent.event_id]
        assert shipments_with(connection, [county.code("shop")], "B-1") == []
    assert shipment.value == sent.event_id
    assert re.match(r"[0-9]+月[0-9]+日 ", shipment.label)
