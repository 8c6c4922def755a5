"""`heji serve` with a recorder that does not keep its word: a service that the kill rig must find out.

    python hasty.py VARIANT

The variant "early" answers before the commit; "misplaced" tells another place than the entry has; "doubled" records
each statement a second time, under another id and of another batch.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any
from uuid import uuid4

from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.recording.enter import enter_one
from heji_trace.recording.recorder import Recorder
from heji_web.commands.main import main

# What a slow disk takes: long enough for a kill to fall between the answer and the commit.
_COMMIT_SECONDS = 0.2


def weaken(variant: str) -> None:
    """Put the weakness into the recorder, from outside."""
    enter = Recorder._enter

    def enter_hastily(recorder: Recorder, state: Any, draft: Any, group: Sequence[Any]) -> Any:
        answers: Any = enter(recorder, state, draft, list(group))
        if variant == "misplaced":
            return [[replace(receipt, seq=receipt.seq + 1) for receipt in answer] for answer in answers]
        if variant == "doubled":
            for wanted in group:
                for event in wanted.events:
                    enter_one(state, draft, doubled(event), wanted.author)
            return answers
        for wanted, answer in zip(group, answers, strict=True):
            wanted.answer.set_result(answer)
            # What is answered again after the commit nobody hears.
            wanted.answer = Future()
        time.sleep(_COMMIT_SECONDS)
        return answers

    setattr(Recorder, "_enter", enter_hastily)  # noqa: B010  put in from outside


def doubled(event: Event) -> Event:
    """The same harvest once more."""
    outputs = [{**line, "batch": f"{line['batch']}D"} for line in event.body["outputs"]]
    return parse_event({**event.body, "id": str(uuid4()), "outputs": outputs})


if __name__ == "__main__":
    weaken(sys.argv.pop(1))
    sys.argv.append("serve")
    main()
