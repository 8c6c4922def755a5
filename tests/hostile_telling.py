"""A county's life told with hostile texts, by everybody and of every kind, so that all pages have something of it."""

from __future__ import annotations

from dataclasses import dataclass

from county import PEOPLE, County
from hostile import TURNS, Teller, Told
from labelled import label

# Two products of one GTIN would be one; these are two that pass the check.
REGISTERED = ("producer", "shop", "laboratory")
_GTINS = ("6901234567892", "6937526503743")


@dataclass(frozen=True)
class Story:
    """What one turn left behind: the events told, the batches on sale and in stock, the code on the packs."""

    turn: int
    told: tuple[Told, ...]
    harvested: str
    packed: str
    trace_code: str
    run: str
    recall: str
    gtin: str

    def said(self, kind: str, pointer: str, at: int = -1) -> str:
        """What one of the events of a kind, the last unless `at` says otherwise, says at a place."""
        return [told for told in self.told if told.kind == kind][at].said[pointer]

    def id_of(self, kind: str) -> str:
        """The last event of a kind."""
        return [told for told in self.told if told.kind == kind][-1].event_id

    def name_of(self, who: str) -> str:
        """The name under which this turn registered the organisation of a person."""
        return self.said("organisation", "/details/name", REGISTERED.index(who))


def tell_stories(county: County) -> tuple[Story, ...]:
    """All turns, one after the other."""
    return tuple(_Life(county, turn).tell() for turn in range(TURNS))


