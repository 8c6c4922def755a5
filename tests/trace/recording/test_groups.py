from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event as Signal
from threading import Thread
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from heji_trace.events.event import Event
from heji_trace.events.schemas import parse_event
from heji_trace.people.parties import Author
from heji_trace.recording.groups import Groups, Wanted

AUTHOR = Author("account", "fg-litchi-coop", frozenset({"producer"}))


DETAILS = {
    "release": {"hold": str(UUID(int=0, version=4)), "reason": "核查完毕"},
    "erasure": {"values": [{"event": str(UUID(int=0, version=4)), "pointers": ["/note"]}], "ground": "law"},
}


def event(number: int, kind: str = "release") -> Event:
    return parse_event(
        {
            "id": str(UUID(int=number, version=4)),
            "kind": kind,
            "occurred_at": "2026-07-01T08:00:00+08:00",
            "organisation": AUTHOR.organisation,
            "details": DETAILS[kind],
        }
    )


def single(number: int) -> Wanted:
    return Wanted([event(number)], AUTHOR)


def erasure(number: int) -> Wanted:
    return Wanted([event(number, "erasure")], AUTHOR)


def bulk(number: int) -> Wanted:
    return Wanted(iter([event(number), event(number + 1)]), AUTHOR, bulk=True)


def idle() -> None:
    raise AssertionError("somebody waited")


def taken(groups: Groups, waiting: Sequence[Wanted]) -> list[list[Wanted]]:
    """The groups in which these are taken, who were all there."""
    for each in waiting:
        groups.put(each)
    return groups.take(None, idle)


def taken_on_arrival(groups: Groups, first: Wanted) -> list[list[Wanted]]:
    """The groups in which is taken who comes first, when somebody looks out for him already."""
    return groups.take(0.001, lambda: groups.put(first))


class Arrivals(Signal):
    """What is waited on for others to come; `arrive` is what happens meanwhile, however fast the machine is."""

    def __init__(self, arrive: Callable[[], object], most_seconds: float = 0) -> None:
        super().__init__()
        self.waits = 0
        self._arrive = arrive
        self._most_seconds = most_seconds

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        self._arrive()
        return super().wait(self._most_seconds)


def after(number: int) -> Groups:
    """A queue of which a group of so many was just taken, and which expects as many again."""
    groups = Groups()
    taken(groups, [single(each) for each in range(number)])
    return groups


def test_all_who_wait_are_taken_in_one_group_and_in_their_order() -> None:
    groups, waiting = Groups(), [single(number) for number in range(5)]
    for each in waiting:
        groups.put(each)
    assert groups.waiting == 5
    assert groups.take(None, idle) == [waiting]
    assert (groups.waiting, groups.taken, groups.is_over) == (0, 5, False)
    assert {bits: count for bits, count in enumerate(groups.sizes) if count} == {3: 1}


def test_a_group_has_no_more_than_256() -> None:
    groups = Groups()
    sizes = [len(group) for group in taken(groups, [single(number) for number in range(300)])]
    assert sizes == [256]
    assert groups.waiting == 44


def test_bulks_and_erasures_are_taken_alone() -> None:
    first, second, whole, erased, third = single(1), single(2), bulk(3), erasure(5), single(6)
    groups = taken(Groups(), [first, second, whole, erased, third])
    assert groups == [[first, second], [whole], [erased], [third]]


def test_the_events_of_a_bulk_are_left_for_who_records_it() -> None:
    whole = bulk(1)
    taken(Groups(), [whole])
    assert len(list(whole.events)) == 2


@given(st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["bulk", "erasure"])), min_size=1, max_size=60))
def test_no_id_is_twice_in_a_group_and_nobody_is_overtaken(drawn: list[int | str]) -> None:
    makers = {"bulk": bulk, "erasure": erasure}
    waiting = [makers[each](at) if isinstance(each, str) else single(each) for at, each in enumerate(drawn)]
    groups = taken(Groups(), waiting)
    assert [id(wanted) for group in groups for wanted in group] == [id(wanted) for wanted in waiting]
    for group in groups:
        if any(wanted.bulk or wanted.is_erasure for wanted in group):
            assert len(group) == 1
        else:
            ids = [each.id for wanted in group for each in wanted.events]
            assert len(set(ids)) == len(ids)


def test_who_was_there_before_is_waited_for_and_all_share_one_group() -> None:
    groups, gathering = after(8), Signal()
    groups._are_together = others = Arrivals(gathering.set, most_seconds=30)
    waiting = [single(number) for number in range(8)]

    def come(wanted: Wanted) -> None:
        assert gathering.wait(30)
        groups.put(wanted)

    coming = [Thread(target=come, args=(each,)) for each in waiting[1:]]
    for thread in coming:
        thread.start()
    together = taken_on_arrival(groups, waiting[0])
    for thread in coming:
        thread.join()
    assert sorted(map(id, *together)) == sorted(map(id, waiting))
    # Let go by the last of them, not by the time: one wait was enough.
    assert others.waits == 1


def test_nobody_is_waited_for_once_no_more_come() -> None:
    groups, alone = after(8), single(1)
    groups._are_together = nobody = Arrivals(lambda: None)
    assert taken_on_arrival(groups, alone) == [[alone]]
    assert nobody.waits == 1


def test_who_is_alone_is_taken_at_once() -> None:
    groups = Groups()
    taken(groups, [single(1)])
    groups._are_together = nobody = Arrivals(lambda: None)
    taken_on_arrival(groups, single(2))
    assert nobody.waits == 0


def test_however_many_come_one_by_one_the_first_does_not_wait_for_ever() -> None:
    groups = after(40)
    late = [single(number) for number in range(1, 41)]
    coming = iter(late)
    groups._are_together = slow = Arrivals(lambda: groups.put(next(coming)))
    first = single(0)
    assert taken_on_arrival(groups, first) == [[first, *late[: slow.waits]]]
    assert 1 < slow.waits < len(late)


def test_what_waits_at_the_end_is_taken_and_nothing_behind_it() -> None:
    groups, before, behind = Groups(), single(1), single(2)
    groups.put(before)
    groups.end()
    groups.put(behind)
    assert groups.take(None, idle) == [[before]]
    assert groups.is_over


def test_the_end_of_an_empty_queue_is_no_group() -> None:
    groups = Groups()
    groups.end()
    assert groups.take(None, idle) == []
    assert (groups.is_over, sum(groups.sizes)) == (True, 0)


def test_while_nobody_comes_there_is_time_for_something_else() -> None:
    groups, wanted, calls = Groups(), single(1), iter(range(3))

    def come_at_last() -> None:
        if next(calls) == 2:
            groups.put(wanted)

    assert groups.take(0.001, come_at_last) == [[wanted]]
    assert list(calls) == []
