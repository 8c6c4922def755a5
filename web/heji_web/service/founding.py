"""Beginning a log: its folder, key and tables, and the operator who lets the others in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from heji_migrations import upgrade
from heji_trace.errors import Misconfigured, Untrusted
from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.ledger import ledger
from heji_trace.ledger.head import HeadFile, list_notes
from heji_trace.people.accounts import Account, check_account, create_account, forget_accounts
from heji_trace.people.parties import Author
from heji_trace.people.passwords import check_password
from heji_trace.proving.checkpoint import Checkpoint
from heji_trace.proving.keys import Signer, generate_signer, read_signer, write_signer
from heji_trace.recording.recorder import Receipt
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import dump_ms
from heji_web.service.service import Service
from heji_web.service.settings import Settings


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation as the operator registers it; words of the kind `organisation`."""

    code: str
    name: str
    subject_type: str
    roles: tuple[str, ...]
    division_code: str | None = None


def found_log(settings: Settings, origin: str, random: Callable[[int], bytes]) -> Signer:
    """Make the data folder, the signing key, the tables and the empty signed log of this origin.

    What is there already stays, so that an interrupted beginning can be continued; raises Misconfigured where the key
    is another origin's, the head remembers entries that the database lost, or the folder cannot be used.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.head.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured("data-unusable", path=settings.data, reason=error.strerror) from error
    if settings.key.exists():
        signer = read_signer(settings.key)
        if signer.name != origin:
            raise Misconfigured("other-origin", path=settings.key, origin=signer.name)
    elif list_notes(settings.head):
        # Another key, made now, would lie where that log's own has to go.
        raise Misconfigured("head-of-a-log", head=settings.head)
    else:
        signer = generate_signer(origin, random)
        write_signer(settings.key, signer)
    store = Store(settings.database_url)
    try:
        with store.write() as connection:
            upgrade.upgrade(connection)
            if not ledger.founded_facts(connection):
                remembered = _remembered(settings, signer)
                if remembered is not None and remembered.size:
                    raise Misconfigured(
                        "begun-before", head=settings.head, origin=origin, size=remembered.size
                    )
                ledger.found(connection, signer, {})
    finally:
        store.close()
    return signer


def _remembered(settings: Settings, signer: Signer) -> Checkpoint | None:
    """What the head remembers of this log; raises Misconfigured where it is another log's."""
    try:
        return HeadFile(settings.head, signer.verifier).read()
    except Untrusted as error:
        raise Misconfigured("head-of-a-log", head=settings.head) from error


def registration(
    organisation: Organisation,
    by: str,
    random: Callable[[int], bytes],
    now_ms: int,
    before: Mapping[str, object] = MappingProxyType({}),
) -> Event:
    """The statement of the organisation `by` that registers another, or itself; raises InvalidEvent.

    Of what was registered `before`, what is not said anew stays as it is.
    """
    details: dict[str, object] = {
        **before,
        "code": organisation.code,
        "name": organisation.name,
        "subject_type": organisation.subject_type,
        "roles": list(organisation.roles),
        "status": "active",
    }
    if organisation.division_code is not None:
        details["division_code"] = organisation.division_code
    return parse_event(
        {
            "id": str(UUID(bytes=random(16), version=4)),
            "kind": "organisation",
            "occurred_at": dump_ms(now_ms),
            "organisation": by,
            "details": details,
        }
    )


def register_organisation(
    service: Service,
    organisation: Organisation,
    author: Author,
    before: Mapping[str, object] = MappingProxyType({}),
) -> Receipt:
    """Record the organisation in the ledger, and what was registered of it before; raises what the recorder raises."""
    now_ms = service.clock.now_ms()
    return service.recorder.submit(
        registration(organisation, author.organisation, service.random, now_ms, before), author
    )


def add_account(
    service: Service, name: str, organisation: str, roles: tuple[str, ...], password: str
) -> Account:
    """A new account with a password that is good enough; raises InvalidEvent, Conflict."""
    check_password(password, name, organisation)
    hashed = service.passwords.hash(password)
    with service.store.write() as connection:
        return create_account(
            connection, name, organisation, roles, hashed, service.random, service.clock.now_ms()
        )


def check_first_operator(
    organisation: Organisation, name: str, password: str, random: Callable[[int], bytes], now_ms: int
) -> None:
    """Raise InvalidEvent for what `add_first_operator` could not record or let in, before anything is made for it."""
    check_account(name, organisation.roles)
    check_password(password, name, organisation.code, organisation.name)
    registration(organisation, organisation.code, random, now_ms)


def add_first_operator(service: Service, organisation: Organisation, name: str, password: str) -> Account:
    """The county's operator: the account, and its organisation as the first entry of the ledger.

    What a beginning that was cut short has left of accounts is made anew, with the password and the organisation that
    are given now. Raises Misconfigured where the ledger has entries: its operator lets further people in.
    """
    with service.store.write() as connection:
        if ledger.size_of(connection):
            raise Misconfigured("already-begun", origin=service.signer.name)
        if service.recorder.fault is not None:
            # A ledger that was emptied is no beginning.
            raise service.recorder.fault.with_traceback(None)
        forget_accounts(connection)
    account = add_account(service, name, organisation.code, ("operator",), password)
    register_organisation(service, organisation, account.author)
    return account
