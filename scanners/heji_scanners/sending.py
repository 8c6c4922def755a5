"""Sending what waits in the outbox, until there is a receipt for each entry or a person must look at it.

Many events go together, which the server records wholly or not at all. Refused together, they are cut at the rows
that the answer names: those go alone, so that each gets its own verdict, and the runs between them together. A run
whose answer names no row is halved. So a row that must be parked parks nobody else, and 1 % of bad rows does not
make 10,000 single requests.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import groupby
from typing import Any, Final

from heji_scanners.entries import FILE, Entry, State
from heji_scanners.lasting import is_lost, newest_place
from heji_scanners.outbox import LEDGER, Outbox
from heji_scanners.server import Answer, Server
from heji_scanners.turn import Turn
from heji_trace.errors import HejiError, Misconfigured, ServerUnreachable
from heji_trace.proving import canonical
from heji_trace.proving.origins import goes_on
from heji_trace.vocabulary.times import Clock

MOST_TOGETHER: Final = 500
_MOST_BYTES: Final = 1024 * 1024
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 60.0
_OTHERS_TURN: Final = 0.5
_NAP: Final = 1.0
# How often an outbox in which nothing waits asks whether all that was delivered is still there.
_LOOKS_SECONDS: Final = 3600.0
# For how long that answer holds while the line breaks and comes back.
_ASSURED_SECONDS: Final = 60.0
_NAME: Final = "heji-scan"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# What a person must look at; any other answer that is no receipt is tried again.
_FOR_PEOPLE: Final = frozenset(
    {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_FINE: Final = frozenset({HTTPStatus.OK, HTTPStatus.CREATED})


@dataclass(slots=True)
class Trouble:
    """Why sending pauses: what happened last, how often in a row, and until when on the monotonic clock."""

    error: HejiError | None = None
    times: int = 0
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Restored:
    """The ledger goes on without what it had, under another name or its own: `again` entries wait once more for that."""

    known: str
    found: str
    again: int


class Sender:
    """Sends from an outbox to a server, one request a step.

    `clock` and `random` (a number from 0 to 1) are handed in by the door; `most` is how many events go together when
    all is well.
    """

    def __init__(
        self,
        outbox: Outbox,
        server: Server,
        turn: Turn,
        clock: Clock,
        random: Callable[[], float],
        *,
        most: int = MOST_TOGETHER,
    ) -> None:
        self._outbox = outbox
        self._server = server
        self._turn = turn
        self._clock = clock
        self._random = random
        self._most = self._size = most
        self._runs: deque[list[int]] = deque()
        self._is_known = False
        self._looked = clock.monotonic()
        self._assured: float | None = None
        self.trouble = Trouble()
        self._restored: Restored | None = None

    def step(self) -> float | None:
        """Send one request if it is time; how many seconds to wait before the next step, None where nothing waits.

        Raises Misconfigured where the server is not that of the ledger this outbox was sent to before.
        """
        wait = self._wait()
        if wait is None or wait > 0:
            # While nothing was sent the server may have been restored.
            self._is_known = False
            self._runs.clear()
            self._turn.give_back()
            self._server.close()
            is_time = self._clock.monotonic() - self._looked >= _LOOKS_SECONDS
            return self._look() if wait is None and is_time else wait
        if not self._turn.take():
            return _OTHERS_TURN
        try:
            self._check_ledger()
            self._send(self._runs.popleft() if self._runs else self._outbox.due(self._size, _MOST_BYTES))
        except ServerUnreachable as error:
            self._pause(error, None)
        return 0.0

    def _look(self) -> float | None:
        """Nothing waits, perhaps for a season: of what a ledger lost meanwhile the outbox may have the only copy."""
        self._looked = self._clock.monotonic()
        if self._turn.take():
            # Who does not answer now is asked again later; nobody waits for it.
            with suppress(ServerUnreachable):
                self._check_ledger()
        return self._wait()

    def take_restored(self) -> Restored | None:
        """That the ledger was restored behind what it had said, if it was found since this was last asked."""
        restored, self._restored = self._restored, None
        return restored

    def _wait(self) -> float | None:
        due_ms = self._outbox.find_due_ms()
        if due_ms is None:
            return None
        paused = self.trouble.until - self._clock.monotonic()
        return max(0.0, paused, (due_ms - self._clock.now_ms()) / 1000)

    def _check_ledger(self) -> None:
        """Entries and receipts of one ledger must not be strewn over two: the first one answers for all."""
        if self._is_known:
            return
        name, known = self._server.log_name(), self._outbox.find_fact(LEDGER)
        if known is None:
            self._outbox.keep_fact(LEDGER, name)
        elif goes_on(known, name):
            # It was restored from a backup, and of what was recorded after that the outbox has the only copy.
            self._restored = Restored(known, name, self._outbox.send_again(ledger=name))
        elif known != name:
            raise Misconfigured("scan-other-ledger", known=known, found=name, folder=self._outbox.folder)
        elif self._is_lost():
            # The same, by somebody who did not know what had been signed and let it keep its name.
            self._restored = Restored(known, name, self._outbox.send_again())
        self._is_known = True

    def _is_lost(self) -> bool:
        """Whether the ledger lacks what it gave receipts for; asked once in a while, as a bad line breaks at every question."""
        now = self._clock.monotonic()
        if self._assured is not None and now - self._assured < _ASSURED_SECONDS:
            return False
        newest = newest_place(self._outbox.receipts())
        found = newest is not None and is_lost(self._server, newest)
        self._assured = now
        return found

    def _send(self, numbers: list[int]) -> None:
        entries = self._outbox.mark_begun(numbers)
        file = next((at for at, entry in enumerate(entries) if entry.form == FILE), None)
        if file is not None and len(entries) > 1:
            # An instrument's file goes alone.
            parts = (entries[:file], entries[file : file + 1], entries[file + 1 :])
            self._runs.extendleft([each.number for each in part] for part in reversed(parts) if part)
        elif len(entries) > 1:
            self._send_together(entries)
        elif entries:
            self._send_alone(entries[0])

    def _send_together(self, entries: Sequence[Entry]) -> None:
        body = canonical.dump([entry.event for entry in entries])
        files = {entry.name for entry in entries}
        name = files.pop() if len(files) == 1 else ""
        answer = self._ask(lambda: self._server.post_all(body, name or _NAME))
        if answer.status in _FINE:
            receipts = answer.document.get("receipts")
            found = receipts if isinstance(receipts, list) else []
            if len(found) != len(entries) or not all(map(_is_receipt, entries, found)):
                raise self._torn()
            # The line is the place in this request; the same receipt has none when it is asked for again.
            kept = ({part: receipt[part] for part in receipt if part != "line"} for receipt in found)
            self._outbox.deliver(zip((entry.number for entry in entries), kept, strict=True))
            self._went_well()
        elif _is_for_people(answer) or answer.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            named = _named_rows(answer.document, len(entries))
            self._runs.extendleft(reversed(_cut([entry.number for entry in entries], named)))
        else:
            self._pause(_told(answer), answer.retry_after)

    def _send_alone(self, entry: Entry) -> None:
        answer = self._ask(lambda: self._post(entry))
        if answer.status in _FINE:
            if not _is_receipt(entry, answer.document):
                raise self._torn()
            self._outbox.deliver([(entry.number, answer.document)])
            self._went_well()
        elif _is_for_people(answer):
            self._outbox.park(entry.number, answer.status, answer.document)
            self._went_well()
        elif answer.status == HTTPStatus.INTERNAL_SERVER_ERROR and answer.document.get("code"):
            # The server fails over this entry; those behind it may fare better.
            until = self._clock.now_ms() + int(1000 * self._delay(entry.attempts))
            self._outbox.defer(entry.number, until, answer.status, answer.document)
        else:
            self._pause(_told(answer), answer.retry_after)

    def _post(self, entry: Entry) -> Answer:
        if entry.form == FILE:
            return self._server.post_file(entry.body, entry.name, entry.acknowledged)
        return self._server.post_event(canonical.dump(entry.event))

    def _ask(self, ask: Callable[[], Answer]) -> Answer:
        """The answer; where none came, fewer go together the next time, so that short breaks of the line suffice."""
        try:
            return ask()
        except ServerUnreachable:
            self._size = max(1, self._size // 2)
            raise

    def _torn(self) -> ServerUnreachable:
        """An answer that is not to this request: nothing more is read from the line."""
        self._server.close()
        return ServerUnreachable("scan-answer-torn", reason="receipt")

    def _went_well(self) -> None:
        self.trouble = Trouble()
        self._size = min(self._most, 2 * self._size)

    def _pause(self, error: HejiError, asked: float | None) -> None:
        """Try again later, and from the start: what a ledger has it answers with the same receipts."""
        self._runs.clear()
        times = self.trouble.times + 1
        delay = max(self._delay(times), min(asked or 0.0, _LONGEST_DELAY))
        self.trouble = Trouble(error, times, self._clock.monotonic() + delay)

    def _delay(self, times: int) -> float:
        """Twice as long each time, and never the same for two clients that failed together."""
        longest = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(times - 1, 16))
        return longest * (0.5 + self._random() / 2)


def drain(
    sender: Sender, outbox: Outbox, clock: Clock, sleep: Callable[[float], None], patience: float
) -> Iterator[dict[State, int]]:
    """Send until nothing waits, or until nothing got through for `patience` seconds.

    Yields the counts as they change, and when there is trouble.
    """
    seen: dict[State, int] = {}
    since = clock.monotonic()
    while (wait := sender.step()) is not None:
        counts = outbox.counts()
        if counts != seen:
            seen, since = counts, clock.monotonic()
            yield counts
        elif clock.monotonic() - since > patience:
            return
        elif wait:
            yield counts
        if wait:
            # In short naps, so that what another process puts or frees meanwhile is not left lying.
            sleep(min(wait, _NAP))


def _is_receipt(entry: Entry, receipt: object) -> bool:
    """Whether this is the server's word for this very entry, and whole."""
    if not isinstance(receipt, dict):
        return False
    if entry.form == FILE:
        return all(isinstance(receipt.get(part), list) for part in ("matched", "parked", "refused"))
    digest = receipt.get("entry_hash")
    return (
        receipt.get("event_id") == entry.id
        and isinstance(receipt.get("seq"), int)
        and isinstance(digest, str)
        and _DIGEST.fullmatch(digest) is not None
    )


