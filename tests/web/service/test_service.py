from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from county import PLOT, found_county
from heji_trace.errors import LedgerBusy, Misconfigured
from heji_web.app import create_app
from heji_web.service import service as module
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings
from web.doors import CHEAP, Now


def test_a_service_opens_while_its_database_is_away_and_starts_when_it_is_back(
    settings: Settings, now: Now, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    found_log(settings, "log.heji.example", os.urandom)
    database, away = tmp_path / "heji.db", tmp_path / "away.db"
    database.rename(away)
    database.mkdir()
    opened = open_service(settings, now.clock, passwords=CHEAP)
    with pytest.raises(LedgerBusy):
        opened.start()
    opened.start_when_possible()
    client = create_app(opened).test_client()
    assert client.get("/readyz").status_code == 503
    database.rmdir()
    # By itself SQLite would make an empty file now, and the service would keep to that.
    assert client.get("/readyz").status_code == 503
    assert not database.exists()
    away.replace(database)
    assert any(opened.recorder.is_alive for _ in range(20_000) if client.get("/healthz").status_code == 200)
    assert client.get("/readyz").status_code == 200
    opened.close()


def test_a_service_that_is_closed_waits_for_its_database_no_longer(settings: Settings, now: Now) -> None:
    found_log(settings, "log.heji.example", os.urandom)
    lost = replace(settings, database_url=f"sqlite:///{settings.data}/absent/heji.db")
    opened = open_service(lost, now.clock, passwords=CHEAP)
    opened.start_when_possible()
    opened.close()
    assert not opened.recorder.is_alive


def test_without_a_key_no_service_opens(settings: Settings) -> None:
    with pytest.raises(Misconfigured):
        open_service(settings, passwords=CHEAP)


def test_a_demonstration_says_so_on_every_page(settings: Settings, now: Now) -> None:
    found_log(settings, "demonstration.heji.example", os.urandom)
    demonstration = open_service(settings, now.clock, passwords=CHEAP)
    client = create_app(demonstration).test_client()
    for path in ("/sign-in", "/api/docs", "/nowhere"):
        assert "演示系统" in client.get(path, headers={"Accept": "text/html"}).get_data(as_text=True)
    demonstration.close()


def test_a_real_log_says_nothing_of_the_kind(service: Service) -> None:
    assert not service.is_demonstration
    assert "演示系统" not in create_app(service).test_client().get("/sign-in").get_data(as_text=True)


def test_a_ledger_behind_its_remembered_head_is_served_for_reading_and_says_so(
    service: Service, settings: Settings, now: Now
) -> None:
    county = found_county(service, now)
    service.close()
    (settings.head / "head").unlink()
    reopened = open_service(settings, now.clock, passwords=CHEAP)
    reopened.start_when_possible()
    client = create_app(reopened).test_client()
    page = client.get("/sign-in").get_data(as_text=True)
    refused = client.post(
        "/api/v1/events",
        json=county.raw("planting", site=PLOT, details={"cycle": "c2", "crop": "荔枝"}),
        headers=county.headers(),
    )
    reopened.close()
    assert "已停止写入" in page
    assert refused.status_code == 503
    assert refused.get_json()["code"] == "head-missing"
