"""One suspicion: something about a batch, or about what was found in one, that its recorder is asked about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from heji_trace.errors import Question
from heji_trace.judging.wording import told


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something about one batch that looks wrong, under the code of the warning that it will cause.

    `data` goes into the finding, whoever it is about; `foreign` is what tells of another's stock.
    """

    code: str
    batch: str
    data: dict[str, Any] = field(default_factory=dict)
    foreign: bool = False

    def question(self) -> Question:
        """What the recorder is asked."""
        if self.foreign:
            # Whoever is asked has recorded nothing yet: a figure would tell anybody a neighbour's stock.
            return Question(self.code, {"batch": self.batch}, foreign=True)
        return Question(self.code, {"batch": self.batch, **told(self.data)})
