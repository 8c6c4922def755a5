from __future__ import annotations

import os

import pytest
from sqlalchemy import event

from county import County
from heji_trace.errors import NotSignedIn
from heji_trace.people.accounts import account_of
from heji_trace.people.sessions import issue_token, revoke_token
from heji_web.service.kept_authors import KEPT_SECONDS, KeptAuthors


class Ticking:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def kept(county: County, clock: Ticking) -> KeptAuthors:
    return KeptAuthors(county.service.store, clock)


def reads(county: County) -> list[str]:
    statements: list[str] = []
    engine = county.service.store._reader
    event.listen(engine, "before_cursor_execute", lambda _c, _u, sql, *_: statements.append(sql))
    return statements


def test_a_token_is_looked_up_once_in_a_moment(county: County, kept: KeptAuthors, clock: Ticking) -> None:
    first = kept.author_of(county.tokens["producer"])
    asked = reads(county)
    assert kept.author_of(county.tokens["producer"]) == first == county.authors["producer"]
    assert asked == []
    clock.seconds += KEPT_SECONDS
    assert kept.author_of(county.tokens["producer"]) == first
    assert asked


def test_what_this_process_revokes_is_worthless_at_once(county: County, kept: KeptAuthors) -> None:
    kept.author_of(county.tokens["producer"])
    with county.service.store.write() as connection:
        account = account_of(connection, "producer")
        revoke_token(connection, account, "tests", county.service.clock.now_ms())
    with pytest.raises(NotSignedIn):
        kept.author_of(county.tokens["producer"])


def test_entries_do_not_make_it_look_again(county: County, kept: KeptAuthors) -> None:
    kept.author_of(county.tokens["producer"])
    county.harvest("A1")
    asked = reads(county)
    kept.author_of(county.tokens["producer"])
    assert asked == []


def test_a_wrong_token_is_never_remembered(county: County, kept: KeptAuthors) -> None:
    for _ in range(2):
        with pytest.raises(NotSignedIn):
            kept.author_of("heji_wrong")
    assert len(kept._kept) == 0


def test_what_is_remembered_is_bounded(county: County, kept: KeptAuthors) -> None:
    with county.service.store.write() as connection:
        account = account_of(connection, "producer")
        secrets = [
            issue_token(connection, account, f"t{number}", os.urandom, county.service.clock.now_ms())
            for number in range(1001)
        ]
    for secret in secrets:
        kept.author_of(secret)
    assert len(kept._kept) <= 1000
