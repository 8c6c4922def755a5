"""After an erasure no byte of what it took is anywhere in the data folder; without the sweep it is."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from county import County, opened_county
from heji_trace.effects import erasing
from heji_trace.store import db
from heji_trace.store.sweep import is_found
from ledger_check import check_ledger

LETTERS = string.ascii_letters + string.digits + "陈荔枝镇村组路号"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    with opened_county(tmp_path_factory.mktemp("kept")) as county:
        yield county


def marker(seed: int, length: int) -> str:
    """Words that stand nowhere else, as long as asked for."""
    return "".join(random.Random(seed).choices(LETTERS, k=length))


def folder_holds(county: County, text: str) -> bool:
    """Whether a piece of the text is in any file of the data folder: database, log, head folder, lists, keys."""
    files = [path for path in county.service.settings.data.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"heji.db", "heji.db-wal", "head"}
    return is_found(files, [text.encode()])


def erase(county: County, values: dict[str, list[str]]) -> None:
    named = [{"event": event_id, "pointers": pointers} for event_id, pointers in values.items()]
    county.record("erasure", "operator", details={"values": named, "ground": "law"})


PERSONS = st.lists(
    st.tuples(st.sampled_from(["household", "harvest", "application"]), st.integers(12, 900)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(persons=PERSONS, seed=st.integers(0, 2**32), data=st.data())
def test_no_byte_of_an_erased_value_is_left_anywhere(
    kept: County, persons: list[tuple[str, int]], seed: int, data: st.DataObject
) -> None:
    # Drawn before anything is recorded: an example that is given up half-way would leave its words unerased, and one
    # that is tried again would find them.
    order = data.draw(st.permutations(range(len(persons))))
    seed += kept.made << 40
    said: list[tuple[str, list[str], list[str]]] = []
    for at, (kind, length) in enumerate(persons):
        words = [marker(seed + 10 * at + part, min(length, 80 if part == 0 else 200)) for part in range(3)]
        details, pointers = {}, ["/note"]
        if kind == "household":
            pointers = ["/details/name", "/details/contact", "/note"]
            details = {"name": words[0], "contact": words[1]}
        note = marker(seed + 10 * at + 9, length)
        receipt = record(kept, kind, details, note)
        texts = [*(words[:2] if kind == "household" else []), note]
        said.append((receipt, pointers, texts))
    assert all(folder_holds(kept, text) for _, _, texts in said for text in texts)
    for at in order:
        event_id, pointers, texts = said[at]
        erase(kept, {event_id: pointers})
        assert not any(folder_holds(kept, text) for text in texts)
    check_ledger(kept.service)


def record(county: County, kind: str, details: dict[str, Any], note: str) -> str:
    number = county.made
    if kind == "household":
        facts = {"code": f"h-{number}", "subject_type": "farm_household", "roles": ["producer"], **details}
        return county.record("organisation", "operator", details=facts, note=note).event_id
    if kind == "harvest":
        return county.harvest(f"H{number}", note=note).event_id
    facts = {"input_type": "fertiliser", "name": "有机肥", "method": "沟施"}
    return county.record("input_application", cycles=["2026-litchi-031"], details=facts, note=note).event_id


def test_many_copies_of_a_value_go_with_their_events(kept: County) -> None:
    text = marker(7, 60)
    first = [record(kept, "harvest", {}, f"{text} {at}") for at in range(12)]
    erase(kept, {event_id: ["/note"] for event_id in first[:-1]})
    assert folder_holds(kept, text), "one event still says it"
    erase(kept, {first[-1]: ["/note"]})
    assert not folder_holds(kept, text)


def test_without_the_sweep_the_log_still_holds_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "sweep", lambda _store, _values: None)
    with opened_county(tmp_path) as county:
        text = marker(1, 300)
        event_id = record(county, "harvest", {}, text)
        erase(county, {event_id: ["/note"]})
        assert folder_holds(county, text)


def test_without_overwriting_the_file_still_holds_the_bytes_and_looking_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pragmas = [each.replace("secure_delete=ON", "secure_delete=OFF") for each in db._SQLITE_WRITER]
    monkeypatch.setattr(db, "_SQLITE_WRITER", tuple(pragmas))
    looked: list[bool] = []

    def only_cut(store: db.Store, values: list[bytes]) -> None:
        store.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        looked.append(is_found([store.path], values) if store.path else False)

    with monkeypatch.context() as without, opened_county(tmp_path / "a") as county:
        without.setattr(erasing, "sweep", only_cut)
        text = marker(2, 300)
        erase(county, {record(county, "harvest", {}, text): ["/note"]})
        assert folder_holds(county, text)
        assert looked == [True]
    with opened_county(tmp_path / "b") as county:
        # The whole sweep finds them and makes the file anew.
        text = marker(3, 300)
        erase(county, {record(county, "harvest", {}, text): ["/note"]})
        assert not folder_holds(county, text)
