"""A process with a recorder that answers over a socket, so that its files alone are touched by what fails in it.

    python answering.py FOLDER DESCRIPTOR VARIANT

Each line is a statement; the answer is a receipt, or the code of the refusal. The variant "careless" believes that
the head is durable whatever the storage says: a service that the test must find out.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import closing, suppress

from heji_trace.errors import HejiError
from heji_trace.events.schemas import parse_event
from heji_trace.ledger.head import HeadFile
from heji_trace.people.parties import Author
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP, Now


def main(folder: str, descriptor: str, variant: str) -> None:
    """Answer until the other side closes."""
    if variant == "careless":
        make_careless()
    settings = read_settings({"HEJI_DATA": folder})
    with closing(open_service(settings, Now().clock, passwords=CHEAP)) as service:
        service.start()
        with socket.socket(fileno=int(descriptor)) as answering, answering.makefile("rb") as asked:
            answering.sendall(b"ready\n")
            for line in asked:
                answering.sendall(json.dumps(answer(service, json.loads(line))).encode() + b"\n")


def answer(service: Service, asked: dict[str, object]) -> dict[str, object]:
    """The receipt of a statement, or why there is none."""
    told: dict[str, object] = json.loads(json.dumps(asked["author"]))
    author = Author(str(told["account"]), str(told["organisation"]), frozenset(map(str, asked["roles"])))  # type: ignore[call-overload]
    try:
        receipt = service.recorder.submit(parse_event(asked["event"]), author)
    except HejiError as error:
        return {"error": error.code}
    except Exception as error:  # noqa: BLE001  what is not the project's own is what the test looks for
        return {"crash": repr(error)}
    return {"seq": receipt.seq, "hash": receipt.entry_hash.hex(), "repeated": receipt.repeated}


def make_careless() -> None:
    """Have errors of the head's storage overlooked."""
    careful = HeadFile.write

    def write(head: HeadFile, note: str) -> None:
        with suppress(OSError):
            careful(head, note)

    setattr(HeadFile, "write", write)  # noqa: B010  put in from outside


if __name__ == "__main__":
    main(*sys.argv[1:])
