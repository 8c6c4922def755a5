from __future__ import annotations

import pytest
from sqlalchemy import func, select

from heji_trace.errors import TooMany
from heji_trace.people.throttles import check_rate, forget_old_attempts, forgive, source_key, throttle_key
from heji_trace.store.db import Store
from heji_trace.store.tables import throttles


def attempt(store: Store, now_ms: int, key: str = "k") -> None:
    with store.write() as connection:
        check_rate(connection, key, limit=3, per_seconds=60, now_ms=now_ms)


def test_attempts_up_to_the_limit_pass_and_the_next_is_told_how_long_to_wait(store: Store) -> None:
    for at in (0, 1_000, 2_000):
        attempt(store, at)
    with pytest.raises(TooMany) as refused:
        attempt(store, 2_500)
    assert refused.value.retry_after == 58
    assert refused.value.sentence("zh").endswith("请在 58 秒后再试。")


def test_of_a_long_wait_nobody_counts_the_seconds() -> None:
    assert TooMany(898).sentence("zh").endswith("请在 15 分钟后再试。")
    assert TooMany(898).sentence("en").endswith("try again in 15 minutes.")
    assert TooMany(1).sentence("en").endswith("try again in 1 second.")


def test_the_window_begins_with_the_first_attempt_and_ends_by_itself(store: Store) -> None:
    for _ in range(3):
        attempt(store, 0)
    with pytest.raises(TooMany):
        attempt(store, 59_999)
    attempt(store, 60_000)


def test_who_keeps_trying_does_not_wait_longer(store: Store) -> None:
    for at in range(0, 60_000, 1_000):
        try:
            attempt(store, at)
        except TooMany:
            continue
    attempt(store, 60_000)


def test_keys_are_counted_apart(store: Store) -> None:
    for _ in range(3):
        attempt(store, 0, "one")
    attempt(store, 0, "other")


def test_what_succeeded_is_forgiven(store: Store) -> None:
    for _ in range(3):
        attempt(store, 0)
    with store.write() as connection:
        forgive(connection, "k")
    attempt(store, 0)


def test_a_clock_that_was_set_back_locks_nobody_out(store: Store) -> None:
    for _ in range(3):
        attempt(store, 10_000_000)
    attempt(store, 0)


def test_a_key_shows_neither_name_nor_address() -> None:
    assert "203.0.113.7" not in throttle_key("source", "203.0.113.7")
    assert throttle_key("a", "x") != throttle_key("b", "x")
    assert throttle_key("a", "\ud800")


def test_counters_of_yesterday_are_dropped(store: Store) -> None:
    attempt(store, 0, "old")
    attempt(store, 86_400_000, "new")
    with store.write() as connection:
        forget_old_attempts(connection, 86_400_001)
        assert connection.execute(select(func.count()).select_from(throttles)).scalar() == 1


@pytest.mark.parametrize(
    "one, other, are_one",
    [
        ("198.51.100.7:50001", "198.51.100.7:50002", True),
        ("198.51.100.7:50001", "198.51.100.7", True),
        ("198.51.100.7:50001", "198.51.100.8:50001", False),
        ("[2001:db8::1]:50001", "2001:db8::2", True),
        ("[2001:db8::1]:50001", "[2001:db8:1::1]:50001", False),
        ("2001:db8:0:7::1", "2001:DB8:0:7:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:7::1", "2001:db8:0:8::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("", "unknown", False),
    ],
)
def test_who_has_one_address_of_version_6_has_the_whole_net(one: str, other: str, are_one: bool) -> None:
    assert (source_key("source", one) == source_key("source", other)) is are_one
    assert source_key("source", one) != source_key("phone", one)
