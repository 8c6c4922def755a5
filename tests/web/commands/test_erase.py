"""`heji erase`, from the preview to a restored backup."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from county import opened_county
from heji_trace.desks.choices import registered_facts
from heji_trace.ledger import ledger
from heji_trace.ledger.erasure_list import ErasureList
from heji_trace.store.db import Store
from heji_web.commands.tree import heji
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP

SECRET = "陈大文 13800138000"


class Terminal:
    def __init__(self, data: Path) -> None:
        self.environment = {"HEJI_DATA": str(data), "LC_ALL": "zh_CN.UTF-8"}
        self.settings = read_settings({"HEJI_DATA": str(data)})

    def run(self, *words: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(heji, list(words), typed, env=self.environment, catch_exceptions=False)

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def holds(self, seq: int) -> bool:
        with closing(Store(self.settings.database_url)) as store, store.read() as connection:
            return "/note" in ledger.read_disclosures(connection, seq)


@pytest.fixture
def closed(tmp_path: Path) -> tuple[Terminal, str, int]:
    """A county that nobody serves, with a person named in one record of it."""
    with opened_county(tmp_path / "data") as county:
        receipt = county.harvest("A1", note=SECRET)
    return Terminal(tmp_path / "data"), receipt.event_id, receipt.seq


def test_without_a_ground_it_is_shown_and_nothing_goes(closed: tuple[Terminal, str, int]) -> None:
    terminal, event_id, seq = closed
    shown = terminal.run("erase", event_id)
    assert SECRET in shown.stdout
    assert terminal.holds(seq)
    [note] = terminal.ask("erase", event_id)
    assert (note["pointer"], note["value"], note["label"]) == ("/note", SECRET, "备注")
    assert terminal.ask("erase", "--find", "13800138000") == [note]
    assert terminal.ask("erase", "--find", "13900139000") == []


def test_it_asks_before_it_erases_and_tells_what_is_left_to_do(closed: tuple[Terminal, str, int]) -> None:
    terminal, event_id, seq = closed
    assert terminal.run("erase", event_id, "/note", "--ground", "law", typed="n\n").exit_code == 1
    assert terminal.holds(seq)
    done = terminal.run("erase", event_id, "/note", "--ground", "law", "--request", "申请表 7", typed="y\n")
    assert done.exit_code == 0
    assert "备份" in done.stdout
    assert not terminal.holds(seq)
    assert terminal.run("erase", event_id, "/note", "--ground", "law", "--yes").exit_code == 1
    assert terminal.ask("verify", "--projections")["ok"]


@pytest.mark.parametrize(
    "words",
    [
        ("0197636e-95c0-7c3a-9d51-3f6a1c0e2b99", "/note"),
        ("EVENT", "/nothing"),
        ("EVENT", "/outputs/0/quantity"),
        ("EVENT", "/note", "--as", "producer"),
        ("EVENT", "/note", "--requested-on", "yesterday"),
    ],
)
def test_what_cannot_be_erased_is_told_and_stays(
    closed: tuple[Terminal, str, int], words: tuple[str, ...]
) -> None:
    terminal, event_id, seq = closed
    named = [event_id if word == "EVENT" else word for word in words]
    told = terminal.ask("erase", *named, "--ground", "law")
    assert not told["ok"]
    assert terminal.holds(seq)


def test_a_backup_restored_behind_the_erasure_erases_again(
    closed: tuple[Terminal, str, int], tmp_path: Path
) -> None:
    terminal, event_id, seq = closed
    assert terminal.run("backup", "create", "--to", str(tmp_path / "backups")).exit_code == 0
    assert terminal.ask("erase", event_id, "--ground", "law")["ok"]
    [backup] = [path for path in (tmp_path / "backups").iterdir() if path.is_file()]
    for path in terminal.settings.data.glob("heji.db*"):
        path.unlink()
    restored = terminal.run("restore", str(backup))
    assert restored.exit_code == 0, restored.output
    assert not terminal.holds(seq)
    assert terminal.ask("erase", "--again") == {"ok": True, "erasures": []}
    assert [each.swept for each in ErasureList(terminal.settings.head).read()] == [True, True]
    assert terminal.ask("verify", "--projections")["ok"]
    assert not any(
        SECRET.encode() in path.read_bytes() for path in terminal.settings.data.rglob("*") if path.is_file()
    )


def test_what_a_restore_lost_and_an_outbox_sends_again_is_named_until_it_is_erased_again(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path / "data")
    with opened_county(tmp_path / "data") as county:
        assert terminal.run("backup", "create", "--to", str(tmp_path / "backups")).exit_code == 0
        event, author = county.harvesting("A1", note=SECRET), county.authors["producer"]
        county.recorder.submit(event, author)
    assert terminal.ask("erase", event.id, "--ground", "law")["ok"]
    for path in terminal.settings.data.glob("heji.db*"):
        path.unlink()
    [backup] = [path for path in (tmp_path / "backups").iterdir() if path.is_file()]
    restored = terminal.run("restore", str(backup))
    assert restored.exit_code == 0, restored.output
    assert "heji erase --again" in restored.stdout
    assert terminal.ask("doctor")["checks"]["erasures"]["code"] == "doctor-erasures-fine"
    with closing(open_service(terminal.settings, passwords=CHEAP)) as service:
        service.start()
        seq = service.recorder.submit(event, author).seq
    assert terminal.holds(seq)
    found = terminal.ask("doctor")["checks"]["erasures"]
    assert (found["state"], found["code"]) == ("problem", "doctor-erasures-back")
    assert "heji erase --again" in found["remedy_zh"]
    assert len(terminal.ask("erase", "--again")["erasures"]) == 1
    assert not terminal.holds(seq)
    assert terminal.ask("doctor")["checks"]["erasures"]["state"] == "fine"


def test_a_household_whose_name_was_erased_is_called_by_its_code(tmp_path: Path) -> None:
    with opened_county(tmp_path) as county:
        facts = {"code": "h-1", "name": SECRET, "subject_type": "farm_household", "roles": ["producer"]}
        receipt = county.record("organisation", "operator", details=facts)
        values = [{"event": receipt.event_id, "pointers": ["/details/name"]}]
        county.record("erasure", "operator", details={"values": values, "ground": "law"})
        shown = county.get(f"/api/v1/events/{receipt.event_id}", "operator")
        assert shown.status_code == 200
        assert SECRET not in shown.get_data(as_text=True)
        with county.service.store.read() as connection:
            assert registered_facts(connection, "organisation", ["h-1"])["h-1"][1]["name"] == "h-1"
