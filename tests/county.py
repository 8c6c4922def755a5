"""A small county for tests: organisations with roles and tokens, a plot, a cycle, a product, and a hand to record with.

Everything is recorded through the recorder, with a clock that stands still until it is moved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.known.state import State
from heji_trace.ledger.ledger import size_of
from heji_trace.people.accounts import create_account
from heji_trace.people.parties import Author
from heji_trace.people.sessions import issue_token
from heji_trace.recording.recorder import Receipt, Recorder
from heji_trace.vocabulary.times import BEIJING, moment_of
from heji_web.app import create_app
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import Settings, read_settings
from web.doors import CHEAP, PASSWORD, Now

# who -> (code of the organisation, type of subject, roles); the account has all roles of its organisation.
PEOPLE: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "operator": ("fg-county", "authority", ("operator",)),
    "regulator": ("fg-market-office", "authority", ("regulator",)),
    "producer": ("fg-litchi-coop", "cooperative", ("producer",)),
    "neighbour": ("fg-plum-coop", "cooperative", ("producer",)),
    "packer": ("fg-packing", "enterprise", ("processor",)),
    "carrier": ("fg-cold-chain", "enterprise", ("carrier",)),
    "shop": ("gz-fruit-shop", "enterprise", ("shop",)),
    "station": ("fg-station", "service_org", ("station",)),
    "laboratory": ("fg-rapid-centre", "laboratory", ("laboratory",)),
    "other_laboratory": ("gd-lab", "laboratory", ("third_party_laboratory",)),
}
PRODUCT, PACKED = "litchi-fresh", "litchi-5kg"
PLOT, PACKING_SITE, SHOP_SITE = "fg-plot-031", "fg-packing-01", "gz-shop-01"
CYCLE = "2026-litchi-031"

_NAMES = UUID("5d9f4b4e-6a8b-4ce4-9d0f-0b7d2f9f3c11")


@dataclass
class County:
    """The county as a test uses it."""

    service: Service
    now: Now
    authors: dict[str, Author]
    tokens: dict[str, str]
    made: int = 0
    make_client: Callable[[], FlaskClient] | None = None

    @cached_property
    def client(self) -> FlaskClient:
        """The application's test client, made when it is first asked for: most tests of the core never are."""
        return (self.make_client or create_app(self.service).test_client)()

    @property
    def recorder(self) -> Recorder:
        return self.service.recorder

    @property
    def size(self) -> int:
        """How many entries the ledger holds: to show that nothing was written."""
        with self.service.store.read() as connection:
            return size_of(connection)

    def code(self, who: str) -> str:
        """The organisation of a person."""
        return self.authors[who].organisation

    def headers(self, who: str = "producer") -> dict[str, str]:
        """The bearer token of a person."""
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def at(self, hours_ago: float = 0) -> str:
        """A moment as people write it, so many hours before now."""
        moment = moment_of(self.service.clock.now_ms()) - timedelta(hours=hours_ago)
        return moment.astimezone(BEIJING).isoformat(timespec="seconds")

    def new_id(self) -> str:
        """An id that no other event of this county has, the same in every run."""
        self.made += 1
        return str(uuid5(_NAMES, str(self.made)))

    def raw(
        self, kind: str, /, who: str = "producer", *, hours_ago: float = 0, **parts: Any
    ) -> dict[str, Any]:
        """An event as a program sends it: id, time and organisation filled in, `parts` as they are."""
        given = {
            "id": self.new_id(),
            "kind": kind,
            "occurred_at": self.at(hours_ago),
            "organisation": self.code(who),
        }
        return given | parts

    def record(self, kind: str, who: str = "producer", *, hours_ago: float = 0, **parts: Any) -> Receipt:
        """Record an event without a door between."""
        event = self.event(kind, who, hours_ago=hours_ago, **parts)
        return self.recorder.submit(event, self.authors[who])

    def event(self, kind: str, who: str = "producer", *, hours_ago: float = 0, **parts: Any) -> Event:
        """The event of `raw`, parsed but not recorded."""
        return parse_event(self.raw(kind, who, hours_ago=hours_ago, **parts))

    def harvest(
        self, batch: str, quantity: str = "100", who: str = "producer", *, hours_ago: float = 0, **parts: Any
    ) -> Receipt:
        """A batch of fresh litchi from the county's cycle, in kg."""
        event = self.harvesting(batch, quantity, who, hours_ago=hours_ago, **parts)
        return self.recorder.submit(event, self.authors[who])

    def harvesting(
        self, batch: str, quantity: str = "100", who: str = "producer", *, hours_ago: float = 0, **parts: Any
    ) -> Event:
        """The event of `harvest`, not recorded."""
        outputs = [{"batch": batch, "product": PRODUCT, "quantity": quantity, "unit": "kg"}]
        return self.event("harvest", who, hours_ago=hours_ago, cycles=[CYCLE], outputs=outputs, **parts)

    def make(
        self,
        kind: str,
        sources: Mapping[str, str],
        results: Mapping[str, str],
        who: str = "producer",
        *,
        product: str = PACKED,
        **parts: Any,
    ) -> Receipt:
        """Batches out of batches (batch -> quantity in kg): packaging, grading, processing, collection."""
        inputs = [{"batch": batch, "quantity": each, "unit": "kg"} for batch, each in sources.items()]
        outputs = [
            {"batch": batch, "product": product, "quantity": each, "unit": "kg"}
            for batch, each in results.items()
        ]
        return self.record(kind, who, inputs=inputs, outputs=outputs, **parts)

    def move(
        self,
        kind: str,
        batch: str,
        quantity: str,
        who: str = "producer",
        *,
        to: str | None = None,
        details: Mapping[str, Any] | None = None,
        **parts: Any,
    ) -> Receipt:
        """Ship, receive or sell so many kg of one batch; `to` is the person who gets it."""
        line = {"batch": batch, "quantity": quantity, "unit": "kg"}
        if to is not None:
            line["to_organisation"] = self.code(to)
        if details is not None:
            parts["details"] = dict(details)
        return self.record(kind, who, moves=[line], **parts)

    def hand_over(self, batch: str, quantity: str, giver: str, taker: str) -> tuple[Receipt, Receipt]:
        """Ship from one person to another, who receives it."""
        sent = self.move("shipping", batch, quantity, giver, to=taker)
        return sent, self.move("receiving", batch, quantity, taker, details={"shipping": sent.event_id})

    def certify(self, batch: str, quantity: str, who: str = "producer") -> Receipt:
        """A certificate of conformity for so many kg of a batch."""
        details = {
            "quantity": quantity,
            "unit": "kg",
            "origin": "佛冈县高岗镇",
            "contact": "0763-0000000",
            "promise": ["no_banned_inputs", "residues_within_limits", "truthful"],
            "basis": ["quality_control"],
            "issued_at": self.at(),
        }
        return self.record("conformity_certificate", who, batches=[batch], details=details)

    def warned(self, batch: str) -> list[str]:
        """The codes of the warnings that stand at a batch, every one once."""
        with self.service.store.read() as connection:
            return sorted({row["code"] for row in State(connection).live_warnings(batch)})

    def post(self, path: str, body: object, who: str | None = "producer", **options: Any) -> TestResponse:
        """POST a JSON value as a person; None is a stranger."""
        return self.client.post(
            path,
            data=json.dumps(body).encode(),
            content_type="application/json",
            headers=self.headers(who) if who else {},
            **options,
        )

    def get(self, path: str, who: str | None = "producer", **options: Any) -> TestResponse:
        """GET as a person; None is a stranger."""
        return self.client.get(path, headers=self.headers(who) if who else {}, **options)


