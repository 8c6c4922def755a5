"""What the tests of the doors share: a clock that is moved by hand, a person at a browser."""

from __future__ import annotations

from dataclasses import dataclass

from flask.testing import FlaskClient
from sqlalchemy import text

from heji_trace.people.accounts import Account, create_account, find_account
from heji_trace.vocabulary.times import Clock
from heji_web.service.passwords import argon2_passwords
from heji_web.service.service import Service

PASSWORD = "correct horse battery"
# Real argon2 at its lowest cost: what is tested is ours, not how long it takes.
CHEAP = argon2_passwords(memory_kib=8, rounds=1)


@dataclass
class Now:
    """A clock that stands still until it is moved."""

    seconds: float = 1_780_000_000.0

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, lambda: self.seconds)


@dataclass(frozen=True)
class Browser:
    """A person at a browser: the test client, and the token for forms once signed in."""

    client: FlaskClient
    service: Service

    def sign_in(self, role: str = "producer", organisation: str = "fg-litchi-coop") -> Browser:
        name = account_with(self.service, role, organisation).name
        answer = self.client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self

    @property
    def csrf(self) -> str:
        with self.service.store.read() as connection:
            return str(
                connection.execute(text("SELECT csrf FROM sessions ORDER BY created_ms DESC")).scalar()
            )


def account_with(service: Service, role: str, organisation: str) -> Account:
    """The account of this role and organisation, made when it is first asked for."""
    name = f"{role}@{organisation}"
    with service.store.write() as connection:
        return find_account(connection, name) or create_account(
            connection,
            name,
            organisation,
            [role],
            service.passwords.hash(PASSWORD),
            service.random,
            service.clock.now_ms(),
        )
