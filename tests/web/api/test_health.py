from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from county import County
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_web.app import create_app
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, Now


def test_a_process_that_answers_is_alive(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})


def test_a_started_service_on_its_own_ledger_is_ready(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = answer.get_json()["checks"]
    assert {name: check["ok"] for name, check in checks.items()} == {
        "database": True,
        "schema": True,
        "recorder": True,
        "head": True,
    }
    assert checks["database"]["version"].startswith("3.")
    assert (checks["head"]["size"], checks["head"]["remembered"]) == (0, 0)


def test_a_service_whose_recorder_has_ended_is_alive_and_not_ready(
    client: FlaskClient, service: Service
) -> None:
    service.recorder.close()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["recorder"]["code"] == "ledger-busy"


def test_a_service_that_can_write_nothing_is_not_ready_until_somebody_should_try_again(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recorder() -> tuple[int, str | None, bool]:
        answer = county.client.get("/readyz")
        figures = county.client.get("/metrics").get_data(as_text=True)
        check = answer.get_json()["checks"]["recorder"]
        return answer.status_code, check.get("code"), "heji_recording 1.0" in figures

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    event = county.harvesting("A1").body
    with monkeypatch.context() as disk:
        # Python's own calls are those for the head; the database's are its library's.
        disk.setattr(os, "fsync", full)
        assert county.post("/api/v1/events", event).status_code == 503
        assert recorder() == (503, "head-not-durable", False)
        county.now.seconds += 61
        assert recorder() == (200, None, True), "else a proxy that asks first would never send anything again"
        assert county.post("/api/v1/events", event).status_code == 503
        assert recorder() == (503, "head-not-durable", False)
    county.harvest("A9")
    assert recorder() == (200, None, True)


def test_what_somebody_may_not_say_makes_no_service_unready(county: County) -> None:
    assert county.post("/api/v1/events", {"kind": "harvest"}).status_code == 422
    assert county.client.get("/readyz").status_code == 200


def test_a_ledger_without_its_remembered_head_is_not_ready(client: FlaskClient, service: Service) -> None:
    (service.settings.head / "head").unlink()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["checks"]["head"]["code"]) == (503, "head-missing")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_service_without_its_database_still_answers(service: Service, tmp_path: Path, path: str) -> None:
    settings = read_settings(
        {"HEJI_DATA": str(tmp_path), "HEJI_DATABASE_URL": f"sqlite:///{tmp_path}/absent/heji.db"}
    )
    lost = open_service(settings, service.clock, passwords=service.passwords)
    answer = create_app(lost).test_client().get(path)
    assert answer.status_code == (200 if path == "/healthz" else 503)
    if path == "/readyz":
        check = answer.get_json()["checks"]["database"]
        assert (check["ok"], check["kind"], check["code"]) == (False, "sqlite", "database-silent")
        assert check["zh"] != check["en"]
    lost.close()


def test_a_ledger_behind_its_remembered_head_is_not_ready(county: County) -> None:
    signer, size = county.service.signer, county.size
    note = sign_note(dump_checkpoint(signer.name, size + 1, bytes(32)), signer)
    (county.service.settings.head / "head").write_text(note, "utf-8")
    checks = county.get("/readyz", None).get_json()["checks"]
    assert (checks["head"]["ok"], checks["head"]["code"]) == (False, "ledger-behind")
    assert checks["recorder"]["ok"]


def test_a_service_that_may_not_continue_its_ledger_is_not_ready_and_says_why(
    county: County, now: Now
) -> None:
    county.service.close()
    (county.service.settings.head / "head").unlink()
    with closing(open_service(county.service.settings, now.clock, passwords=CHEAP)) as reopened:
        reopened.start()
        answer = create_app(reopened).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"]["recorder"]["code"] == "head-missing"
