"""Databases as every earlier revision kept them, brought to this one with all that is in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import MetaData, select

from heji_migrations import upgrade
from heji_trace.backups.archive import MANIFEST, Manifest, Writer, dump_manifest, kept_tables
from heji_trace.people.parties import Author
from heji_trace.proving.keys import write_signer
from heji_trace.store import tables
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import SYSTEM_CLOCK
from heji_web.commands.tree import heji
from heji_web.service.founding import Organisation, register_organisation
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from migrations.make_revision import SIGNER
from postgresql import Cluster
from web.doors import CHEAP

KEPT = Path(__file__).parent / "revisions"
REVISIONS = sorted(path.stem for path in KEPT.glob("*.sql"))
LEDGER = ("foundation", "entries", "disclosures", "nodes", "checkpoints")


class Operator:
    """The operator of a database of an earlier revision, at a terminal of this version."""

    def __init__(self, folder: Path, revision: str, url: str | None = None) -> None:
        self.folder = folder
        self.environment = {"HEJI_DATA": str(folder), "LC_ALL": "en_US.UTF-8"}
        if url is not None:
            self.environment["HEJI_DATABASE_URL"] = url
        (folder / "head").mkdir(parents=True)
        (folder / "head" / "head").write_text((KEPT / f"{revision}.head").read_text("utf-8"), "utf-8")
        write_signer(folder / "signing.key", SIGNER)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(heji, words, env=self.environment, catch_exceptions=False)

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    def go_on(self) -> None:
        """The service starts, records, and everything holds, the outside verifier's word included."""
        settings = read_settings(self.environment)
        with closing(open_service(settings, SYSTEM_CLOCK, passwords=CHEAP)) as service:
            service.start()
            assert service.recorder.fault is None
            with service.store.read() as connection:
                named = select(tables.accounts).where(tables.accounts.c.name == "operator")
                account = connection.execute(named).one()
            author = Author(account.account, account.organisation, frozenset({"operator"}))
            new = Organisation("fg-new", "新单位", "enterprise", ("producer",))
            assert register_organisation(service, new, author).seq == service.recorder.durable_size - 1
            check_ledger(service)


def restored(revision: str, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((KEPT / f"{revision}.sql").read_text("utf-8"))
        connection.commit()
    return path


def ledger_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with closing(Store(url)) as store, store.read() as connection:
        return {
            name: sorted(tuple(row) for row in connection.execute(select(tables.metadata.tables[name])))
            for name in LEDGER
        }


def test_every_revision_but_the_newest_has_a_database_of_its_day() -> None:
    # Before a revision is written, `make_revision.py` writes down what the one before it keeps.
    known = sorted(upgrade._known())
    assert known[: len(REVISIONS)] == REVISIONS
    assert len(known) == len(REVISIONS) + 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_earlier_database_is_upgraded_with_every_entry_byte_as_it_was(
    tmp_path: Path, revision: str
) -> None:
    operator = Operator(tmp_path, revision)
    url = f"sqlite:///{restored(revision, tmp_path / 'heji.db')}"
    before = ledger_of(url)
    assert len(before["entries"]) > 30
    assert operator.ask("serve")["code"] == "schema-older"
    assert operator.ask("doctor")["checks"]["schema"]["code"] == "schema-older"
    assert operator.ask("migrate") == {"ok": True, "from": revision, "to": upgrade.head()}
    assert ledger_of(url) == before
    report = operator.ask("verify", "--projections")
    assert (report["ok"], report["problems"]) == (True, [])
    operator.go_on()


@pytest.mark.parametrize("revision", REVISIONS)
def test_an_upgrade_leaves_the_accounts_and_tokens_of_the_day(tmp_path: Path, revision: str) -> None:
    operator = Operator(tmp_path, revision)
    url = f"sqlite:///{restored(revision, tmp_path / 'heji.db')}"
    operator.run("migrate")
    with closing(Store(url)) as store, store.read() as connection:
        accounts = connection.execute(select(tables.accounts)).all()
        tokens = connection.execute(select(tables.tokens)).all()
    assert len(accounts) == len(tokens) == 10


def test_what_an_earlier_version_judged_otherwise_is_judged_by_the_rules_of_this_one(tmp_path: Path) -> None:
    operator = Operator(tmp_path, "0006")
    url = f"sqlite:///{restored('0006', tmp_path / 'heji.db')}"
    days = []
    for _ in range(2):
        with closing(Store(url)) as store, store.read() as connection:
            graded = select(tables.batches.c.best_before).where(tables.batches.c.batch == "G1")
            days.append(connection.execute(graded).scalar_one())
        operator.run("migrate")
    # Its own day then was that of the grading; goods that are graded are no fresher than before.
    assert days[0] is None
    assert days[1] is not None


def archived(revision: str, folder: Path) -> Path:
    """A backup as that revision would have made it: its own tables, in its own columns."""
    names = {table.name for table in kept_tables()}
    path = folder / "old.heji.zip"
    with (
        closing(Store(f"sqlite:///{restored(revision, folder / 'old.db')}")) as store,
        store.read() as connection,
    ):
        reflected = MetaData()
        reflected.reflect(connection)
        note = connection.execute(
            select(tables.checkpoints).order_by(tables.checkpoints.c.size.desc())
        ).first()
        assert note is not None
        with path.open("wb") as file, Writer(file) as writer:
            for table in reflected.sorted_tables:
                if table.name in names:
                    writer.add_table(connection, table)
            parts = tuple(writer.parts)
            manifest = Manifest(
                SIGNER.name,
                SIGNER.verifier_key,
                1_780_000_000_000,
                revision,
                note.size,
                note.note,
                parts,
                has_key=False,
            )
            writer.add_text(MANIFEST, dump_manifest(manifest, SIGNER))
    return path


def empty_database(kind: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/new/heji.db"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    with cluster.database("template0") as url:
        yield url


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize("revision", REVISIONS)
def test_an_earlier_backup_restores_into_this_version(
    tmp_path: Path, revision: str, kind: str, request: pytest.FixtureRequest
) -> None:
    path = archived(revision, tmp_path)
    before = ledger_of(f"sqlite:///{tmp_path / 'old.db'}")
    for url in empty_database(kind, tmp_path, request):
        operator = Operator(tmp_path / "new", revision, url)
        done = operator.ask("restore", str(path))
        assert (done["ok"], done["continues"]) == (True, True), done
        assert ledger_of(url) == before
        assert operator.run("verify", "--projections").exit_code == 0
        operator.go_on()


def test_a_backup_of_a_newer_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archived(REVISIONS[-1], tmp_path)
    operator = Operator(tmp_path / "new", REVISIONS[-1])
    monkeypatch.setattr(upgrade, "_known", lambda: frozenset(REVISIONS[:-1]))
    assert operator.ask("restore", str(path))["code"] == "schema-newer"
