"""Several processes on one PostgreSQL: each is a service of its own here, on the same database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from county import PACKED, County
from heji_trace.errors import LedgerBusy, TooMany, Untrusted
from heji_trace.ledger import ledger
from heji_trace.ledger.follow import Follower, follow
from heji_trace.people.accounts import find_account
from heji_trace.people.sessions import revoke_token
from heji_trace.people.throttles import check_rate
from heji_trace.projection import project
from heji_trace.proving.checkpoint import dump_checkpoint, sign_note
from heji_trace.proving.entries import FIRST_PREV
from heji_trace.proving.merkle import Frontier
from heji_trace.proving.proof import parse_bundle
from heji_trace.store.db import lock_ledger
from heji_web.service.service import Service, open_service
from labelled import label
from ledger_check import change, check_ledger, tamper, verified
from web.doors import CHEAP, Now

pytestmark = pytest.mark.postgresql_only


@pytest.fixture
def another(county: County, now: Now) -> Iterator[Callable[..., County]]:
    """Starts a further process on the county's database; with a head folder of its own for another host."""
    with ExitStack() as stack:

        def start(head: Path | None = None) -> County:
            settings = county.service.settings
            if head is not None:
                head.mkdir()
                (head / "head").write_bytes((settings.head / "head").read_bytes())
                settings = replace(settings, head=head)
            service = open_service(settings, now.clock, passwords=CHEAP)
            stack.callback(service.close)
            service.start()
            return County(service, now, county.authors, county.tokens, made=county.made + 10**6)

        yield start


def head_size(service: Service) -> int:
    head = service.head.read()
    return 0 if head is None else head.size


def test_processes_that_take_turns_write_one_gapless_ledger(
    county: County, another: Callable[..., County]
) -> None:
    other, size = another(), county.size
    seqs = [who.harvest(f"T{number}").seq for number in range(6) for who in [(county, other)[number % 2]]]
    assert seqs == list(range(size, size + 6))
    assert head_size(county.service) == head_size(other.service) == size + 6
    check_ledger(county.service)


def test_what_one_process_made_another_builds_upon(county: County, another: Callable[..., County]) -> None:
    other = another()
    county.harvest("A1", "100")
    other.make("packaging", {"A1": "60"}, {"P1": "58"})
    county.hand_over("P1", "20", "producer", "shop")
    other.move("sale", "P1", "5", "shop")
    check_ledger(other.service)


def test_processes_that_race_record_each_event_once_and_the_head_never_goes_back(
    county: County, another: Callable[..., County]
) -> None:
    processes = [county, another(), another()]
    size, author = county.size, county.authors["producer"]
    events = [county.harvesting(f"R{number}") for number in range(60)]
    sizes: list[int] = []

    def record(at: int) -> list[tuple[int, bytes]]:
        receipts = [processes[at].recorder.submit(event, author) for event in events[at::2] + events[::3]]
        sizes.append(head_size(county.service))
        return [(receipt.seq, receipt.entry_hash) for receipt in receipts]

    with ThreadPoolExecutor(3) as pool:
        told = [each for answers in pool.map(record, range(3)) for each in answers]
    assert county.size == size + len(events)
    assert len(set(told)) == len(events)
    assert sizes == sorted(sizes)
    assert head_size(county.service) == county.size
    check_ledger(county.service)


def test_a_process_serves_at_once_what_another_recorded(
    county: County, another: Callable[..., County], tmp_path: Path
) -> None:
    other = another(tmp_path / "other-host")
    receipt = county.harvest("A1")
    assert other.get(f"/api/v1/events/{receipt.event_id}").status_code == 200
    assert head_size(other.service) == county.size
    county.harvest("A2")
    assert other.get("/log/checkpoint", None).data == county.get("/log/checkpoint", None).data
    latest = county.harvest("A3")
    proof = other.get(f"/api/v1/events/{latest.event_id}/proof")
    assert proof.status_code == 200
    assert [item.seq for item in parse_bundle(proof.data).items] == [latest.seq]


