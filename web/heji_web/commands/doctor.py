"""`heji doctor`: everything the service depends on, each with its state and, where it is not well, with its remedy."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from sqlalchemy import text

from heji_migrations import privileges, upgrade
from heji_trace.effects.erasing import returned
from heji_trace.errors import HejiError
from heji_trace.identifiers.codes import make_phone_code, make_trace_code, trace_url
from heji_trace.ledger import ledger
from heji_trace.ledger.head import check_remembered
from heji_trace.printing.label_sheet import Label, dump_sheet
from heji_trace.printing.labels import dump_png
from heji_trace.proving.entries import parse_entry
from heji_trace.sentences import LANGUAGES
from heji_trace.store.db import driver_words
from heji_trace.vocabulary.times import dump_ms
from heji_web.api.health import check_database, check_head, check_schema, failed
from heji_web.commands.doctor_backups import device_of, examine_backups, examine_copy
from heji_web.commands.doctor_folders import examine_folders, examine_space
from heji_web.commands.findings import Finding, fine, notice, problem, told
from heji_web.service.locking import check_database_file
from heji_web.service.secret_files import check_private
from heji_web.service.service import Service
from heji_web.service.settings import LOCAL_HOSTS, Settings

_SCHEMA_REMEDIES = {
    "schema-older": "remedy-schema-older",
    "schema-newer": "remedy-schema-newer",
    "ledger-unguarded": "remedy-unguarded",
}
_CLOCK_MS = 5 * 60 * 1000
_ASK_SECONDS = 5
_BEIJING_SECONDS = 8 * 3600


def examine(service: Service) -> list[Finding]:
    """All findings about the service of this machine; it may run meanwhile, and nothing is changed."""
    settings = service.settings
    database = list(_database(service))
    answers = all(finding.state != "problem" for finding in database)
    return [
        *_key(service),
        *examine_folders(settings),
        *database,
        *(_ledger(service) if answers else _unseen(service)),
        *examine_space(settings),
        *_processes(service),
        *_running(service),
        *_address(settings),
        *_passwords(service),
        *examine_backups(service),
        *examine_copy(service),
        *_codes(service),
        *_time_zone(service),
    ]


def examine_without_key(settings: Settings, error: HejiError) -> list[Finding]:
    """What can be found where the key cannot be read: often the whole disk is away, or another account's."""
    return [
        told("key", failed(error), "remedy-key"),
        *examine_folders(settings),
        *examine_space(settings),
        *_address(settings),
    ]


def _ledger(service: Service) -> Iterator[Finding]:
    """What is read from a database that answers."""
    checks: tuple[Callable[[Service], Iterator[Finding]], ...] = (_server, _schema, _head, _erasures, _clock)
    for check in checks:
        yield from check(service)


def _unseen(service: Service) -> Iterator[Finding]:
    """The lines that only a database that answers could fill: their own remedies would mislead, up to a restore."""
    for name in ("schema", "head"):
        yield problem(name, "doctor-unseen", "remedy-unseen")
    yield notice("clock", "doctor-clock-alone", "remedy-unseen", now=dump_ms(service.clock.now_ms()))


def _key(service: Service) -> Iterator[Finding]:
    signer, path = service.signer, service.settings.key
    facts: dict[str, str] = {}
    with suppress(HejiError), service.store.read() as connection:
        facts = ledger.founded_facts(connection)
    if facts and facts.get("verifier_key") != signer.verifier_key:
        found = facts.get("origin", "-")
        yield problem(
            "key", "doctor-key-other", "remedy-key-other", path=path, origin=signer.name, found=found
        )
        return
    yield fine("key", "doctor-key-fine", origin=signer.name, path=path)


def _database(service: Service) -> Iterator[Finding]:
    try:
        check_database_file(service.settings)
    except HejiError as error:
        # Not what the schema would be told to be mended by: an empty file in its place is no ledger.
        yield told("database", failed(error), "remedy-database-absent")
        return
    file = service.settings.database_file
    if file is not None and not os.access(file, os.R_OK | os.W_OK):
        yield problem("database", "doctor-file-closed", "remedy-folder-closed", path=file)
        return
    check = check_database(service)
    if not check["ok"]:
        is_damaged = check["code"] == "database-damaged"
        finding = told("database", check, "remedy-database-damaged" if is_damaged else "remedy-database")
        yield replace(finding, reason=_driver_reason(service))
    elif _is_empty(service):
        yield problem("database", "database-empty", "remedy-database-absent")
    elif check["kind"] == "sqlite" and not check["fixed_wal_reset"]:
        # Sound all the same: there is one process, with one connection that writes.
        yield fine("database", "doctor-sqlite-old", version=check["version"])
    else:
        yield fine("database", "doctor-database-fine", kind=check["kind"], version=check["version"])


