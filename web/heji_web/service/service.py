"""The service: everything a request may reach, opened once at the start and handed to the doors."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, cast

from flask import current_app

from heji_migrations import upgrade
from heji_trace import sentences
from heji_trace.errors import Misconfigured, Unavailable
from heji_trace.ledger.head import HeadFile
from heji_trace.people.passwords import Passwords
from heji_trace.proving.keys import Signer, read_signer
from heji_trace.recording.recorder import Recorder
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import SYSTEM_CLOCK, Clock
from heji_web.service.backups import DailyBackups
from heji_web.service.jobs import Jobs
from heji_web.service.kept_authors import KeptAuthors
from heji_web.service.passwords import argon2_passwords
from heji_web.service.settings import Settings

EXTENSION = "heji"
DEMONSTRATION = "demonstration"
"""The word in a log's origin that makes every page say what it is."""

_RETRY_SECONDS = 2

_log = logging.getLogger("heji.service")


@dataclass(frozen=True, slots=True)
class Service:
    """What the doors work with; `random` answers so many random bytes."""

    settings: Settings
    store: Store
    signer: Signer
    head: HeadFile
    recorder: Recorder
    clock: Clock
    random: Callable[[int], bytes]
    passwords: Passwords
    speakers: KeptAuthors
    backups: DailyBackups
    jobs: Jobs[Any] = field(default_factory=Jobs)
    _closing: Event = field(default_factory=Event)

    @property
    def is_demonstration(self) -> bool:
        """Whether nothing in this log is real."""
        return DEMONSTRATION in self.signer.name

    def start(self) -> None:
        """Begin to take statements; raises Unavailable while the database does not answer."""
        self.recorder.start()

    def start_when_possible(self) -> None:
        """Begin to take statements now, or as soon as the database answers; until then nothing is ready."""
        try:
            self.start()
        except Unavailable as error:
            _log.warning("waiting for the database: %s", error.code)
            Thread(target=self._keep_starting, args=(error.code,), name="starter", daemon=True).start()

    def close(self) -> None:
        """Let the recorder finish its group, then give the connections back."""
        self._closing.set()
        self.backups.stop()
        self.jobs.close()
        self.recorder.close()
        self.store.close()

    def _keep_starting(self, told: str) -> None:
        while not self._closing.wait(_RETRY_SECONDS):
            try:
                # Nobody has looked: the database was down when the service began.
                with self.store.read() as connection:
                    upgrade.check_current(connection)
                self.start()
            except (Unavailable, Misconfigured) as error:
                # Once, not every two seconds of a night.
                if error.code != told:
                    told = error.code
                    _log.warning("waiting for the database: %s", told)
                # A connection to a file that lay there meanwhile, empty, would never see the one that comes back.
                self.store.close()
                continue
            _log.info("the database answers")
            return


def open_service(
    settings: Settings,
    clock: Clock = SYSTEM_CLOCK,
    random: Callable[[int], bytes] = os.urandom,
    passwords: Passwords | None = None,
) -> Service:
    """The service of these settings, not started: nothing connects to the database, so it may still be down.

    Raises Misconfigured where there is no usable signing key.
    """
    # Read before anything fails: the first error to be told may be that no file can be opened any more.
    sentences.catalogue()
    store = Store(settings.database_url)
    signer = read_signer(settings.key)
    head = HeadFile(settings.head, signer.verifier)
    recorder = Recorder(store, signer, head, clock, random)
    return Service(
        settings,
        store,
        signer,
        head,
        recorder,
        clock,
        random,
        passwords or argon2_passwords(),
        KeptAuthors(store, clock.monotonic),
        DailyBackups(settings, store, signer, recorder, clock),
    )


def the_service() -> Service:
    """The service of the application that answers this request."""
    return cast("Service", current_app.extensions[EXTENSION])
