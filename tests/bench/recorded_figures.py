"""The recorder without HTTP: beside the barest ledger of the same bytes, and on a ledger that has grown large."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.bare import BareLedger
from bench.figures import Figure, at_least, at_most
from bench.prepared import add_sources, named_as_made, statements
from county import County, opened_county
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.proving import canonical

SUBMITTERS = 32
_EVENTS = 6_000
_BARE = 40_000
_SMALL, _LARGE, _SAMPLE, _TURNS = 1_000, 1_000_000, 640, 16


def recorder_figures(root: Path) -> list[Figure]:
    """32 submitters, each waiting for its receipt: the recorder, and a chained group commit of the same bytes."""
    with opened_county(_folder(root, "recorder")) as county:
        add_sources(county)
        events = [parse_event(each) for each in named_as_made(county, _EVENTS, "R")]
        producer = county.authors["producer"]
        rate = _rate(events, lambda event: county.recorder.submit(event, producer))
    bare = BareLedger(root / "bare.db")
    records = [canonical.dump(events[at % _EVENTS].body) for at in range(_BARE)]
    bare_rate = _rate(records, bare.submit)
    bare.close()
    return [
        Figure(f"bare chained group commit, {SUBMITTERS} submitters", f"{bare_rate:,.0f}/s"),
        Figure(f"recorder alone, {SUBMITTERS} submitters", f"{rate:,.0f}/s"),
        at_least("ratio to the bare one", rate / bare_rate, 0.3),
    ]


def growth_figures(root: Path, say: Callable[[str], None]) -> list[Figure]:
    """What an append costs in processor time when the ledger holds a thousand entries, and a million.

    Both ledgers are open and are measured in turns: the machine's own pace changes by more than what is looked for.
    """
    with opened_county(_folder(root, "small")) as small, opened_county(_folder(root, "large")) as large:
        for county, size in ((small, _SMALL), (large, _LARGE)):
            add_sources(county)
            _grow(county, size, say)
        say("measuring in turns")
        costs = [(_cost(small, f"S{turn}-"), _cost(large, f"L{turn}-")) for turn in range(_TURNS)]
        size = large.size
    # The first turn warms what is kept in memory.
    pairs = costs[1:]
    return [
        Figure(
            f"append at {_SMALL:,} entries",
            f"{_middle(each for each, _ in pairs) * 1e6:.0f} µs of the processor",
        ),
        Figure(
            f"append at {size:,} entries",
            f"{_middle(each for _, each in pairs) * 1e6:.0f} µs of the processor",
        ),
        at_most("ratio", _middle(later / early for early, later in pairs), 1.2),
    ]


def _folder(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    return folder


def _middle(values: Iterable[float]) -> float:
    return sorted(values)[(_TURNS - 1) // 2]


def _rate(items: Sequence[object], submit: Callable[..., object]) -> float:
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        list(pool.map(submit, items[: len(items) // 10]))
        rest = items[len(items) // 10 :]
        start = time.perf_counter()
        list(pool.map(submit, rest))
        return len(rest) / (time.perf_counter() - start)


def _cost(county: County, prefix: str) -> float:
    """Seconds of the processor for one event, of whole groups of 32."""
    events = [parse_event(each) for each in statements(county, _SAMPLE, prefix)]
    start = time.process_time()
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        list(pool.map(lambda event: county.recorder.submit(event, county.authors["producer"]), events))
    return (time.process_time() - start) / len(events)


def _grow(county: County, size: int, say: Callable[[str], None]) -> None:
    producer = county.authors["producer"]
    while (held := county.size) < size:
        say(f"growing a ledger: {held:,} of {size:,} entries")
        part: list[Event] = [
            county.harvesting(f"G{held + number}") for number in range(min(20_000, size - held))
        ]
        county.recorder.submit_all(part, producer)
