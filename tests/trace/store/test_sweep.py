from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from county import County
from heji_trace.errors import LedgerBusy
from heji_trace.ledger import ledger
from heji_trace.store.sweep import database_files, is_found

SECRET = "陈大文 13800138000 荔枝岭 31 号"


@pytest.mark.sqlite_only
def test_what_is_recorded_after_an_erasure_outlives_whoever_looks_and_hangs_up(county: County) -> None:
    """`heji verify` beside the service, and then a power cut."""
    path = county.service.store.path
    assert path is not None
    visitor = (
        f"import sqlite3; c = sqlite3.connect({str(path)!r}); c.execute('SELECT 1 FROM entries'); c.close()"
    )
    receipt = county.harvest("A1", note=SECRET)
    values = [{"event": receipt.event_id, "pointers": ["/note"]}]
    county.record("erasure", "operator", details={"values": values, "ground": "law"})
    subprocess.run([sys.executable, "-c", visitor], check=True)
    assert path.with_name(path.name + "-wal").exists(), "it is not the last that has the database open"
    county.harvest("A2")
    query = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT max(seq) FROM entries').fetchone())"
    seen = subprocess.run(
        [sys.executable, "-c", query, str(path)], check=True, capture_output=True, text=True
    )
    with county.service.store.read() as connection:
        assert int(seen.stdout) == ledger.size_of(connection) - 1


def test_a_value_is_found_in_any_of_the_files_and_by_any_piece_of_it(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("empty", "other", "holding")]
    files[0].write_bytes(b"")
    files[1].write_bytes(b"nothing of it")
    files[2].write_bytes(b"... " + SECRET.encode()[:20] + b" ...")
    assert is_found(files, [SECRET.encode()])
    assert not is_found(files[:2], [SECRET.encode()])
    assert is_found(files, [b"short", b"..."]), "a short one is looked for whole"


def test_where_nobody_can_look_the_sweep_is_put_off(tmp_path: Path) -> None:
    with pytest.raises(LedgerBusy) as refused:
        is_found([tmp_path / "absent"], [b"value"])
    assert refused.value.code == "values-not-swept"


@pytest.mark.sqlite_only
def test_the_files_of_a_database_are_those_that_are_there(county: County) -> None:
    assert "heji.db" in {path.name for path in database_files(county.service.store)}
