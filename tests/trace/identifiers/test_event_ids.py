from __future__ import annotations

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from heji_trace.identifiers.event_ids import new_event_id


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7_that_begins_with_its_time(now_ms: int, bits: bytes) -> None:
    made = UUID(new_event_id(now_ms, lambda size: bits[:size]))
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == now_ms


def test_ids_sort_by_time() -> None:
    made = [new_event_id(ms, lambda size: b"\xff" * size) for ms in (1, 2, 1000, 2**40)]
    assert made == sorted(made)
