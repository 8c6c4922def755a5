from __future__ import annotations

import gc
from pathlib import Path

from county import County
from heji_trace.events.spool import Scratch, Spool


def test_a_spool_gives_its_events_again_and_again_in_their_order(county: County) -> None:
    spool = Spool()
    events = [county.harvesting(f"A{number}") for number in range(5)]
    for line, event in enumerate(events, 2):
        spool.add(event, line)
    assert list(spool) == events
    assert list(spool) == events
    assert (len(spool), spool.line_of(0), spool.line_of(4)) == (5, 2, 6)


def test_an_event_can_be_added_after_others_were_read(county: County) -> None:
    spool = Spool()
    first, second = county.harvesting("A1"), county.harvesting("A2")
    spool.add(first, 1)
    assert next(iter(spool)) == first
    spool.add(second, 2)
    assert list(spool) == [first, second]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_large_scratch_file_leaves_memory_and_is_closed_with_its_object() -> None:
    scratch = Scratch()
    before = open_files()
    scratch.write(bytes(2 << 20))
    assert open_files() == before + 1
    del scratch
    gc.collect()
    assert open_files() == before