def test_the_head_of_a_host_that_only_waits_follows(
    county: County, another: Callable[..., County], tmp_path: Path
) -> None:
    other = another(tmp_path / "other-host")
    county.harvest("A1")
    assert other.recorder.served_size() == county.size == head_size(other.service)
    assert verified(other.service).faults == ()


def test_a_repeat_at_another_process_is_not_answered_before_its_head_knows_the_entry(
    county: County, another: Callable[..., County], tmp_path: Path
) -> None:
    other = another(tmp_path / "other-host")
    event = county.harvesting("A1")
    first = county.recorder.submit(event, county.authors["producer"])
    again = other.recorder.submit(event, county.authors["producer"])
    assert (again.seq, again.entry_hash, again.repeated) == (first.seq, first.entry_hash, True)
    assert head_size(other.service) == county.size == other.recorder.durable_size


def test_a_page_that_one_process_keeps_shows_what_another_recorded(
    county: County, another: Callable[..., County]
) -> None:
    other = another()
    county.harvest("A1")
    county.make("packaging", {"A1": "60"}, {"P1": "58"})
    path = f"/t/{label(county, 'P1', PACKED).trace_code}.json"
    before = other.get(path, None).get_json()
    assert other.get(path, None).get_json() == before
    county.record("hold", "regulator", batches=["P1"], details={"reason": "核查"})
    after = other.get(path, None).get_json()
    assert before["verdict"]["code"] != after["verdict"]["code"]
    county.record("product", "operator", details={"code": PACKED, "name": "改名的荔枝", "commodity": "荔枝"})
    assert "改名的荔枝" in other.get(path, None).get_data(as_text=True)


def test_attempts_are_counted_over_all_processes(county: County, another: Callable[..., County]) -> None:
    services = [county.service, another().service]
    for at in range(3):
        with services[at % 2].store.write() as connection:
            check_rate(connection, "k", limit=3, per_seconds=60, now_ms=1)
    for service in services:
        with pytest.raises(TooMany), service.store.write() as connection:
            check_rate(connection, "k", limit=3, per_seconds=60, now_ms=1)


def test_a_token_that_another_process_revoked_is_soon_refused(
    county: County, another: Callable[..., County]
) -> None:
    other = another()
    assert other.get("/api/v1/events").status_code == 200
    with county.service.store.write() as connection:
        account = find_account(connection, "producer")
        assert account is not None
        revoke_token(connection, account, "tests", county.service.clock.now_ms())
    county.now.seconds += 2
    assert other.get("/api/v1/events").status_code == 401


def test_while_the_read_tables_are_rebuilt_no_process_records(
    county: County, another: Callable[..., County]
) -> None:
    other = another()
    county.harvest("A1")
    with ThreadPoolExecutor(1) as pool:
        with county.service.store.write() as connection:
            lock_ledger(connection)
            project.rebuild(connection, ledger.read_all(connection, county.size), lambda _done: None)
            waiting = pool.submit(other.harvest, "A2")
            assert not waiting.done()
        assert waiting.result(timeout=20).seq == county.size - 1
    check_ledger(county.service)


# --- a database that is not the one it was ---------------------------------------------------------------------------


def cut_to(service: Service, size: int) -> None:
    """The ledger as it was at a size, as a standby that had fallen behind has it."""
    for statement in (
        "DELETE FROM entries WHERE seq >= ?",
        "DELETE FROM disclosures WHERE seq >= ?",
        "DELETE FROM checkpoints WHERE size > ?",
    ):
        tamper(service, statement, size)


def test_a_database_that_has_fallen_behind_is_not_continued(county: County) -> None:
    for batch in ("A1", "A2"):
        county.harvest(batch)
    size = county.size
    cut_to(county.service, size - 1)
    with pytest.raises(Untrusted) as refused:
        county.harvest("A3")
    assert refused.value.code == "ledger-behind"
    assert county.size == size - 1
    assert county.recorder.fault is refused.value
    assert county.get("/readyz", None).status_code == 503


def test_a_process_that_only_reads_sees_it_too_and_keeps_what_it_had_served(county: County) -> None:
    county.harvest("A1")
    size = county.size
    assert county.recorder.served_size() == size
    cut_to(county.service, size - 1)
    assert county.recorder.served_size() == size
    fault = county.recorder.fault
    assert isinstance(fault, Untrusted)
    assert fault.code == "ledger-behind"
    # Even where the database is as it was again, a person has to look first.
    assert county.recorder.served_size() == size
    assert county.recorder.fault is fault


