"""Fixtures for all tests: a service on a database, its application, and a small county on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient

from county import County, opened_county
from heji_migrations import upgrade
from heji_trace.store.db import Store
from heji_web.app import create_app
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings, read_settings
from postgresql import Cluster, NoServer
from web.doors import CHEAP, Now

NewDatabase = Callable[..., AbstractContextManager[str]]
_NO_SERVER = "no PostgreSQL: "
# How long an example takes is the machine's affair: beside other work, or measured for coverage, it takes longer.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
_ON_BOTH = ("trace", "properties", "faults", "migrations")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what keeps something in a database on SQLite and on PostgreSQL; what is drawn from it, on SQLite.

    A mark says otherwise: `both_databases`, `sqlite_only`, `postgresql_only`.
    """
    if "database" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    folder = metafunc.definition.path.relative_to(Path(__file__).parent).parts[0]
    kinds = ["sqlite", "postgresql"]
    if "postgresql_only" in marks:
        kinds = ["postgresql"]
    elif "sqlite_only" in marks or (folder not in _ON_BOTH and "both_databases" not in marks):
        kinds = ["sqlite"]
    metafunc.parametrize("database", kinds, scope="session", indirect=True)


def _tell_what_was_not_tested(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly that half of the databases went untested."""
    skipped = [
        report.longrepr[2]
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple) and _NO_SERVER in report.longrepr[2]
    ]
    if skipped:
        terminalreporter.section("PostgreSQL", sep="!", red=True, bold=True)
        terminalreporter.line(
            f"没有可用的 PostgreSQL，{len(skipped)} 项测试未执行，本产品在 PostgreSQL 上未经检验。", red=True
        )
        terminalreporter.line(
            f"NOT TESTED ON POSTGRESQL: {len(skipped)} tests skipped. {skipped[0].partition(_NO_SERVER)[2]}",
            red=True,
        )


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests of this process."""
    try:
        started = Cluster()
    except NoServer as error:
        pytest.skip(f"{_NO_SERVER}{error}")
    with closing(started):
        yield started


@pytest.fixture(scope="session")
def database(request: pytest.FixtureRequest) -> NewDatabase:
    """Makes new databases of the kind that the test runs on, each the URL of one; in a folder where it is a file.

    They are copies of another one, given by its URL, or empty.
    """
    if request.param == "sqlite":
        return _sqlite_database
    cluster: Cluster = request.getfixturevalue("cluster")
    return lambda _folder, model=None: cluster.database(model)


@contextmanager
def _sqlite_database(folder: Path, model: str | None = None) -> Iterator[str]:
    if model is not None:
        shutil.copy(model.removeprefix("sqlite:///"), folder / "heji.db")
    yield f"sqlite:///{folder / 'heji.db'}"


@dataclass(frozen=True)
class Founded:
    """A county that was founded once, to be copied by every test that begins with one."""

    folder: Path
    url: str
    county: County

    def copy(self, folder: Path) -> None:
        """The signing key and the remembered head; the database has its own way."""
        shutil.copy2(self.folder / "signing.key", folder)
        shutil.copytree(self.folder / "head", folder / "head")


@pytest.fixture(scope="session")
def founded(database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Founded]:
    """The county of all tests, its service closed: founding it for each would take half of their time."""
    folder = tmp_path_factory.mktemp("founded")
    with database(folder) as url:
        with opened_county(folder, url) as county:
            pass
        yield Founded(folder, url, county)


@pytest.fixture
def database_url(database: NewDatabase, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the test's own; with the county in it where the test asks for one."""
    model = None
    if "county" in request.fixturenames:
        founded: Founded = request.getfixturevalue("founded")
        founded.copy(tmp_path)
        model = founded.url
    with database(tmp_path, model) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database that the tests of a module share."""
    with database(tmp_path_factory.mktemp("database")) as url:
        yield url


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of SQLite with all tables and nothing in them, to be copied: to make them takes longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "heji.db"
    with closing(Store(f"sqlite:///{file}")) as store, store.write() as connection:
        upgrade.upgrade(connection)
    return file


@pytest.fixture
def store(database_url: str, migrated: Path) -> Iterator[Store]:
    """A database with all tables and nothing in them; on PostgreSQL every database of the tests is one."""
    if database_url.startswith("sqlite:"):
        shutil.copy(migrated, database_url.removeprefix("sqlite:///"))
    with closing(Store(database_url)) as store:
        yield store


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A table of what tests have measured or counted with `record_property`: of the fault tests above all."""
    _tell_what_was_not_tested(terminalreporter)
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
def settings(tmp_path: Path, database_url: str) -> Settings:
    """The settings of a service that keeps everything in the test's own folder, or on the test's own server."""
    return read_settings({"HEJI_DATA": str(tmp_path), "HEJI_DATABASE_URL": database_url})


@pytest.fixture
def service(settings: Settings, now: Now) -> Iterator[Service]:
    """A started service with an empty ledger that has been begun."""
    if not settings.key.exists():
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
def county(service: Service, now: Now, founded: Founded, request: pytest.FixtureRequest) -> County:
    """People with tokens, products, sites and a crop cycle: see `county.PEOPLE`."""
    known = founded.county
    authors, tokens = dict(known.authors), dict(known.tokens)
    return County(service, now, authors, tokens, known.made, lambda: request.getfixturevalue("client"))
