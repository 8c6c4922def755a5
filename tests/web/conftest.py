from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from heji_trace.people.sessions import issue_token
from heji_web.service.service import Service
from web.doors import Browser, account_with


@pytest.fixture
def browser(client: FlaskClient, service: Service) -> Browser:
    return Browser(client, service)


@pytest.fixture
def token(service: Service) -> Callable[..., dict[str, str]]:
    """Makes the headers of a program that speaks with a role of an organisation."""

    def headers(role: str = "producer", organisation: str = "fg-litchi-coop") -> dict[str, str]:
        account = account_with(service, role, organisation)
        with service.store.write() as connection:
            secret = issue_token(
                connection, account, service.random(8).hex(), service.random, service.clock.now_ms()
            )
        return {"Authorization": f"Bearer {secret}"}

    return headers