class _Life:
    """One turn: its names end with the turn's number."""

    def __init__(self, county: County, turn: int) -> None:
        self.county = county
        self.teller = Teller(county, turn)
        self.say = self.teller.say
        self.product, self.goods = self.teller.name("product"), self.teller.name("goods")
        self.site, self.cycle = self.teller.name("site"), self.teller.name("cycle")
        self.harvested, self.packed = self.teller.name("HA"), self.teller.name("PA")
        self.gtin = _GTINS[turn]

    def tell(self) -> Story:
        self.tell_registers()
        self.tell_growing()
        self.tell_making()
        issued = label(self.county, self.packed, self.goods)
        self.tell_labels()
        self.tell_testing()
        self.tell_moving()
        recall = self.tell_control()
        self.tell_upkeep()
        told = tuple(self.teller.told)
        return Story(
            self.teller.turn,
            told,
            self.harvested,
            self.packed,
            issued.trace_code,
            issued.event_id,
            recall,
            self.gtin,
        )

    def tell_registers(self) -> None:
        county = self.county
        for who in REGISTERED:
            code, subject_type, roles = PEOPLE[who]
            details = {"code": code, "name": code, "subject_type": subject_type, "roles": list(roles)}
            self.say("organisation", "operator", details=details)
        site = {"code": self.site, "name": "一", "site_type": "plot", "organisation": county.code("producer")}
        self.say("site", details=site)
        for code in (self.product, self.goods):
            claims = {"claims": ["green_food"], "gtin": self.gtin} if code == self.goods else {}
            details = {"code": code, "name": code, "commodity": "荔枝", "test_policy": "rapid", **claims}
            self.say("product", details=details)
        certificate = {"number": "-", "scheme": "green_food", "holder": county.code("producer")}
        self.say("certificate", details={**certificate, "valid_from": "2026-01-01"})
        mandate = {"code": self.teller.name("mandate"), "to": county.code("station"), "kinds": ["harvest"]}
        self.say("mandate", details={**mandate, "from": "2026-01-01"})
        instrument = {"code": self.teller.name("tester"), "model": "-", "calibrated_until": "2027-01-01"}
        self.say("instrument", "laboratory", details=instrument)
        rows = [{"active": "高效氯氟氰菊酯", "crop": "荔枝", "days": "14"}]
        edition = {"table": "intervals", "edition": "-", "rows": rows, "source": "-", "verified": False}
        self.say("edition", "operator", details={**edition, "effective_from": "2026-01-01"})

    def tell_growing(self) -> None:
        cycles, made = [self.cycle], self.line(self.harvested, "100")
        self.say("planting", hours_ago=1500, site=self.site, details={"cycle": self.cycle, "crop": "-"})
        flock = {"cycle": self.teller.name("flock"), "species": "-"}
        self.say("stocking", hours_ago=1500, site=self.site, details=flock)
        self.say("field_operation", cycles=cycles, details={"operation": "bagging"})
        used = {"input_type": "pesticide", "name": "-"}
        self.say("input_application", hours_ago=240, cycles=cycles, details=used)
        self.say("harvest", cycles=cycles, outputs=[{**made, "product": self.product}])

    def tell_making(self) -> None:
        before = self.harvested
        for kind in ("collection", "grading", "processing", "packaging"):
            after = self.packed if kind == "packaging" else self.teller.name(kind[:4])
            outputs = [{**self.line(after, "60"), "product": self.goods}]
            self.say(kind, inputs=[self.line(before, "60")], outputs=outputs)
            before = after
        promise = {"quantity": "60", "unit": "kg", "basis": ["quality_control"], "origin": "-"}
        promise |= {"promise": ["truthful"], "issued_at": self.county.at()}
        self.say("conformity_certificate", batches=[self.packed], details=promise)

    def tell_testing(self) -> None:
        soil = {"medium": "soil", "results": [{"analyte": "-", "value": "1", "limit": "0.3"}]}
        self.say("environment_test", site=self.site, details=soil)
        for purpose, who, conclusion in (
            ("monitoring", "laboratory", "positive"),
            ("supervised", "other_laboratory", "nonconforming"),
        ):
            sample = self.teller.name(purpose)
            drawn = {"purpose": purpose, "samples": [{"sample": sample, "batch": self.packed}]}
            self.say("sampling", "regulator" if purpose == "supervised" else who, details=drawn)
            row = {"analyte": "-", "value": "1", "limit": "0.5", "outcome": conclusion}
            found: dict[str, object] = {
                "sample": sample,
                "laboratory": self.county.code(who),
                "status": "final",
            }
            found |= {"method": "-", "method_class": "formal", "conclusion": conclusion, "results": [row]}
            self.say("testing", who, details=found)

    def tell_moving(self) -> None:
        goods, shop = self.line(self.packed, "1"), self.county.code("shop")
        for kind in ("precooling", "storage"):
            self.say(kind, moves=[goods], details={"temperature": "3"})
        readings = [{"at": self.county.at(), "temperature": "3"}]
        self.say("condition", batches=[self.packed], details={"readings": readings})
        sent = self.say("shipping", moves=[{**self.line(self.packed, "40"), "to_organisation": shop}])
        self.say("receiving", "shop", moves=[self.line(self.packed, "40")], details={"shipping": sent})
        self.say("sale", "shop", moves=[goods])
        self.say("return", "shop", moves=[goods], details={"reason": "-"})
        self.say("disposal", "shop", moves=[goods], details={"reason": "-", "method": "compost"})
        self.say("stock_count", "shop", moves=[self.line(self.packed, "39")])

    def tell_control(self) -> str:
        hold = self.say("hold", "regulator", batches=[self.packed], details={"reason": "-"})
        self.say("release", "regulator", details={"hold": hold, "reason": "-"})
        self.say("hold", "regulator", batches=[self.packed], details={"reason": "-"})
        details = {"level": 1, "ordered": True, "reason": "-"}
        recall = self.say("recall", "regulator", batches=[self.harvested], details=details)
        consignees = [
            {"organisation": self.county.code("shop"), "batch": self.packed, "sold": "1", "unit": "kg"}
        ]
        progress = {"recall": recall, "status": "in_progress", "consignees": consignees}
        self.say("recall_update", "regulator", details=progress)
        self.say("objection", details={"to": recall, "grounds": "-"})
        return recall

    def tell_labels(self) -> None:
        bound = self.teller.name("proc")
        for kind, more in (("label_bind", {"batch": bound}), ("label_void", {"reason": "-"})):
            run = label(self.county, None, self.goods).event_id
            self.say(kind, details={"run": run, **more})

    def tell_upkeep(self) -> None:
        county = self.county
        wrong = county.harvest(self.teller.name("WR")).event_id
        right = county.harvesting(self.teller.name("RI")).body
        self.say("correction", details={"corrects": [wrong], "reason": "-", "replacement": right})
        noted = county.harvest(self.teller.name("NO"), note="陈大文").event_id
        values = [{"event": noted, "pointers": ["/note"]}]
        self.say("erasure", "operator", details={"values": values, "ground": "law"})
        # The system alone states it, behind the doors.
        self.teller.state("log_gap", "operator", details={"checkpoint": "-", "restored_size": 1})

    @staticmethod
    def line(batch: str, quantity: str) -> dict[str, str]:
        return {"batch": batch, "quantity": quantity, "unit": "kg"}
