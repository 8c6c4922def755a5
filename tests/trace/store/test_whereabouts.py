from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from county import County
from heji_trace.errors import HejiError, LedgerBusy, Untrusted
from heji_trace.store.db import Store
from heji_trace.store.sweep import database_files
from heji_web.service.service import open_service
from ledger_check import check_ledger

pytestmark = pytest.mark.sqlite_only


def file_of(county: County) -> Path:
    path = county.service.store.path
    assert path is not None
    return path


def refusal(county: County, batch: str) -> str:
    with pytest.raises(HejiError) as refused:
        county.harvest(batch)
    return refused.value.code


def database_check(county: County) -> tuple[int, str | None]:
    answer = county.get("/readyz", None)
    return answer.status_code, answer.get_json()["checks"]["database"].get("code")


def test_nothing_is_confirmed_while_the_file_is_away_and_all_goes_on_when_it_is_back(county: County) -> None:
    county.harvest("A1")
    path, before = file_of(county), county.size
    path.rename(path.with_name("away.db"))
    assert [refusal(county, batch) for batch in ("A2", "A3")] == ["database-moved"] * 2
    assert database_check(county) == (503, "database-silent")
    assert not path.exists(), "an empty one in its place would hide that it is gone"
    path.with_name("away.db").rename(path)
    assert county.harvest("A2").seq == before
    assert database_check(county) == (200, None)
    check_ledger(county.service)


def test_a_file_that_was_exchanged_for_an_older_copy_is_neither_written_to_nor_served_as_the_newest(
    county: County,
) -> None:
    path = file_of(county)
    with county.service.store.write():
        pass
    county.service.store.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, path.with_name("older.db"))
    county.harvest("A1")
    county.service.store.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    path.with_name("older.db").rename(path)
    assert refusal(county, "A2") == "database-moved"
    with pytest.raises(Untrusted) as refused:
        county.harvest("A2")
    assert refused.value.code == "ledger-behind"
    with county.service.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM batches WHERE batch = 'A1'")).scalar() == 0
    assert county.get("/readyz", None).status_code == 503


@pytest.mark.parametrize("end", ["-wal", "-shm"])
def test_where_a_file_beside_it_was_removed_nothing_is_confirmed_and_nothing_confirmed_is_lost(
    county: County, end: str
) -> None:
    receipt = county.harvest("A1")
    path = file_of(county)
    path.with_name(path.name + end).unlink()
    assert [refusal(county, batch) for batch in ("A2", "A3")] == ["database-log-moved"] * 2
    assert database_check(county) == (503, "database-log-moved")
    county.service.close()
    with closing(open_service(county.service.settings, county.service.clock)) as service:
        service.start()
        assert service.recorder.fault is None
        assert service.recorder.durable_size == receipt.seq + 1
        check_ledger(service)


def test_behind_a_link_the_files_beside_are_those_of_the_file_that_it_leads_to(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.db"
    real.parent.mkdir()
    (tmp_path / "heji.db").symlink_to(real)
    real.touch()
    with closing(Store(f"sqlite:///{tmp_path}/heji.db")) as store:
        with store.write() as connection:
            connection.exec_driver_sql("CREATE TABLE a (b TEXT)")
        names = [path.name for path in database_files(store)]
        assert names == ["real.db", "real.db-wal", "real.db-shm"]
        real.with_name("real.db-wal").unlink()
        with pytest.raises(LedgerBusy), store.write() as connection:
            connection.exec_driver_sql("INSERT INTO a VALUES ('b')")
        assert store.misplaced == "database-log-moved"


def test_what_is_written_just_when_the_file_goes_is_not_confirmed(store: Store) -> None:
    path = store.path
    assert path is not None
    with pytest.raises(LedgerBusy) as refused:
        write_and_move(store, path)
    assert refused.value.code == "database-moved"


def write_and_move(store: Store, path: Path) -> None:
    with store.write() as connection:
        connection.execute(text("INSERT INTO throttles (key, count, since_ms) VALUES ('k', 1, 1)"))
        path.rename(path.with_name("away.db"))
