from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, select, text

from county import County, opened_county
from heji_migrations import upgrade
from heji_trace.backups import transfer
from heji_trace.errors import HejiError, Misconfigured, Untrusted
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.store.db import Store
from heji_trace.store.tables import imports, metadata, throttles
from heji_web.app import create_app
from heji_web.commands.tree import heji
from heji_web.service.locking import locked
from heji_web.service.service import open_service
from heji_web.service.settings import read_settings
from ledger_check import check_ledger
from postgresql import EMPTY, Cluster
from web.doors import CHEAP

pytestmark = pytest.mark.postgresql_only


class Terminal:
    """A terminal in the environment of a county's data, on a database of its choice."""

    def __init__(self, data: Path, url: str | None = None) -> None:
        chosen = {} if url is None else {"HEJI_DATABASE_URL": url}
        self.environment = {"HEJI_DATA": str(data), "LC_ALL": "en_US.UTF-8", **chosen}

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(heji, list(words), env=self.environment, catch_exceptions=False)

    def ask(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


@pytest.fixture
def grown(tmp_path: Path) -> Iterator[County]:
    """A county on SQLite with goods, a correction, sessions and a counted attempt; its service has been stopped."""
    with opened_county(tmp_path) as county:
        county.harvest("A1", "100")
        county.make("packaging", {"A1": "40"}, {"P1": "40"})
        wrong = county.harvest("A2")
        county.record("correction", details={"corrects": [wrong.event_id], "reason": "录入错误"})
        county.recorder.submit_all(
            [county.harvesting(f"B{number}") for number in range(80)], county.authors["producer"]
        )
        with county.service.store.write() as connection:
            connection.execute(insert(throttles), {"key": "k", "count": 3, "since_ms": 2**53})
        yield county


def everything(url: str) -> dict[str, list[tuple[object, ...]]]:
    with closing(Store(url)) as store, store.read() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def test_a_county_moves_to_postgresql_goes_on_there_and_moves_back(
    grown: County, cluster: Cluster, tmp_path: Path
) -> None:
    grown.service.close()
    old = grown.service.settings.database_url
    with cluster.database(template=EMPTY) as url:
        told = Terminal(tmp_path).ask("copy", "--to", url)
        assert (told["ok"], told["origin"], told["problems"]) == (True, grown.service.signer.name, [])
        assert told["size"] == grown.recorder.durable_size
        assert everything(url) == everything(old)
        goes_on(grown, url, tmp_path)
        back = f"sqlite:///{tmp_path / 'back.db'}"
        assert Terminal(tmp_path, url).ask("copy", "--to", back)["size"] == told["size"] + 1
        assert everything(back) == everything(url)
        assert Terminal(tmp_path, back).run("verify", "--projections").exit_code == 0


def goes_on(grown: County, url: str, data: Path) -> None:
    """Serve the copy: with the same tokens, the same head, and the next entry behind the last."""
    settings = read_settings({"HEJI_DATA": str(data), "HEJI_DATABASE_URL": url})
    with closing(open_service(settings, grown.now.clock, passwords=CHEAP)) as service:
        service.start()
        assert service.recorder.fault is None
        size = service.recorder.durable_size
        answer = create_app(service).test_client().get("/api/v1/batches/A1", headers=grown.headers())
        assert answer.status_code == 200
        event = parse_event(grown.harvesting("N1").body)
        assert service.recorder.submit(event, grown.authors["producer"]).seq == size
        check_ledger(service)


def test_people_are_told_what_was_copied_and_what_to_do_next(
    grown: County, cluster: Cluster, tmp_path: Path
) -> None:
    grown.service.close()
    with cluster.database(template=EMPTY) as url:
        (tmp_path / "url").write_text(f"{url}\n")
        (tmp_path / "url").chmod(0o600)
        done = Terminal(tmp_path).run("copy", "--to-file", str(tmp_path / "url"))
    assert done.exit_code == 0
    assert "HEJI_DATABASE_URL" in done.stdout
    assert f"{grown.recorder.durable_size} entries" in done.stdout


def refusal(terminal: Terminal, *words: str) -> str:
    told = terminal.ask("copy", *words)
    assert not told["ok"]
    return str(told["code"])


def test_a_target_with_anything_in_it_is_left_alone(grown: County, cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as url:
        with closing(Store(url)) as store, store.write() as connection:
            connection.execute(insert(throttles), {"key": "k", "count": 1, "since_ms": 1})
        before = everything(url)
        assert refusal(Terminal(tmp_path), "--to", url) == "copy-target-not-empty"
        assert everything(url) == before


@pytest.mark.parametrize(
    "address", ["postgresql+psycopg://nobody@127.0.0.1:1/heji", "sqlite:////nowhere/at/all/heji.db"]
)
def test_a_target_that_is_out_of_reach_is_named(grown: County, tmp_path: Path, address: str) -> None:
    grown.service.close()
    told = Terminal(tmp_path).ask("copy", "--to", address)
    assert (told["code"], address in told["zh"]) == ("copy-target-silent", True)


def test_a_source_that_is_not_there_is_named(grown: County, tmp_path: Path) -> None:
    grown.service.close()
    told = Terminal(tmp_path, f"sqlite:///{tmp_path}/lost.db").ask(
        "copy", "--to", f"sqlite:///{tmp_path}/new.db"
    )
    assert told["code"] == "database-absent"
    assert not {path.name for path in tmp_path.iterdir()} & {"lost.db", "new.db"}


def test_nothing_is_copied_while_a_service_runs_on_the_file(
    grown: County, cluster: Cluster, tmp_path: Path
) -> None:
    with cluster.database(template=EMPTY) as url, locked(grown.service.settings):
        assert refusal(Terminal(tmp_path), "--to", url) == "service-running"


def wait_until_gone(url: str, name: str) -> None:
    """A server notices a moment later that somebody has hung up."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as watching:
        query = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s"
        while watching.execute(query, (name,)).fetchone():
            time.sleep(0.01)


def test_nothing_is_copied_while_another_process_is_connected_to_the_server(
    grown: County, cluster: Cluster, tmp_path: Path
) -> None:
    with cluster.database(template=EMPTY) as url:
        Terminal(tmp_path).ask("copy", "--to", url)
        source, target = Terminal(tmp_path, url), f"sqlite:///{tmp_path / 'back.db'}"
        with psycopg.connect(url.replace("+psycopg", ""), application_name="heji elsewhere 1"):
            assert refusal(source, "--to", target) == "copy-source-in-use"
        wait_until_gone(url, "heji elsewhere 1")
        assert source.ask("copy", "--to", target)["ok"]


def test_a_ledger_that_does_not_fit_its_head_is_not_carried_on(
    grown: County, cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "head" / "head").unlink()
    with cluster.database(template=EMPTY) as url:
        assert refusal(Terminal(tmp_path), "--to", url) == "head-missing"


@pytest.mark.parametrize(
    "words",
    [(), ("--to", "sqlite:///x.db", "--to-file", "y")],
)
def test_one_target_is_named(grown: County, tmp_path: Path, words: tuple[str, ...]) -> None:
    assert Terminal(tmp_path).run("copy", *words).exit_code == 2


def test_a_password_on_the_command_line_is_refused(grown: County, tmp_path: Path) -> None:
    told = Terminal(tmp_path).run("copy", "--to", "postgresql+psycopg://heji:geheim-geheim@db/heji")
    assert told.exit_code == 1
    assert "geheim" not in told.output


# --- the copy itself -------------------------------------------------------------------------------------------------


def copied(source: str, target: str, progress: Any = lambda _done: None) -> transfer.Copied:
    with (
        closing(Store(source)) as store,
        closing(Store(target)) as other,
        store.read() as reading,
        other.write() as writing,
    ):
        upgrade.upgrade(writing)
        return transfer.copy_all(reading, writing, progress)


def test_progress_counts_every_row(grown: County, cluster: Cluster) -> None:
    heard: list[int] = []
    source = grown.service.settings.database_url
    with cluster.database() as url:
        told = copied(source, url, heard.append)
    with closing(Store(source)) as store, store.read() as connection:
        assert heard[-1] == transfer.count_rows(connection) == sum(told.rows.values())
    assert heard == sorted(heard)


def test_a_copy_that_is_interrupted_leaves_nothing(grown: County, cluster: Cluster) -> None:
    def give_up(done: int) -> None:
        if done > 200:
            raise KeyboardInterrupt

    with cluster.database() as url:
        with pytest.raises(KeyboardInterrupt):
            copied(grown.service.settings.database_url, url, give_up)
        assert not any(everything(url).values())


def test_a_target_that_keeps_something_else_than_it_was_given_is_found_out(
    grown: County, cluster: Cluster
) -> None:
    with cluster.database() as url:
        with closing(Store(url)) as store, store.write() as connection:
            body = "BEGIN NEW.count := NEW.count + 1; RETURN NEW; END"
            connection.execute(text(f"CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS '{body}'"))
            connection.execute(
                text("CREATE TRIGGER other BEFORE INSERT ON throttles FOR EACH ROW EXECUTE FUNCTION other()")
            )
        with pytest.raises(Untrusted) as refused:
            copied(grown.service.settings.database_url, url)
        assert (refused.value.code, refused.value.names) == ("copy-differs", {"table": "throttles"})
        assert not any(everything(url).values())


def test_text_that_postgresql_cannot_keep_is_named(grown: County, cluster: Cluster) -> None:
    row = {column.name: "x" for column in imports.columns} | {
        "import_id": "i-1",
        "file_name": "a\0b.csv",
        "data": b"\0",
        "created_ms": 1,
    }
    values = {name: value for name, value in row.items() if name in imports.columns}
    with grown.service.store.write() as connection:
        connection.execute(insert(imports), values)
    with cluster.database() as url, pytest.raises(Misconfigured) as refused:
        copied(grown.service.settings.database_url, url)
    assert (refused.value.code, refused.value.names["row"]) == ("copy-nul", "i-1")


def test_a_database_without_a_log_is_no_source(cluster: Cluster, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path / 'bare.db'}"
    with closing(Store(source)) as store, store.write() as connection:
        upgrade.upgrade(connection)
        assert ledger.size_of(connection) == 0
    with cluster.database() as url, pytest.raises(HejiError) as refused:
        copied(source, url)
    assert refused.value.code == "ledger-not-begun"
