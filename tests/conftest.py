"""Fixtures for all tests: a service on an embedded database, its application, and a small county on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from county import County, found_county
from heji_web.app import create_app
from heji_web.founding import found_log
from heji_web.service import Service, open_service
from heji_web.settings import Settings, read_settings
from web.doors import CHEAP, Now


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what tests have measured or counted with `record_property`: of the fault tests above all."""
    told = [
        (report.nodeid.rpartition("::")[2], name, value)
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in report.user_properties
    ]
    if told:
        terminalreporter.section("结果 results")
        for test, name, value in told:
            terminalreporter.write_line(f"{test}: {name} {value}")


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
    """A started service with an empty ledger that has been begun."""
    found_log(settings, "log.heji.example", os.urandom)
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
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
    return found_county(service, now, client)
