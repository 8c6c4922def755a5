"""The county in which every route is tried: the same things of two producers, withdrawn ones, and a client per role."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from county import CYCLE, PEOPLE, PRODUCT, County
from heji_trace.desks.pending import Chosen, keep_import
from heji_trace.events.event import Event
from heji_trace.recording.imported import Origin
from heji_trace.store.tables import imports
from labelled import label
from web.doors import PASSWORD
from web.people import HTML, fields_of

STRANGER = "stranger"
ROLES = (STRANGER, *PEOPLE)
SHEET = "时间,生产周期,产出批次,产品,数量,单位\n".encode()
TARGETS = ("own", "foreign", "deleted", "nonexistent")
"""The producer's, the neighbour's, the producer's withdrawn, and nobody's."""


@dataclass
class World:
    """What stands in the county, by the name of a route's placeholder and by target."""

    county: County
    app: Flask
    things: dict[str, dict[str, str]] = field(default_factory=dict)
    browsers: dict[str, FlaskClient] = field(default_factory=dict)
    asked: int = 0

    def browser(self, who: str) -> FlaskClient:
        """The browser of a person who has signed in; of a stranger, one that has not."""
        if who not in self.browsers:
            client = self.app.test_client()
            if who != STRANGER:
                assert client.post("/sign-in", data={"name": who, "password": PASSWORD}).status_code == 303
            self.browsers[who] = client
        return self.browsers[who]

    def csrf(self, who: str) -> str:
        """The token that the forms of this person's pages carry."""
        if who == STRANGER:
            return ""
        page = self.browser(who).get("/desk", headers=HTML).get_data(as_text=True)
        return fields_of(page)["csrf"][0]

    def address(self, rule: str, thing: str, target: str) -> str:
        """A route's address for a target, its placeholder filled with the thing of that name."""
        if not thing:
            return rule
        return re.sub(r"<[^>]+>", self.things[thing][target], rule, count=1)

    def ask(self, method: str, address: str, who: str, **options: Any) -> TestResponse:
        """A request as the route's own door is used: programs bring a token, people a cookie."""
        if address.startswith("/desk"):
            return self.browser(who).open(address, method=method, headers=HTML, **options)
        headers = self.county.headers(who) if who != STRANGER else {}
        # Codes that lead nowhere are counted by source, and this asks for many of them.
        self.asked += 1
        source = (
            f"198.51.{self.asked // 250}.{self.asked % 250}"
            if address.startswith(("/t", "/01"))
            else "127.0.0.1"
        )
        base = {"REMOTE_ADDR": source}
        return self.app.test_client().open(
            address, method=method, headers=headers, environ_base=base, **options
        )


def build(county: County, app: Flask) -> World:
    """Everything that a route may name, for each target; `nonexistent` is a name that nothing has."""
    made = {
        target: _things(county, who, target.upper()[:3])
        for target, who in (("own", "producer"), ("foreign", "neighbour"), ("deleted", "producer"))
    }
    made["nonexistent"] = dict.fromkeys(made["own"], str(uuid4())) | {
        "batch": "NOTHING-1",
        "code": "3K7TQ9W2MX4RA6BC",
        "organisation": "fg-nobody",
        "pending": "0" * 32,
    }
    gone = made["deleted"]
    _withdraw(county, [gone["event"], gone["recall"], *gone.pop("imported").split()])
    county.record("label_void", details={"run": gone["run"], "reason": "打印错误"})
    closed = {"code": "fg-closed", "name": "已停业", "subject_type": "enterprise", "roles": ["shop"]}
    county.record("organisation", "operator", details={**closed, "status": "closed"})
    gone["organisation"] = "fg-closed"
    with county.service.store.write() as connection:
        connection.execute(imports.delete().where(imports.c.import_id == gone["pending"]))
    return World(
        county,
        app,
        {
            name: {target: made[target][name] for target in TARGETS}
            for name in made["nonexistent"]
            if name != "imported"
        },
    )


def _things(county: County, who: str, mark: str) -> dict[str, str]:
    author, cycle = county.authors[who], CYCLE
    if who != "producer":
        cycle, site = f"2026-plum-{mark}", f"plot-{mark}"
        facts = {"code": site, "name": site, "site_type": "plot", "organisation": county.code(who)}
        county.record("site", who, details=facts)
        county.record("planting", who, hours_ago=24 * 60, site=site, details={"cycle": cycle, "crop": "荔枝"})

    def harvest(number: int) -> Event:
        outputs = [{"batch": f"{mark}-{number}", "product": PRODUCT, "quantity": "100", "unit": "kg"}]
        return county.event("harvest", who, cycles=[cycle], outputs=outputs)

    receipts = [county.recorder.submit(harvest(number), author) for number in (1, 2, 3)]
    issued = label(county, f"{mark}-2", PRODUCT, who)
    reason = {"level": 2, "ordered": False, "reason": "检查"}
    recall = county.record("recall", who, batches=[f"{mark}-3"], details=reason)
    import_id = str(uuid4())
    origin = Origin(import_id, "采收.csv", "0" * 64, "harvest")
    taken = county.recorder.submit_all([harvest(4), harvest(5)], author, origin=origin)
    with county.service.store.write() as connection:
        pending = keep_import(
            connection, author.account, f"{mark}.csv", SHEET, Chosen("harvest"), county.service.clock.now_ms()
        )
    return {
        "event": receipts[0].event_id,
        "batch": f"{mark}-1",
        "run": issued.event_id,
        "code": issued.trace_code,
        "recall": recall.event_id,
        "import": import_id,
        "imported": " ".join(each.event_id for each in taken),
        "pending": pending,
        "organisation": county.code(who),
    }


def _withdraw(county: County, event_ids: list[str]) -> None:
    county.record("correction", details={"corrects": event_ids, "reason": "录入错误"})
