from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from heji_trace.errors import BulkRefused, NotAllowed
from heji_trace.events.schemas import parse_event
from heji_trace.identifiers import checks
from heji_trace.judging.levels import LEVELS
from heji_trace.known.state import State as Known
from heji_trace.ledger import ledger
from heji_trace.ledger.evidence import Trust
from heji_trace.passport.passport import Passport, View, passport_of
from heji_trace.people.accounts import account_of
from heji_trace.store import tables
from heji_trace.vocabulary.times import beijing_date
from heji_web.demo.build import PASSWORD, days_shifted, read_events
from heji_web.demo.shifting import shift, shift_text
from heji_web.demo.states import Page, State, built_on, pages_of, read_states
from heji_web.demo.uploads import Upload, read_diary, read_input, read_people
from heji_web.service.service import Service
from ledger_check import check_ledger
from story.conftest import TODAY, build, opened

STATES = read_states()
UPLOADS = [entry for entry in read_diary() if isinstance(entry, Upload)]
WEEK_MS = 7 * 86_400_000


def page_named(connection: Connection, key: str) -> Page:
    return next(page for page in pages_of(connection) if page.state.key == key)


def passport_behind(service: Service, key: str) -> Passport:
    view = View(service.clock.now_ms(), Trust(service.signer.verifier, service.head.read()), True)
    with service.store.read() as connection:
        return passport_of(connection, page_named(connection, key).trace_code, view)


def days_of(service: Service) -> int:
    with service.store.read() as connection:
        return days_shifted(connection.execute(select(tables.events.c.recorded_ms).limit(1)).scalar_one())


def bodies(connection: Connection, kind: str) -> list[dict[str, Any]]:
    seqs = connection.execute(select(tables.events.c.seq).where(tables.events.c.kind == kind)).scalars()
    return [stored.event.body for stored in ledger.read_stored(connection, list(seqs))]


