"""How often something may be tried: counters kept in the database, so that a restart forgives nobody."""

from __future__ import annotations

from hashlib import sha256
from ipaddress import IPv6Address, ip_address

from sqlalchemy import Connection, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite

from heji_trace.errors import TooMany
from heji_trace.store.tables import throttles

_KEPT_MS = 86_400_000


def throttle_key(purpose: str, subject: str) -> str:
    """The key under which attempts on `subject` are counted.

    The subject is hashed: what is typed as a name may be a password in the wrong field, and a source is an address
    of a person.
    """
    return f"{purpose}:{sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()}"


def source_key(purpose: str, address: str) -> str:
    """The key under which attempts from a network address are counted.

    Of an address of version 6 the first 64 bits: who has one has all the others that begin so, and could use each once.
    Some proxies write the port behind it, which is another for each connection.
    """
    try:
        source = ip_address(_without_port(address))
    except ValueError:
        return throttle_key(purpose, address)
    if isinstance(source, IPv6Address):
        # A listener of version 6 writes the old addresses so.
        source = source.ipv4_mapped or IPv6Address(int(source) >> 64 << 64)
    return throttle_key(purpose, str(source))


def _without_port(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def check_rate(connection: Connection, key: str, limit: int, per_seconds: int, now_ms: int) -> None:
    """Count one attempt; raises TooMany above `limit` in a window of `per_seconds` that starts with the first.

    Needs a writing connection. The attempt that is refused is not counted, because its transaction rolls back.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    window_ms = per_seconds * 1000
    # A window from the future is left over from a clock that was set back; keeping it would lock people out.
    is_over = or_(throttles.c.since_ms <= now_ms - window_ms, throttles.c.since_ms > now_ms)
    count, since_ms = connection.execute(
        insert(throttles)
        .values(key=key, count=1, since_ms=now_ms)
        .on_conflict_do_update(
            index_elements=[throttles.c.key],
            set_={
                "count": case((is_over, 1), else_=throttles.c.count + 1),
                "since_ms": case((is_over, now_ms), else_=throttles.c.since_ms),
            },
        )
        .returning(throttles.c.count, throttles.c.since_ms)
    ).one()
    if count > limit:
        raise TooMany(max(1, -((now_ms - since_ms - window_ms) // 1000)))


def forgive(connection: Connection, key: str) -> None:
    """Start again at nought, after an attempt that succeeded."""
    connection.execute(delete(throttles).where(throttles.c.key == key))


def forget_old_attempts(connection: Connection, now_ms: int) -> None:
    """Drop the counters whose window began more than a day ago."""
    connection.execute(delete(throttles).where(throttles.c.since_ms < now_ms - _KEPT_MS))