def _driver_reason(service: Service) -> str | None:
    """What the database's driver says of the failure."""
    try:
        with service.store.read():
            return None
    except HejiError as error:
        return driver_words(error)


def _is_empty(service: Service) -> bool:
    with service.store.read() as connection:
        return upgrade.current(connection) is None


def _server(service: Service) -> Iterator[Finding]:
    """What a PostgreSQL server must do for a receipt to hold, and what the service's role need not be able to do."""
    if service.store.dialect != "postgresql":
        return
    with suppress(HejiError), service.store.read() as connection:
        for name in ("fsync", "full_page_writes"):
            if connection.execute(text(f"SHOW {name}")).scalar() != "on":
                line = f"server-{name.replace('_', '-')}"
                yield problem(line, "doctor-server-unsafe", "remedy-server-unsafe", setting=name)
        excess = privileges.find_excess(connection)
        if excess:
            role = connection.execute(text("SELECT current_user")).scalar()
            yield notice("role", "doctor-role-strong", "remedy-role-strong", role=role, first=excess[0])
        else:
            yield fine("role", "doctor-role-fine")


def _schema(service: Service) -> Iterator[Finding]:
    check = check_schema(service)
    if check["ok"]:
        yield fine("schema", "doctor-schema-fine")
    else:
        yield told("schema", check, _SCHEMA_REMEDIES.get(check["code"], "remedy-database"))


def _head(service: Service) -> Iterator[Finding]:
    check = check_head(service)
    if not check["ok"]:
        is_missing = check["code"] == "head-missing"
        yield told("head", check, "remedy-head-missing" if is_missing else "remedy-head")
        return
    settings = service.settings
    try:
        remembered = service.head.read()
        with service.store.read() as connection:
            size = check_remembered(connection, remembered, service.signer.verifier) if remembered else 0
    except HejiError as error:
        yield told("head", failed(error), "remedy-head")
        return
    yield fine("head", "doctor-head-fine", size=size)
    # Where the server keeps its files cannot be seen from here.
    file = settings.database_file
    if file is not None and device_of(settings.head) == device_of(file.parent):
        yield notice("head-disk", "doctor-head-same-disk", "remedy-head-same-disk", path=settings.head)


def _erasures(service: Service) -> Iterator[Finding]:
    """Whether values that were erased stand in the ledger again: lost with a restore, and sent again by an outbox."""
    try:
        listed = service.recorder.erasures.read()
    except HejiError as error:
        yield told("erasures", failed(error), "remedy-head")
        return
    back = 0
    with suppress(HejiError), service.store.read() as connection:
        back = len(returned(connection, listed))
    if back:
        yield problem("erasures", "doctor-erasures-back", "remedy-erasures-back", count=back)
    elif listed:
        yield fine("erasures", "doctor-erasures-fine", count=len(listed))


def _clock(service: Service) -> Iterator[Finding]:
    now_ms = service.clock.now_ms()
    last_ms = 0
    with suppress(HejiError), service.store.read() as connection:
        size = ledger.size_of(connection)
        if size:
            (entry,) = ledger.read_entry_bytes(connection, size - 1, size)
            last_ms = parse_entry(entry, size - 1).recorded_ms
    if now_ms < last_ms - _CLOCK_MS:
        yield problem(
            "clock", "doctor-clock-behind", "remedy-clock", now=dump_ms(now_ms), last=dump_ms(last_ms)
        )
    else:
        yield fine("clock", "doctor-clock-fine", now=dump_ms(now_ms))


def _processes(service: Service) -> Iterator[Finding]:
    """On SQLite one process has the database open to write; another one could damage it."""
    if service.store.dialect != "sqlite":
        return
    database = service.settings.database_file
    others = sorted(_holders(database) - {os.getpid()}) if database else []
    if len(others) > 1:
        pids = ", ".join(map(str, others))
        yield problem("processes", "doctor-processes-several", "remedy-processes", pids=pids)
    else:
        yield fine("processes", "doctor-processes-fine", count=len(others))