def all_input_files() -> set[str]:
    root = Path(str(files("heji_web.demo") / "input"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_the_county_has_more_than_sixty_batches_in_more_than_twelve_weeks(demo: Service) -> None:
    with demo.store.read() as connection:
        batches = len(connection.execute(select(tables.batches.c.batch)).all())
        recorded = list(connection.execute(select(tables.events.c.recorded_ms)).scalars())
    assert batches >= 60
    assert max(recorded) - min(recorded) >= 12 * WEEK_MS


def test_the_last_entry_was_recorded_the_day_before_the_county_was_built(demo: Service) -> None:
    with demo.store.read() as connection:
        recorded = list(
            connection.execute(select(tables.events.c.recorded_ms).order_by(tables.events.c.seq)).scalars()
        )
    assert beijing_date(recorded[-1]) == TODAY - timedelta(days=1)
    assert recorded == sorted(recorded)


def test_its_log_says_that_it_is_a_demonstration(demo: Service) -> None:
    assert demo.is_demonstration
    assert "demonstration" in (demo.head.read_note() or "").splitlines()[0]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.key)
def test_each_page_of_the_catalogue_shows_its_state(demo: Service, state: State) -> None:
    passport = passport_behind(demo, state.key)
    assert passport.verdict.level == state.level
    assert {notice.code for notice in passport.live} == state.warnings
    assert {notice.code for notice in passport.lifted} == state.lifted
    assert passport.demonstration


def test_the_catalogue_has_a_page_of_every_colour() -> None:
    assert {state.level for state in STATES} == {"green", "grey", "yellow", "orange", "red"}


def test_no_page_is_past_its_date_but_those_that_show_it() -> None:
    past = {state.key for state in STATES if state.warnings & {"USE_BY_PASSED", "BEST_BEFORE_PASSED"}}
    assert past == {"use-by-passed", "best-before-passed"}


def test_the_dried_longan_tells_how_much_of_its_sources_is_tested(demo: Service) -> None:
    tests = passport_behind(demo, "sources-tested").tests
    assert tests is not None
    assert tests.sources is not None
    assert tests.sources["zh"] == "5 个来源批次中 3 个已检（按重量 62 %）"


def test_every_file_of_the_input_is_handed_in_once_and_nothing_else_is() -> None:
    named = Counter(upload.file for upload in UPLOADS)
    assert set(named.values()) == {1}
    assert all_input_files() == named.keys() | {"uploads.csv", "labels.csv", "people.csv"}


def test_the_files_are_of_the_kinds_that_people_have() -> None:
    def is_utf8(data: bytes) -> bool:
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
        return True

    data = {upload.file: read_input(upload.file) for upload in UPLOADS}
    csv = {name: content for name, content in data.items() if name.endswith(".csv")}
    assert sum(not is_utf8(content) for content in csv.values()) >= 10
    assert sum(content.startswith(b"\xef\xbb\xbf") for content in csv.values()) >= 10
    assert sum(name.endswith(".xlsx") for name in data) >= 20
    assert sum(upload.door == "instrument" for upload in UPLOADS) >= 10
    assert sum(upload.door == "json" for upload in UPLOADS) >= 20


def test_what_was_confirmed_had_been_asked_and_stands_in_the_ledger(demo: Service) -> None:
    said = Counter(code for upload in UPLOADS for code in upload.acknowledged)
    with demo.store.read() as connection:
        stored = ledger.read_all(connection, ledger.size_of(connection))
        confirmed = {code for entry in stored for code in entry.event.acknowledged}
    assert confirmed == said.keys()
    assert {
        "PHI_VIOLATION",
        "VET_WITHDRAWAL",
        "MASS_BALANCE",
        "UNKNOWN_ORIGIN",
        "HELD_MOVED",
        "OVER_CONSUMPTION",
    } == confirmed


def test_the_same_file_again_answers_with_the_same_receipts(demo: Service) -> None:
    upload = next(upload for upload in UPLOADS if upload.file == "gaogang/0611-harvest-households.csv")
    with demo.store.read() as connection:
        size = ledger.size_of(connection)
        author = account_of(connection, upload.account).author
    receipts = demo.recorder.submit_all(read_events(upload, author, days_of(demo)), author)
    assert all(receipt.repeated for receipt in receipts)
    with demo.store.read() as connection:
        assert ledger.size_of(connection) == size


def test_the_ledger_is_whole_and_rebuilding_gives_the_live_tables(demo: Service) -> None:
    check_ledger(demo)


def test_all_kinds_of_a_batch_s_life_occur(demo: Service) -> None:
    with demo.store.read() as connection:
        kinds = set(connection.execute(select(tables.events.c.kind)).scalars())
        flows = set(connection.execute(select(tables.edges.c.flow)).scalars())
    assert {"collection", "grading", "processing", "packaging", "stocking", "recall", "release"} <= kinds
    assert {"field_operation", "environment_test", "instrument", "conformity_certificate"} <= kinds
    assert {"precooling", "storage", "condition", "return", "disposal", "stock_count"} <= kinds
    assert {"recall_update", "objection", "label_void"} <= kinds
    assert flows == {"split", "merge", "change"}


def test_a_station_that_was_closed_records_no_more_and_its_entries_stay(demo: Service) -> None:
    upload = next(upload for upload in UPLOADS if upload.file == "jingtou/0724-harvest-households.csv")
    with demo.store.read() as connection:
        author = account_of(connection, "station-jt").author
        [event] = read_events(upload, author, days_of(demo))
        assert Known(connection).find_batch(event.outputs[0].batch) is not None
        station = Known(connection).find_registered("organisation", "jt-station")
    assert station is not None
    assert station["status"] == "closed"
    again = read_events(upload, author, days_of(demo) + 30)
    renamed = [parse_event({**each.body, "id": "0b9d4b57-0000-4000-8000-000000000001"}) for each in again]
    with pytest.raises(BulkRefused) as refused:
        demo.recorder.submit_all(renamed, author, dry_run=True)
    assert [type(error) for _, error in refused.value.rows] == [NotAllowed]


def test_a_batch_padded_beyond_its_inputs_is_for_the_regulator_alone(demo: Service) -> None:
    with demo.store.read() as connection:
        padded = list(
            connection.execute(
                select(tables.warnings.c.batch).where(tables.warnings.c.code == "MASS_BALANCE")
            ).scalars()
        )
    assert padded == [shift_text("LZ5KG-20260612", days_of(demo))]
    assert LEVELS["MASS_BALANCE"].consumer == "none"


def test_a_correction_leaves_no_warning_behind(demo: Service) -> None:
    corrected = shift_text("LY5KG-20260818", days_of(demo))
    with demo.store.read() as connection:
        found = connection.execute(select(tables.warnings).where(tables.warnings.c.batch == corrected)).all()
        stock = Known(connection).stock.of("batch", corrected)
    assert found == []
    assert sum(row["amount"] for row in stock) == 1_850 * 1_000 * 10**6


def test_households_are_named_in_no_public_record(demo: Service) -> None:
    with demo.store.read() as connection:
        stored = ledger.read_all(connection, ledger.size_of(connection))
        households = [
            entry
            for entry in stored
            if entry.event.kind == "organisation" and entry.event.details["subject_type"] == "farm_household"
        ]
    assert len(households) >= 6
    assert all(entry.event.details["name"].encode() not in entry.record for entry in households)


def test_every_code_in_the_registers_is_sound_and_every_name_says_demonstration(demo: Service) -> None:
    with demo.store.read() as connection:
        organisations = [body["details"] for body in bodies(connection, "organisation")]
        gtins = {
            body["details"]["gtin"] for body in bodies(connection, "product") if "gtin" in body["details"]
        }
    assert all("演示" in details["name"] for details in organisations)
    assert all(checks.is_uscc(details["uscc"]) for details in organisations if "uscc" in details)
    assert all(checks.is_gs1_key(gtin, (13,)) and gtin.startswith("952") for gtin in gtins)


def test_the_six_towns_take_part(demo: Service) -> None:
    with demo.store.read() as connection:
        divisions = {body["details"].get("division_code") for body in bodies(connection, "organisation")}
    assert {f"4418211{town:02d}" for town in (0, 1, 2, 3, 4, 7)} <= divisions


def test_editions_are_marked_as_not_verified(demo: Service) -> None:
    with demo.store.read() as connection:
        editions = [body["details"] for body in bodies(connection, "edition")]
    assert {edition["table"] for edition in editions} == {"intervals", "limits", "thresholds"}
    assert not any(edition["verified"] for edition in editions)
    assert {len(edition["rows"]) for edition in editions} == {61, 146, 5}


def test_everybody_signs_in_with_the_printed_password(demo: Service) -> None:
    shown = [person for person in read_people() if person.shown_zh]
    with demo.store.read() as connection:
        for person in shown:
            account = account_of(connection, person.account)
            assert demo.passwords.is_right(account.password_hash, PASSWORD)
    assert {role for person in shown for role in person.roles} == {
        "operator",
        "regulator",
        "laboratory",
        "third_party_laboratory",
        "processor",
        "producer",
        "station",
        "service",
        "carrier",
        "shop",
    }


@pytest.mark.parametrize("today", [date(2026, 9, 14), date(2028, 3, 1)])
def test_the_county_can_be_built_on_any_day(tmp_path: Path, today: date) -> None:
    heard = build(tmp_path, today)
    assert heard == [(done, len(heard)) for done in range(1, len(heard) + 1)]
    with closing(opened(tmp_path, today)) as service:
        for state in STATES:
            assert passport_behind(service, state.key).verdict.level == state.level, state.key
        with service.store.read() as connection:
            last = connection.execute(select(tables.events.c.recorded_ms)).scalars().all()[-1]
            assert built_on(connection) == today
        assert beijing_date(last) == today - timedelta(days=1)


def test_two_buildings_on_one_day_with_the_same_randomness_are_the_same_log(
    demo: Service, tmp_path: Path
) -> None:
    build(tmp_path, TODAY)
    with closing(opened(tmp_path, TODAY)) as again:
        assert again.head.read() == demo.head.read()


def test_days_are_shifted_inside_codes_and_texts_but_not_in_ids() -> None:
    assert shift_text("LZ20260630-01", 2) == "LZ20260702-01"
    assert shift_text("2026-12-31T08:00:00+08:00", 1) == "2027-01-01T08:00:00+08:00"
    assert shift({"a": ["2026-02-28"], "b": 20260228}, 1) == {"a": ["2026-03-01"], "b": 20260228}
    assert shift_text("20260612-0000-4000-8000-000000000001", 5) == "20260612-0000-4000-8000-000000000001"


@pytest.mark.parametrize("text", ["9524418210013", "PD20081234", "20260230", "2026-1201", "120260612", "粤R"])
def test_a_number_that_is_no_day_stays(text: str) -> None:
    assert shift_text(text, 5) == text
