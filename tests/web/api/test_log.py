from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from county import County
from heji_trace.proving import entries, merkle
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.keys import Signer
from heji_trace.store.db import Store
from heji_trace.store.tables import checkpoints, nodes
from heji_trace.store.tables import entries as entries_table
from heji_web.app import create_app
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings
from verifier import heji_verify_outside as outside
from web.doors import CHEAP, Now

pytestmark = pytest.mark.both_databases

Fetch = Callable[[str], bytes]


def fill(store: Store, signer: Signer, size: int) -> str:
    """A log of so many entries whose records nobody asks for; the note over all of them."""
    frontier, prev = merkle.Frontier(), entries.FIRST_PREV
    rows, subtrees = [], []
    for seq in range(size):
        entry = entries.dump_entry(seq, prev, bytes(32), 1_780_000_000_000 + seq)
        rows.append(
            {"seq": seq, "event_id": str(seq), "entry": entry, "record": b"{}", "record_salt": bytes(32)}
        )
        prev = merkle.leaf_hash(entry)
        subtrees += [
            {"level": each.tile_level, "position": each.n, "hash": each.hash}
            for each in frontier.append(prev)
        ]
    note = sign_note(dump_checkpoint(signer.name, size, frontier.root()), signer)
    with store.write() as connection:
        for table, values in ((entries_table, rows), (nodes, subtrees)):
            if values:
                connection.execute(insert(table), values)
        if size:
            connection.execute(insert(checkpoints), {"size": size, "previous_size": 0, "note": note})
    return note


def served(service: Service) -> tuple[FlaskClient, Fetch]:
    client = create_app(service).test_client()

    def fetch(path: str) -> bytes:
        answer = client.get(f"/log/{path}")
        if answer.status_code != 200:
            raise FileNotFoundError(path)
        return answer.get_data()

    return client, fetch


@pytest.fixture
def filled(service: Service, settings: Settings, now: Now) -> Callable[[int], Service]:
    """The service, opened again on a log of so many entries."""

    def make(size: int) -> Service:
        service.close()
        opened = open_service(settings, now.clock, passwords=CHEAP)
        note = fill(opened.store, opened.signer, size)
        opened.head.write(note)
        opened.start()
        return opened

    return make


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600])
def test_the_outside_verifier_agrees_with_the_log_as_it_is_served(
    filled: Callable[[int], Service], size: int
) -> None:
    service = filled(size)
    _, fetch = served(service)
    head, leaves = outside.check_log(fetch, service.signer.verifier_key)
    service.close()
    assert head.size == size == len(leaves)


def test_tiles_of_70000_entries_are_served_in_exactly_their_widths(filled: Callable[[int], Service]) -> None:
    service = filled(70_000)
    client, fetch = served(service)
    lengths = {
        path: len(fetch(path))
        for path in (
            "tile/0/000",
            "tile/0/272",
            "tile/0/273.p/112",
            "tile/1/000",
            "tile/1/001.p/17",
            "tile/2/000.p/1",
        )
    }
    absent = (
        "tile/0/273",
        "tile/0/273.p/113",
        "tile/1/001",
        "tile/1/001.p/18",
        "tile/2/000",
        "tile/3/000.p/1",
    )
    statuses = {path: client.get(f"/log/{path}").status_code for path in absent}
    service.close()
    assert lengths == {
        "tile/0/000": 256 * 32,
        "tile/0/272": 256 * 32,
        "tile/0/273.p/112": 112 * 32,
        "tile/1/000": 256 * 32,
        "tile/1/001.p/17": 17 * 32,
        "tile/2/000.p/1": 32,
    }
    assert set(statuses.values()) == {404}


def test_a_partial_tile_is_a_prefix_of_its_full_tile_and_stays_available(
    filled: Callable[[int], Service],
) -> None:
    service = filled(600)
    _, fetch = served(service)
    full = fetch("tile/0/001")
    parts = {width: fetch(f"tile/0/001.p/{width}") for width in (1, 44, 255)}
    service.close()
    assert all(full.startswith(part) and len(part) == 32 * width for width, part in parts.items())


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/entries/x000/000",
        "tile/0/",
        "tile/a/000",
    ],
)
def test_a_path_that_no_log_writes_is_not_found(county: County, path: str) -> None:
    assert county.client.get(f"/log/{path}").status_code == 404


def test_recorded_events_stand_in_the_open_log_at_once(county: County) -> None:
    receipt = county.harvest("LZ-0001")
    _, fetch = served(county.service)
    head, leaves = outside.check_log(fetch, county.service.signer.verifier_key)
    assert head.size == receipt.seq + 1
    assert leaves[receipt.seq] == receipt.entry_hash


def test_what_never_changes_may_be_kept_for_ever_and_the_checkpoint_for_seconds(county: County) -> None:
    assert "immutable" in county.client.get("/log/tile/0/000.p/1").headers["Cache-Control"]
    checkpoint = county.client.get("/log/checkpoint")
    assert checkpoint.headers["Cache-Control"] == "public, max-age=2"
    assert checkpoint.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert county.client.get("/log/key").get_data(as_text=True).strip() == county.service.signer.verifier_key
