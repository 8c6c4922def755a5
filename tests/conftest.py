"""Fixtures for all tests: a service on an embedded database, its application, and a small county on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from county import County, found_county
from heji_trace import keys, ledger
from heji_trace.append_only import ledger_triggers
from heji_trace.db import Store
from heji_trace.tables import metadata
from heji_web.app import create_app
from heji_web.service import Service, open_service
from heji_web.settings import Settings, read_settings
from web.doors import CHEAP, Now


@pytest.fixture
def now() -> Now:
    """The service's clock, moved by hand."""
    return Now()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of a service that keeps everything in the test's own folder."""
    return read_settings({"HEJI_DATA": str(tmp_path)})


@pytest.fixture
def service(settings: Settings, now: Now) -> Iterator[Service]:
    """An open service with an empty ledger that has been begun."""
    begin_ledger(settings)
    service = open_service(settings, now.clock, passwords=CHEAP)
    yield service
    service.close()


@pytest.fixture
def app(service: Service) -> Flask:
    """The application on the service."""
    return create_app(service)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is nobody until it brings a token."""
    return app.test_client()


@pytest.fixture
def county(service: Service, now: Now, client: FlaskClient) -> County:
    """People with tokens, products, sites and a crop cycle: see `county.PEOPLE`."""
    if not service.recorder.is_alive:
        service.start()
    return found_county(service, now, client)


def begin_ledger(settings: Settings) -> None:
    """Make schema, signing key and empty ledger, as `heji init` does."""
    store = Store(settings.database_url)
    signer = keys.generate_signer("localhost/log", lambda size: bytes(range(size)))
    keys.write_signer(settings.key, signer)
    with store.write() as connection:
        metadata.create_all(connection)
        for statement in ledger_triggers(store.dialect):
            connection.exec_driver_sql(statement)
        ledger.found(connection, signer, {})
    store.close()
