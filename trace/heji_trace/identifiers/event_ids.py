"""Ids of events: made where a statement begins, so that sending it twice says it once."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID


def new_event_id(now_ms: int, random: Callable[[int], bytes]) -> str:
    """A UUID of version 7 (RFC 9562, 5.7): its first 48 bits are the time in milliseconds since 1970."""
    bits = now_ms << 80 | int.from_bytes(random(10), "big")
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=bits))
