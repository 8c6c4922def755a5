from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from heji_trace.sessions import issue_token
from heji_web.app import create_app
from heji_web.founding import found_log
from heji_web.service import Service, open_service
from heji_web.settings import Settings, read_settings
from web.doors import CHEAP, Browser, Now, account_with


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"HEJI_DATA": str(tmp_path)})


@pytest.fixture
def service(settings: Settings, now: Now) -> Iterator[Service]:
    found_log(settings, "log.heji.example", os.urandom)
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    yield service
    service.close()


@pytest.fixture
def app(service: Service) -> Flask:
    return create_app(service)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def browser(client: FlaskClient, service: Service) -> Browser:
    return Browser(client, service)


@pytest.fixture
def token(service: Service) -> Callable[..., dict[str, str]]:
    """Makes the headers of a program that speaks with a role of an organisation."""

    def headers(role: str = "producer", organisation: str = "fg-litchi-coop") -> dict[str, str]:
        account = account_with(service, role, organisation)
        with service.store.write() as connection:
            secret = issue_token(
                connection, account, service.random(8).hex(), service.random, service.clock.now_ms()
            )
        return {"Authorization": f"Bearer {secret}"}

    return headers
