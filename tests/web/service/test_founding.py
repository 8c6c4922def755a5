from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from heji_trace.errors import Conflict, HejiError, InvalidEvent, Misconfigured, NotAllowed, Untrusted
from heji_trace.ledger import ledger
from heji_trace.people.accounts import find_account, list_accounts
from heji_trace.people.parties import Author
from heji_trace.proving.keys import generate_signer, write_signer
from heji_web.service.founding import (
    Organisation,
    add_account,
    add_first_operator,
    found_log,
    register_organisation,
)
from heji_web.service.service import Service
from heji_web.service.settings import Settings
from web.doors import PASSWORD

CENTRE = Organisation("fg-centre", "佛冈县运营中心", "authority", ("operator",), "441821")
COOP = Organisation("fg-coop", "高岗合作社", "cooperative", ("producer",))


def size(service: Service) -> int:
    with service.store.read() as connection:
        return ledger.size_of(connection)


def test_founding_twice_leaves_the_first_log_alone(service: Service) -> None:
    key = service.settings.key.read_bytes()
    assert found_log(service.settings, "log.heji.example", os.urandom) == service.signer
    assert service.settings.key.read_bytes() == key


def test_a_key_of_another_origin_is_not_used(service: Service) -> None:
    with pytest.raises(Misconfigured) as refused:
        found_log(service.settings, "other.example", os.urandom)
    assert refused.value.code == "other-origin"


def test_no_log_is_begun_in_a_folder_that_remembers_another(service: Service, tmp_path: Path) -> None:
    other = replace(service.settings, data=tmp_path / "new", key=tmp_path / "new" / "signing.key")
    other = replace(other, database_url=f"sqlite:///{other.data}/heji.db")
    with pytest.raises(Misconfigured) as refused:
        found_log(other, "log.heji.example", os.urandom)
    assert refused.value.code == "head-of-a-log"
    assert not other.key.exists(), "that log's own key has to go there"
    write_signer(other.key, generate_signer("log.heji.example", os.urandom))
    with pytest.raises(Misconfigured) as refused:
        found_log(other, "log.heji.example", os.urandom)
    assert refused.value.code == "head-of-a-log"


def test_a_folder_that_cannot_be_made_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "head").write_text("a file in the folder's place")
    with pytest.raises(Misconfigured) as refused:
        found_log(settings, "log.heji.example", os.urandom)
    assert refused.value.code == "data-unusable"


def test_the_first_operator_is_the_first_entry_and_there_is_no_second_first(service: Service) -> None:
    account = add_first_operator(service, CENTRE, "operator", PASSWORD)
    assert size(service) == 1
    assert account.roles == {"operator"}
    with pytest.raises(Misconfigured):
        add_first_operator(service, CENTRE, "operator2", PASSWORD)


def test_a_beginning_that_was_cut_short_is_continued_with_what_is_given_now(service: Service) -> None:
    add_account(service, "operator", "fg-cnetre", ("operator",), "mistyped-33-litchis")
    add_account(service, "operater", "fg-centre", ("operator",), "mistyped-33-litchis")
    account = add_first_operator(service, CENTRE, "operator", PASSWORD)
    assert size(service) == 1
    with service.store.read() as connection:
        assert list_accounts(connection) == [account]
    assert account.organisation == "fg-centre"
    assert service.passwords.is_right(account.password_hash, PASSWORD)


def test_an_emptied_ledger_is_no_beginning(service: Service) -> None:
    account = add_account(service, "operator", "fg-centre", ("operator",), PASSWORD)
    service.recorder.fault = Untrusted("ledger-behind", size=0, remembered=7)
    with pytest.raises(Untrusted):
        add_first_operator(service, CENTRE, "operator", "other-33-litchis")
    with service.store.read() as connection:
        assert list_accounts(connection) == [account]


def test_only_an_operator_registers_others(service: Service) -> None:
    operator = add_first_operator(service, CENTRE, "operator", PASSWORD)
    assert register_organisation(service, COOP, operator.author).seq == 1
    with pytest.raises(NotAllowed):
        register_organisation(service, CENTRE, Author("a-1", "fg-coop", frozenset({"producer"})))


@pytest.mark.parametrize(
    "name, password, error",
    [("chen", "short", InvalidEvent), ("c", PASSWORD, InvalidEvent), ("taken", PASSWORD, Conflict)],
)
def test_an_account_that_cannot_be_leaves_nothing(
    service: Service, name: str, password: str, error: type[HejiError]
) -> None:
    add_account(service, "taken", "fg-coop", ("producer",), PASSWORD)
    with pytest.raises(error):
        add_account(service, name, "fg-coop", ("producer",), password)
    with service.store.read() as connection:
        assert find_account(connection, "chen") is None