def _holders(database: Path) -> set[int]:
    """The processes that have a file open, as far as this account may see them."""
    found: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            if any(each.readlink() == database for each in folder.iterdir()):
                found.add(int(folder.parent.name))
    return found


def _running(service: Service) -> Iterator[Finding]:
    """What the process that serves says of itself."""
    settings = service.settings
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host  # noqa: S104 - compared
    address = f"http://{host}:{settings.port}/readyz"
    try:
        # Not by way of a proxy that the environment names for the world outside.
        ask = build_opener(ProxyHandler({})).open
        with ask(Request(address, headers={"Host": "localhost"}), timeout=_ASK_SECONDS) as answer:
            json.load(answer)["checks"]
        yield fine("service", "doctor-running", address=address)
    except HTTPError as error:
        failing = _failing(error) if error.code == HTTPStatus.SERVICE_UNAVAILABLE else None
        if failing:
            yield problem("service", "doctor-not-ready", "remedy-not-ready", address=address, **failing)
        else:
            yield problem("service", "doctor-port-other", "remedy-port-other", address=address)
    except (ValueError, KeyError, TypeError, HTTPException):
        yield problem("service", "doctor-port-other", "remedy-port-other", address=address)
    except OSError:
        yield notice("service", "doctor-not-running", "remedy-not-running", address=address)


def _failing(answer: HTTPError) -> dict[str, str] | None:
    """What a service that is not ready says of itself, in both languages, each sentence once."""
    try:
        failed_checks = [check for check in json.load(answer)["checks"].values() if not check["ok"]]
        return {
            f"failed_{each}": " ".join(dict.fromkeys(check[each] for check in failed_checks))
            for each in LANGUAGES
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, HTTPException):
        return None


def _address(settings: Settings) -> Iterator[Finding]:
    host = urlsplit(settings.base_url).hostname or ""
    if host in LOCAL_HOSTS:
        yield notice("address", "doctor-address-local", "remedy-address", address=settings.base_url)
    elif not settings.is_https:
        yield problem("address", "doctor-address-open", "remedy-address", address=settings.base_url)
    else:
        yield fine("address", "doctor-address-fine", address=settings.base_url)
    if host not in settings.trusted_hosts:
        yield problem("trusted-hosts", "doctor-host-untrusted", "remedy-host-untrusted", host=host)
    if settings.is_https and settings.proxies == 0:
        yield notice("proxies", "doctor-proxies", "remedy-proxies")


def _passwords(service: Service) -> Iterator[Finding]:
    """The file in which libpq looks for the database's password."""
    path = os.environ.get("PGPASSFILE")
    if service.store.dialect != "postgresql" or not path:
        return
    try:
        check_private(Path(path), Path(path).stat().st_mode)
    except OSError as error:
        yield problem(
            "passwords", "doctor-passfile-absent", "remedy-passfile", path=path, reason=error.strerror
        )
    except HejiError as error:
        yield told("passwords", failed(error), "remedy-passfile")
    else:
        yield fine("passwords", "doctor-passfile-fine", path=path)


def _codes(service: Service) -> Iterator[Finding]:
    """A code drawn and read back, and a sheet with a label of Chinese words in the labels' own font."""
    trace_code, phone_code = make_trace_code(service.random), make_phone_code(service.random)
    url = trace_url(service.settings.base_url, trace_code)
    try:
        dump_png(url)
        dump_sheet([Label("荔枝", "20260612", trace_code, phone_code, url)])
    except (HejiError, OSError, ValueError) as error:
        yield problem("codes", "doctor-codes", "remedy-codes", reason=type(error).__name__)
    else:
        yield fine("codes", "doctor-codes-fine")


def _time_zone(service: Service) -> Iterator[Finding]:
    """Days are judged in Beijing whatever the machine says; only its own logs and timers go by its zone."""
    here = time.localtime(service.clock.wall())
    code = "doctor-zone-fine" if here.tm_gmtoff == _BEIJING_SECONDS else "doctor-zone-other"
    yield fine("time-zone", code, zone=time.strftime("%Z %z", here))
