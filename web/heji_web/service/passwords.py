"""Passwords: argon2id, with a bound on how many are worked on at once."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from heji_trace.people.passwords import Passwords

# Each hash takes 19 MiB (OWASP's choice for argon2id): unbounded, 32 threads of guesses would take 600.
_AT_ONCE = 4


def argon2_passwords(memory_kib: int = 19_456, rounds: int = 2) -> Passwords:
    """Argon2id with these costs per password."""
    hasher = PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)
    gate = BoundedSemaphore(_AT_ONCE)

    def hash_password(password: str) -> str:
        with gate:
            return hasher.hash(password)

    def is_right(expected: str, password: str) -> bool:
        with gate:
            try:
                return hasher.verify(expected, password)
            except (VerificationError, InvalidHashError, UnicodeEncodeError):
                return False

    # What it hashes is longer than any password may be.
    return Passwords(hash_password, is_right, hasher.hash("\N{BLACK SQUARE}" * 500))
