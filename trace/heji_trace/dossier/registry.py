"""What is registered of organisations, sites, products and certificates, as the public may see it.

The place of each comes from the read table, the facts from the record that proves them: a household's name is sealed
there and so cannot slip out.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import select

from heji_trace.events.kinds import words
from heji_trace.events.kinds.fields import Choice
from heji_trace.judging.wording import Said, said, same
from heji_trace.known.state import State
from heji_trace.ledger.evidence import Proved
from heji_trace.store.prepared import Prepared, among
from heji_trace.store.tables import register
from heji_trace.vocabulary.divisions import local_place_of, place_of

_HELD = Prepared(
    select(register.c.code).where(
        register.c.kind == "certificate",
        among(register.c.organisation, "organisations"),
        register.c.withdrawn_seq.is_(None),
    )
)


class Registry:
    """The newest registered facts of the things that a page names, found first and opened once they are proved."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._seqs: dict[tuple[str, str], int] = {}
        self._proved: Mapping[int, Proved] = {}

    def find(self, **codes: Iterable[str | None]) -> None:
        """Look up where the newest facts of each kind under its codes stand; unknown codes are passed over."""
        wanted = [
            (kind, code) for kind, some in codes.items() for code in dict.fromkeys(some) if code is not None
        ]
        self._state.register.load("code", [code for _, code in wanted])
        for kind, code in wanted:
            row = self._state.find_registration(kind, code)
            if row is not None:
                self._seqs[kind, code] = row["seq"]

    def find_editions(self, codes: Container[str]) -> None:
        """The same for editions, without reading what they say: one may have a thousand rows."""
        for row in sorted(self._state.editions.of("kind", "edition"), key=itemgetter("rank")):
            if row["code"] in codes:
                self._seqs["edition", row["code"]] = row["seq"]

    def held_by(self, organisations: Iterable[str]) -> list[str]:
        """The numbers of the certificates that these organisations hold."""
        found = _HELD.run(self._state.connection, organisations=list(organisations)).scalars()
        return sorted(set(found))

    def seqs(self) -> list[int]:
        """The entries that hold what was found."""
        return list(self._seqs.values())

    def seq(self, kind: str, code: str) -> int | None:
        """The entry that holds the facts."""
        return self._seqs.get((kind, code))

    def open(self, proved: Mapping[int, Proved]) -> None:
        """Take the proved entries, from which the facts are then read."""
        self._proved = proved

    def facts(self, kind: str, code: str | None) -> Mapping[str, Any]:
        """The public facts; empty where there are none."""
        seq = self._seqs.get((kind, code)) if code is not None else None
        entry = self._proved.get(seq) if seq is not None else None
        facts: Mapping[str, Any] = entry.statement.get("details", {}) if entry else {}
        return facts

    def certificates(self, numbers: Iterable[str]) -> list[tuple[int, Mapping[str, Any]]]:
        """The certificates under these numbers, each with its entry."""
        found = ((self.seq("certificate", number), self.facts("certificate", number)) for number in numbers)
        return [(seq, facts) for seq, facts in found if seq is not None and facts]

    def organisation(self, code: str) -> Said:
        """The name of an organisation; a household is told by what it is and where."""
        facts = self.facts("organisation", code)
        if facts.get("name") and facts.get("subject_type") != "farm_household":
            return same(str(facts["name"]))
        kind = choice_said(words.SUBJECT_TYPE, facts["subject_type"]) if facts else said("no-record")
        division = facts.get("division_code")
        return said("household-at", kind=kind, place=local_place_of(division)) if division else kind

    def place(self, site: str | None, organisation: str | None = None) -> Said | None:
        """Where a site lies, by its own division or else by that of who answers for it."""
        division = self._division(site, organisation)
        return local_place_of(division) if division else None

    def region(self, site: str | None, organisation: str | None = None) -> Said | None:
        """The same from the province down."""
        division = self._division(site, organisation)
        return place_of(division) if division else None

    def has_role(self, organisation: str, role: str) -> bool:
        """Whether the organisation has the role."""
        return role in self.facts("organisation", organisation).get("roles", ())

    def _division(self, site: str | None, organisation: str | None) -> str | None:
        registered = self.facts("site", site)
        owners = (registered.get("organisation"), organisation)
        division: str | None = registered.get("division_code") or next(
            (found for owner in owners if (found := self.facts("organisation", owner).get("division_code"))),
            None,
        )
        return division


def choice_said(choice: Choice, value: str) -> Said:
    """What people call a value of a closed vocabulary."""
    for option in choice.options:
        if option.value == value:
            return {"zh": option.zh, "en": option.en}
    return same(value)
