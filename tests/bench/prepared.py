"""A county with stock to pack from, and the events that will be sent to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from county import PACKED, PRODUCT, County, opened_county
from heji_trace.identifiers.event_ids import new_event_id
from heji_trace.labelling.label_issue import issue_label

SINGLES = 12_000
BULK = 100_000
SOURCES = 64


@dataclass(frozen=True)
class Prepared:
    """A county's folder and database, a producer's token, what is to be recorded one by one, and a trace code."""

    folder: Path
    database_url: str
    token: str
    singles: list[dict[str, Any]]
    trace_code: str


def prepare(folder: Path, database_url: str | None = None) -> Prepared:
    """A new county in `folder`."""
    folder.mkdir()
    with opened_county(folder, database_url) as county:
        add_sources(county)
        singles = list(named_as_made(county, SINGLES, "A"))
        label = issue_label(
            county.recorder,
            county.authors["producer"],
            product=PRODUCT,
            batch="SRC0",
            copies=10,
            now_ms=county.service.clock.now_ms(),
            random=os.urandom,
        )
        url = county.service.store.url
        return Prepared(folder, url, county.tokens["producer"], singles, label.trace_code)


def add_sources(county: County) -> None:
    """Batches that are large enough for everything that will be packed."""
    sources = [county.harvesting(f"SRC{number}", "10000000") for number in range(SOURCES)]
    county.recorder.submit_all(sources, county.authors["producer"])


def statement(county: County, number: int, prefix: str) -> dict[str, Any]:
    """What a county says on a day: two harvests, then something packed from what there is."""
    if number % 3:
        return county.harvesting(f"{prefix}{number}").body
    source = {"batch": f"SRC{number % SOURCES}", "quantity": "10", "unit": "kg"}
    packed = {"batch": f"{prefix}P{number}", "product": PACKED, "quantity": "10", "unit": "kg"}
    return county.raw("packaging", inputs=[source], outputs=[packed])


def statements(county: County, count: int, prefix: str) -> Iterator[dict[str, Any]]:
    """So many of them."""
    return (statement(county, number, prefix) for number in range(count))


def named_as_made(county: County, count: int, prefix: str) -> Iterator[dict[str, Any]]:
    """The same with ids in the order of their making, as forms name what they send; those of a sheet are in none."""
    now_ms = county.service.clock.now_ms()
    for number, stated in enumerate(statements(county, count, prefix)):
        yield {**stated, "id": new_event_id(now_ms + number, os.urandom)}
