from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from county import County
from heji_trace.errors import LedgerBusy
from heji_web.app import create_app
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings
from web.doors import CHEAP

NEAR = {"REMOTE_ADDR": "127.0.0.1"}
FAR = {"REMOTE_ADDR": "192.0.2.7"}


def figures(client: FlaskClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What /metrics says, read by Prometheus' own parser: name and labels -> value."""
    answer = client.get("/metrics", environ_base=NEAR)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def figure(client: FlaskClient, name: str, **labels: str) -> float | None:
    return figures(client).get((name, frozenset(labels.items())))


def test_entries_groups_and_what_waits_are_told(county: County) -> None:
    before = figure(county.client, "heji_entries_total")
    groups = figure(county.client, "heji_group_size_count") or 0
    county.harvest("A1")
    assert figure(county.client, "heji_entries_total") == county.size == (before or 0) + 1
    assert figure(county.client, "heji_group_size_bucket", le="1") == groups + 1
    assert figure(county.client, "heji_queue_depth") == 0
    assert figure(county.client, "heji_recording") == 1


def test_requests_are_timed_by_their_route_and_never_by_their_address(county: County) -> None:
    county.get("/api/v1/batches/A-13800138000")
    county.get("/api/v1/batches/B-13800138000")
    labels = {"method": "GET", "route": "/api/v1/batches/<batch>", "status": "4xx"}
    assert figure(county.client, "heji_request_seconds_count", **labels) == 2
    text = county.client.get("/metrics", environ_base=NEAR).get_data(as_text=True)
    assert "13800138000" not in text


def test_methods_and_addresses_that_somebody_makes_up_are_one_figure(client: FlaskClient) -> None:
    for number in range(20):
        client.open(f"/no-such-{number}", method=f"MADE{number}")
    labels = {"method": "other", "route": "-", "status": "4xx"}
    assert figure(client, "heji_request_seconds_count", **labels) == 20


def test_refusals_are_counted_by_their_code(county: County) -> None:
    county.post("/api/v1/events", {"kind": "harvest"})
    county.post("/api/v1/events", county.raw("harvest"), None)
    assert figure(county.client, "heji_problems_total", code="not-signed-in") == 1
    assert figure(county.client, "heji_problems_total", code="invalid-event") == 1


def test_live_warnings_are_counted_by_their_code(county: County) -> None:
    county.harvest("A1", "10")
    sold = [{"batch": "A1", "quantity": "40", "unit": "kg"}]
    county.record("sale", moves=sold, acknowledged=["OVER_CONSUMPTION"])
    assert figure(county.client, "heji_live_warnings", code="OVER_CONSUMPTION") == 1
    # Counted anew at most every few seconds, however often somebody asks.
    county.harvest("A2", "10")
    sold = [{"batch": "A2", "quantity": "40", "unit": "kg"}]
    county.record("sale", moves=sold, acknowledged=["OVER_CONSUMPTION"])
    assert figure(county.client, "heji_live_warnings", code="OVER_CONSUMPTION") == 1
    county.now.seconds += 15
    assert figure(county.client, "heji_live_warnings", code="OVER_CONSUMPTION") == 2


def test_the_age_of_backups_and_a_failed_one_are_told(
    county: County, service: Service, tmp_path: Path
) -> None:
    assert figure(county.client, "heji_backup_age_seconds", folder="own") is None
    assert service.backups.back_up_when_due() is not None
    county.now.seconds += 3600
    assert figure(county.client, "heji_backup_age_seconds", folder="own") == pytest.approx(3600, abs=1)
    assert figure(county.client, "heji_backup_failed") == 0
    service.backups.fault = LedgerBusy()
    assert figure(county.client, "heji_backup_failed") == 1


def test_a_folder_of_backups_that_cannot_be_read_takes_no_other_figure_with_it(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert county.service.backups.back_up_when_due() is not None

    def refuse(_path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert figure(county.client, "heji_backup_age_seconds", folder="own") is None
    assert figure(county.client, "heji_recording") == 1


def test_the_process_and_the_version_are_told(client: FlaskClient) -> None:
    found = figures(client)
    assert found["process_resident_memory_bytes", frozenset()] > 10_000_000
    assert [name for name, _ in found if name == "heji_build_info"] == ["heji_build_info"]
    assert found["heji_build_info", frozenset({("version", version_of(found)), ("database", "sqlite")})] == 1


def version_of(found: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> str:
    return next(dict(labels)["version"] for name, labels in found if name == "heji_build_info")


def test_figures_are_for_this_machine_and_for_the_operator(county: County) -> None:
    def status(who: str | None, where: dict[str, str], host: str = "localhost") -> int:
        headers = {"Host": host, **(county.headers(who) if who else {})}
        return county.client.get("/metrics", headers=headers, environ_base=where).status_code

    assert status(None, NEAR) == 200
    assert status(None, FAR) == 401
    assert status("producer", FAR) == 403
    assert status("operator", FAR) == 200
    # A proxy on the same machine is near, and hands on the name it was asked for.
    assert status(None, {"REMOTE_ADDR": "::1"}) == 200
    assert status(None, {"REMOTE_ADDR": "unix"}) == 401


def test_a_proxy_on_this_machine_opens_nothing(county: County, service: Service) -> None:
    answer = county.client.get("/metrics", headers={"Host": "127.0.0.2"}, environ_base=NEAR)
    assert answer.status_code == 400


def test_a_database_that_is_down_still_leaves_figures(client: FlaskClient, service: Service) -> None:
    service.recorder.close()
    service.store.close()
    service.settings.data.joinpath("heji.db").rename(service.settings.data / "away.db")
    assert figure(client, "heji_recording") == 0
    assert not any(name == "heji_live_warnings" for name, _ in figures(client))


def test_a_database_that_goes_away_while_it_is_served_is_told(county: County) -> None:
    assert figure(county.client, "heji_database_up") == 1
    service = county.service
    service.store.close()
    database = service.settings.data / "heji.db"
    database.rename(service.settings.data / "away.db")
    county.now.seconds += 15
    assert figure(county.client, "heji_database_up") == 0
    (service.settings.data / "away.db").rename(database)
    county.now.seconds += 15
    assert figure(county.client, "heji_database_up") == 1


def test_entries_are_not_counted_before_the_database_has_answered(settings: Settings) -> None:
    found_log(settings, "log.heji.example", os.urandom)
    (settings.data / "heji.db").rename(settings.data / "away.db")
    with closing(open_service(settings, passwords=CHEAP)) as waiting:
        names = {name for name, _ in figures(create_app(waiting).test_client())}
    assert "heji_entries_total" not in names, "a counter that falls to nothing looks like a new ledger"
    assert "heji_recording" in names


def test_no_figure_has_a_label_that_could_name_a_person(county: County) -> None:
    county.harvest("A1")
    names = {label for _, labels in figures(county.client) for label, _ in labels}
    assert names <= {"method", "route", "status", "le", "code", "folder", "version", "database"}
    assert all(re.fullmatch(r"(heji|process)_[a-z_]+", name) for name, _ in figures(county.client))