def test_another_history_of_the_same_size_is_not_continued(
    county: County, another: Callable[..., County]
) -> None:
    county.harvest("A1")
    change(county.service, "entries", "entry", county.size - 1, lambda old: old.replace(b"0", b"1"))
    with pytest.raises(Untrusted) as refused:
        county.harvest("A2")
    assert refused.value.code == "ledger-differs"


def tip_of(service: Service) -> ledger.Tip:
    with service.store.read() as connection:
        return ledger.load_tip(connection)


def followed(service: Service, tip: ledger.Tip) -> ledger.Tip:
    with service.store.read() as connection:
        return follow(connection, tip, service.signer.verifier)


def test_following_ends_where_loading_does(county: County) -> None:
    tips = [tip_of(county.service)]
    county.recorder.submit_all(
        [county.harvesting(f"B{number}") for number in range(300)], county.authors["producer"]
    )
    tips.append(tip_of(county.service))
    county.harvest("A1")
    end = tip_of(county.service)
    for tip in (ledger.Tip(0, FIRST_PREV, 0, Frontier(), None), *tips):
        found = followed(county.service, tip)
        assert (found.size, found.last_leaf, found.recorded_ms, found.note) == (
            end.size,
            end.last_leaf,
            end.recorded_ms,
            end.note,
        )
        assert found.frontier.root() == end.frontier.root()
    assert followed(county.service, end) is end


def test_an_unsigned_or_wrongly_signed_end_is_not_followed(county: County) -> None:
    tip = tip_of(county.service)
    county.harvest("A1")
    signer = county.service.signer
    for note, code in (
        (sign_note(dump_checkpoint(signer.name, county.size, bytes(32)), signer), "ledger-differs"),
        ("none of ours", "note-form"),
    ):
        tamper(county.service, "UPDATE checkpoints SET note = ? WHERE size = ?", note, county.size)
        with pytest.raises(Untrusted) as refused:
            followed(county.service, tip)
        assert refused.value.code == code
    tamper(county.service, "DELETE FROM checkpoints WHERE size = ?", county.size)
    with pytest.raises(Untrusted) as refused:
        followed(county.service, tip)
    assert refused.value.code == "ledger-unsigned-tail"


def test_a_gap_or_a_broken_link_in_what_is_new_is_not_followed(county: County) -> None:
    tip, size = tip_of(county.service), county.size
    for batch in ("A1", "A2", "A3"):
        county.harvest(batch)
    with county.service.store.read() as connection:
        [entry] = ledger.read_entry_bytes(connection, size + 1, size + 2)
    changed = entry.replace(b'"prev":"', b'"prev":"0')[: len(entry)]
    for statement, values in (
        ("UPDATE entries SET entry = ? WHERE seq = ?", (changed, size + 1)),
        ("DELETE FROM entries WHERE seq = ?", (size + 1,)),
    ):
        tamper(county.service, statement, *values)
        with pytest.raises(Untrusted):
            followed(county.service, tip)


def test_where_the_head_cannot_be_written_nothing_more_is_served(
    county: County, another: Callable[..., County], tmp_path: Path
) -> None:
    other = another(tmp_path / "other-host")
    size = other.recorder.served_size()
    county.harvest("A1")
    folder = other.service.settings.head
    folder.rename(folder.with_name("aside"))
    folder.write_text("in the way")
    with pytest.raises(LedgerBusy):
        other.recorder.served_size()
    assert other.recorder.durable_size == size
    folder.unlink()
    folder.with_name("aside").rename(folder)
    assert other.recorder.served_size() == county.size


def test_a_follower_takes_in_a_thousand_entries_at_once(county: County) -> None:
    service = county.service
    follower = Follower(service.store, service.head, service.signer.verifier, tip_of(service))
    county.recorder.submit_all(
        [county.harvesting(f"B{number}") for number in range(2100)], county.authors["producer"]
    )
    assert follower.advance() == county.size == head_size(service)
