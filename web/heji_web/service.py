"""The service: everything a request may reach, opened once at the start and handed to the doors."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from heji_trace import ledger
from heji_trace.accounts import Passwords
from heji_trace.db import Store
from heji_trace.head import HeadFile
from heji_trace.keys import Signer, read_signer, write_signer
from heji_trace.recorder import Recorder
from heji_trace.times import SYSTEM_CLOCK, Clock
from heji_web.passwords import argon2_passwords
from heji_web.settings import Settings

EXTENSION = "heji"
DEMONSTRATION = "demo."
"""How the origin of a demonstration's log begins; the origin is in every checkpoint, so nobody can take it off."""


@dataclass(frozen=True, slots=True)
class Service:
    """What the doors work with; `random` answers so many random bytes.

    `demonstration` is the word of the ledger's own foundation, not of a setting: a page cannot forget it.
    """

    settings: Settings
    store: Store
    signer: Signer
    head: HeadFile
    recorder: Recorder
    clock: Clock
    random: Callable[[int], bytes]
    passwords: Passwords
    demonstration: bool

    def close(self) -> None:
        """Let the recorder finish its group, then give the connections back."""
        self.recorder.close()
        self.store.close()


def open_service(
    settings: Settings,
    clock: Clock = SYSTEM_CLOCK,
    random: Callable[[int], bytes] = os.urandom,
    passwords: Passwords | None = None,
) -> Service:
    """The service of these settings, its ledger compared with the remembered head.

    Raises Misconfigured where there is no usable signing key. A ledger that may not be continued opens all the same:
    the recorder's `fault` says why, and pages are served.
    """
    signer = read_signer(settings.key)
    store = Store(settings.database_url)
    head = HeadFile(settings.head, signer.verifier)
    recorder = Recorder(store, signer, head, clock, random)
    recorder.start()
    return Service(
        settings,
        store,
        signer,
        head,
        recorder,
        clock,
        random,
        passwords or argon2_passwords(),
        demonstration=signer.name.startswith(DEMONSTRATION),
    )


def begin_ledger(store: Store, settings: Settings, signer: Signer) -> None:
    """Keep a new signing key and begin the empty ledger in a migrated database, its head remembered.

    Raises Misconfigured where the key file exists.
    """
    write_signer(settings.key, signer)
    with store.write() as connection:
        note = ledger.found(connection, signer, {})
    HeadFile(settings.head, signer.verifier).write(note)


def the_service() -> Service:
    """The service of the application that answers this request."""
    return cast("Service", current_app.extensions[EXTENSION])
