"""The service: everything a request may reach, opened once at the start and handed to the doors."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app

from heji_trace.accounts import Passwords
from heji_trace.db import Store
from heji_trace.times import SYSTEM_CLOCK, Clock
from heji_web.passwords import argon2_passwords
from heji_web.settings import Settings

EXTENSION = "heji"


@dataclass(frozen=True, slots=True)
class Service:
    """What the doors work with; `random` answers so many random bytes."""

    settings: Settings
    store: Store
    recorder: Any
    clock: Clock
    random: Callable[[int], bytes]
    passwords: Passwords

    def close(self) -> None:
        """Let the recorder finish its group, then give the connections back."""
        if self.recorder is not None:
            self.recorder.close()
        self.store.close()


def open_service(
    settings: Settings,
    clock: Clock = SYSTEM_CLOCK,
    random: Callable[[int], bytes] = os.urandom,
    passwords: Passwords | None = None,
) -> Service:
    """The service of these settings; nothing connects to the database yet, so it may still be down."""
    store = Store(settings.database_url)
    return Service(settings, store, None, clock, random, passwords or argon2_passwords())


def the_service() -> Service:
    """The service of the application that answers this request."""
    return cast("Service", current_app.extensions[EXTENSION])
