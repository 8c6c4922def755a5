"""The tree of errors, drawn by what the reader does next.

    HejiError                 a stable .code and one sentence for people, in zh and en
    ├─ Refused                change what you sent
    │  ├─ InvalidEvent        it cannot be read: one problem per field (malformed JSON and spreadsheets too)
    │  ├─ Unknown             there is no such thing, or it is not yours to read
    │  ├─ NotSignedIn         say who you are
    │  ├─ NotAllowed          you may not say or do this
    │  ├─ Conflict            the ledger already says something else
    │  ├─ NeedsAcknowledgement  it looks wrong: confirm the codes and send it again
    │  ├─ BulkRefused         rows of an import have one of the above; nothing was written
    │  └─ TooLarge            send less at once
    ├─ Untrusted              do not rely on it
    │  ├─ BadSignature
    │  ├─ BadProof
    │  └─ BrokenChain         .seq is the first bad entry
    ├─ Unavailable            try again later
    │  ├─ LedgerBusy
    │  ├─ ServerUnreachable
    │  └─ TooMany             .retry_after seconds
    └─ Misconfigured          call the operator

The sentences stand in the catalogues of `heji_trace.sentences`, under the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from heji_trace import sentences


class HejiError(Exception):
    """Anything that goes wrong and that a reader can act upon."""

    default_code = "unexpected"

    def __init__(self, code: str | None = None, /, **names: object) -> None:
        self.code = code or self.default_code
        self.names = names
        super().__init__(self.sentence("en"))

    def sentence(self, language: str) -> str:
        """One sentence for people in `language` ("zh" or "en")."""
        return sentences.say(self.code, language, **self.names)


class Refused(HejiError):
    """Change what you sent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    `pointer` is an RFC 6901 pointer into what was sent; `line` (from 1) and `column` (its heading) name a cell.
    """

    pointer: str
    code: str
    names: Mapping[str, object] = field(default_factory=dict)
    line: int | None = None
    column: str | None = None

    def sentence(self, language: str) -> str:
        """One sentence for people in `language` ("zh" or "en")."""
        return sentences.say(self.code, language, **self.names)


class InvalidEvent(Refused):
    """It cannot be read; `.problems` says which fields and why."""

    default_code = "invalid-event"

    def __init__(self, problems: Sequence[Problem], code: str | None = None, /, **names: object) -> None:
        self.problems = tuple(problems)
        super().__init__(code, **names)


class Unknown(Refused):
    """There is no such thing, or it belongs to others: the two are answered alike."""

    default_code = "unknown"


class NotSignedIn(Refused):
    """Say who you are."""

    default_code = "not-signed-in"


class NotAllowed(Refused):
    """You may not say or do this."""

    default_code = "not-allowed"


class Conflict(Refused):
    """The ledger already says something else, or the intention does not fit its state."""

    default_code = "conflict"


@dataclass(frozen=True, slots=True)
class Question:
    """Something that looks wrong and may be true: a warning code that the recorder can confirm.

    One that is `foreign` is about another's goods, and has a sentence without their figures.
    """

    code: str
    names: Mapping[str, object] = field(default_factory=dict)
    foreign: bool = False

    def sentence(self, language: str) -> str:
        """One sentence for people in `language` ("zh" or "en")."""
        key = f"ask-{self.code}-foreign" if self.foreign else f"ask-{self.code}"
        return sentences.say(key, language, **self.names)


class NeedsAcknowledgement(Refused):
    """It looks wrong; the same event with these codes under `acknowledged` is recorded and warned about."""

    default_code = "needs-acknowledgement"

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = tuple(questions)
        super().__init__()


class BulkRefused(Refused):
    """Rows of an import are refused, each for its own reason; nothing was written.

    `.rows` are pairs of the row's place (from 0) and its error.
    """

    default_code = "bulk-refused"

    def __init__(self, rows: Sequence[tuple[int, HejiError]]) -> None:
        self.rows = tuple(rows)
        super().__init__(count=len(self.rows))


class TooLarge(Refused):
    """Send less at once."""

    default_code = "too-large"


class Untrusted(HejiError):
    """Do not rely on it."""


class BadSignature(Untrusted):
    """The signature is not of a known key over these bytes."""

    default_code = "bad-signature"


class BadProof(Untrusted):
    """The proof does not show what it claims."""

    default_code = "bad-proof"


class BrokenChain(Untrusted):
    """The ledger's bytes do not fit together; `.seq` is the first bad entry."""

    default_code = "broken-chain"

    def __init__(self, seq: int, code: str | None = None, /, **names: object) -> None:
        self.seq = seq
        super().__init__(code, seq=seq, **names)


class Unavailable(HejiError):
    """Try again later."""


class LedgerBusy(Unavailable):
    """The store could not take the write just now; nothing of it was written."""

    default_code = "ledger-busy"


class ServerUnreachable(Unavailable):
    """No answer came; the statement stays in the outbox."""

    default_code = "server-unreachable"


class TooMany(Unavailable):
    """Too many attempts; `.retry_after` is in seconds."""

    default_code = "too-many"

    def __init__(self, retry_after: int, code: str | None = None, /, **names: object) -> None:
        self.retry_after = retry_after
        super().__init__(code, retry_after=retry_after, **_wait(retry_after), **names)


class Misconfigured(HejiError):
    """Call the operator."""

    default_code = "misconfigured"


def _wait(seconds: int) -> dict[str, str]:
    """How long to wait, in both languages; of more than two minutes nobody counts the seconds."""
    minutes = -(-seconds // 60)
    if minutes > 2:
        return {"wait_zh": f"{minutes} 分钟", "wait_en": f"{minutes} minutes"}
    return {"wait_zh": f"{seconds} 秒", "wait_en": f"{seconds} second{'' if seconds == 1 else 's'}"}