@contextmanager
def opened_county(folder: Path, database_url: str | None = None) -> Iterator[County]:
    """A county of its own in `folder`, for tests that share one because they write nothing."""
    url = database_url or f"sqlite:///{folder / 'heji.db'}"
    settings, now = read_settings({"HEJI_DATA": str(folder), "HEJI_DATABASE_URL": url}), Now()
    found_log(settings, "log.heji.example", os.urandom)
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    try:
        yield found_county(service, now)
    finally:
        service.close()


def begun_again(county: County, settings: Settings, now: Now | None = None) -> County:
    """The people of a county on a copy of it, with a service of their own, started."""
    now = now or Now()
    service = open_service(settings, now.clock, passwords=CHEAP)
    service.start()
    return County(service, now, dict(county.authors), dict(county.tokens), county.made)


def found_county(service: Service, now: Now) -> County:
    """The people of `PEOPLE` with accounts and tokens, two products, three sites and one crop cycle."""
    county = County(service, now, {}, {})
    with service.store.write() as connection:
        for who, (organisation, _, roles) in PEOPLE.items():
            account = create_account(
                connection,
                who,
                organisation,
                roles,
                service.passwords.hash(PASSWORD),
                service.random,
                service.clock.now_ms(),
            )
            county.authors[who] = account.author
            county.tokens[who] = issue_token(
                connection, account, "tests", service.random, service.clock.now_ms()
            )
    for organisation, subject_type, roles in PEOPLE.values():
        county.record("organisation", "operator", details=_organisation(organisation, subject_type, roles))
    for code, zh in ((PRODUCT, "鲜荔枝"), (PACKED, "荔枝 5 千克装")):
        details = {"code": code, "name": zh, "commodity": "荔枝"}
        county.record("product", "operator", details=details)
    for code, site_type, who in (
        (PLOT, "plot", "producer"),
        (PACKING_SITE, "packing", "packer"),
        (SHOP_SITE, "market", "shop"),
    ):
        owner = county.code(who)
        details = {"code": code, "name": code, "site_type": site_type, "organisation": owner}
        county.record("site", who, details=details)
    county.record("planting", hours_ago=24 * 60, site=PLOT, details={"cycle": CYCLE, "crop": "荔枝"})
    return county


def _organisation(code: str, subject_type: str, roles: Sequence[str]) -> dict[str, Any]:
    return {"code": code, "name": f"{code} 单位", "subject_type": subject_type, "roles": list(roles)}
