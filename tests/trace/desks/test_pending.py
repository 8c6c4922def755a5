from __future__ import annotations

import pytest

from county import County
from heji_trace.desks.pending import KEPT_MS, Chosen, choose, import_of, keep_import
from heji_trace.errors import Unknown


def keep(county: County, account: str = "a", data: bytes = b"x", now_ms: int = 0, kind: str = "") -> str:
    with county.service.store.write() as connection:
        return keep_import(connection, account, "采收.csv", data, Chosen(kind), now_ms)


def test_an_upload_is_kept_with_what_was_chosen_for_it(county: County) -> None:
    import_id = keep(county)
    chosen = Chosen("harvest", "fg", {"2": "B-1"}, {"0": ["OVER_CONSUMPTION"]})
    with county.service.store.write() as connection:
        choose(connection, import_id, chosen)
        found = import_of(connection, "a", import_id)
    assert (found.data, found.file_name, found.chosen) == (b"x", "采收.csv", chosen)


def test_the_same_file_of_the_same_account_is_the_same_upload(county: County) -> None:
    assert keep(county) == keep(county)
    assert len({keep(county), keep(county, "b"), keep(county, data=b"y"), keep(county, kind="sale")}) == 4


def test_the_upload_of_another_account_does_not_exist(county: County) -> None:
    import_id = keep(county)
    with county.service.store.read() as connection, pytest.raises(Unknown):
        import_of(connection, "b", import_id)


def test_an_upload_is_forgotten_after_a_week(county: County) -> None:
    import_id = keep(county, now_ms=1)
    keep(county, data=b"y", now_ms=KEPT_MS)
    with county.service.store.read() as connection:
        assert import_of(connection, "a", import_id).data == b"x"
    keep(county, data=b"z", now_ms=KEPT_MS + 2)
    with county.service.store.read() as connection, pytest.raises(Unknown):
        import_of(connection, "a", import_id)
