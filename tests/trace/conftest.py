"""A county with a little trade, for the tests of what people are offered and shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from county import County


@pytest.fixture
def traded(county: County) -> Iterator[Connection]:
    """Two harvests: one handed over to the packer, of the other a part on its way to the shop."""
    county.harvest("B-1", "120.5", hours_ago=3)
    county.harvest("B-2", "40", hours_ago=2)
    county.hand_over("B-2", "40", "producer", "packer")
    county.move("shipping", "B-1", "20", "producer", to="shop")
    with county.service.store.read() as connection:
        yield connection