def _is_for_people(answer: Answer) -> bool:
    """Whether the server itself refused; what stands between may answer 403 with a page of its own."""
    said = (answer.document.get(part) for part in ("code", "detail_zh", "detail_en"))
    return answer.status in _FOR_PEOPLE and all(isinstance(each, str) for each in said)


def _named_rows(document: Mapping[str, Any], count: int) -> set[int]:
    """The places of the rows that an answer to many speaks of."""
    told = [*document.get("problems", ()), *document.get("questions", ())]
    places = (str(each.get("pointer", "")).split("/")[1:2] for each in told if isinstance(each, dict))
    return {int(place) for (place,) in filter(None, places) if place.isdecimal() and int(place) < count}


def _cut(numbers: Sequence[int], named: set[int]) -> list[list[int]]:
    """The runs in which refused entries are sent again, in order."""
    if not named:
        half = len(numbers) // 2
        return [list(numbers[:half]), list(numbers[half:])]
    runs: list[list[int]] = []
    for is_named, run in groupby(range(len(numbers)), named.__contains__):
        found = [numbers[at] for at in run]
        runs += [[number] for number in found] if is_named else [found]
    return runs


def _told(answer: Answer) -> HejiError:
    """What kept the server from recording, for the person who waits."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return ServerUnreachable("scan-token-refused")
    said = {name: str(answer.document.get(f"detail_{name}", "")) for name in ("zh", "en")}
    return ServerUnreachable("scan-server-said", status=answer.status, said_zh=said["zh"], said_en=said["en"])
