from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from county import County
from heji_trace.backups.backup import check_backup
from heji_trace.errors import HejiError, Misconfigured, Untrusted
from heji_trace.vocabulary.times import moment_of
from heji_web.service.backups import DAY_MS, DailyBackups
from heji_web.service.service import Service
from heji_web.service.settings import Settings
from web.doors import Now


def quiet(_done: int) -> None:
    pass


def listed(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.heji.zip"))


def daily(service: Service, **changes: object) -> DailyBackups:
    settings: Settings = replace(service.settings, **changes)  # type: ignore[arg-type]
    return DailyBackups(settings, service.store, service.signer, service.recorder, service.clock)


@pytest.fixture
def folder(service: Service) -> Path:
    return service.settings.backup_folder


def test_one_is_made_when_there_is_none_and_then_one_a_day(county: County, folder: Path) -> None:
    backups = county.service.backups
    first = backups.back_up_when_due()
    assert first is not None
    assert backups.back_up_when_due() is None
    county.now.seconds += DAY_MS / 1000 - 2
    assert backups.back_up_when_due() is None
    county.now.seconds += 3
    second = backups.back_up_when_due()
    assert second is not None
    assert listed(folder) == [first.path, second.path]
    assert backups.age_ms(folder) is not None


def test_one_from_the_future_neither_stops_nor_hastens_those_to_come(county: County, folder: Path) -> None:
    backups = county.service.backups
    assert backups.back_up_when_due()
    county.now.seconds -= 3600
    assert backups.back_up_when_due()
    assert backups.back_up_when_due() is None
    assert backups.age_ms(folder) is not None


def test_backups_of_another_log_in_the_same_folder_do_not_count(county: County, folder: Path) -> None:
    folder.mkdir(parents=True)
    made = moment_of(county.service.clock.now_ms()).strftime("%Y%m%dT%H%M%SZ")
    (folder / f"other.example_log.7.{made}.heji.zip").write_text("another county's")
    assert county.service.backups.back_up_when_due()


def test_only_so_many_are_kept_in_each_folder(county: County, tmp_path: Path, folder: Path) -> None:
    (elsewhere := tmp_path / "drive").mkdir()
    backups = daily(county.service, backup_keep=2, backup_copy=elsewhere)
    for _ in range(4):
        assert backups.back_up_when_due()
        county.now.seconds += DAY_MS / 1000
    assert [len(listed(place)) for place in (folder, elsewhere)] == [2, 2]
    newest = listed(elsewhere)[-1]
    assert check_backup(newest, county.service.signer.verifier, quiet).manifest.size == county.size


def test_a_drive_that_is_not_mounted_is_a_fault_and_nothing_is_made_in_its_place(
    county: County, tmp_path: Path, folder: Path
) -> None:
    backups = daily(county.service, backup_copy=tmp_path / "drive", backup_keep=1)
    with pytest.raises(Misconfigured) as raised:
        backups.back_up_when_due()
    assert raised.value.code == "backup-copy-absent"
    assert not (tmp_path / "drive").exists()
    assert len(listed(folder)) == 1


def test_a_copy_is_made_as_soon_as_its_drive_is_there(county: County, tmp_path: Path, folder: Path) -> None:
    backups = daily(county.service, backup_copy=tmp_path / "drive", backup_keep=2)
    for _ in range(4):
        with pytest.raises(Misconfigured):
            backups.back_up_when_due()
        county.now.seconds += DAY_MS / 1000
    assert len(listed(folder)) == 2
    county.now.seconds -= 1000
    left = backups.fault = Misconfigured("backup-copy-absent", path=tmp_path / "drive")
    (tmp_path / "drive").mkdir()
    assert backups.back_up_when_due() is None
    assert backups.fault != left
    [copied] = listed(tmp_path / "drive")
    assert copied.name == listed(folder)[-1].name
    assert backups.back_up_when_due() is None


def test_none_are_made_where_the_settings_say_off(service: Service, folder: Path) -> None:
    assert daily(service, backup=None).back_up_when_due() is None
    assert not folder.exists()


def test_a_ledger_at_fault_takes_no_good_backup_s_place(county: County, folder: Path) -> None:
    assert county.service.backups.back_up_when_due()
    county.now.seconds += 2 * DAY_MS / 1000
    county.recorder.fault = Untrusted("head-missing")
    with pytest.raises(Untrusted):
        county.service.backups.back_up_when_due()
    assert len(listed(folder)) == 1


def test_two_processes_make_one(county: County, folder: Path) -> None:
    one, other = daily(county.service), daily(county.service)
    made = [one.back_up_when_due(), other.back_up_when_due()]
    assert len([each for each in made if each]) == 1
    assert len(listed(folder)) == 1


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heji_web.service.backups._FIRST_SECONDS", 0.01)
    monkeypatch.setattr("heji_web.service.backups._LOOK_SECONDS", 0.01)


def wait_for(backups: DailyBackups, folder: Path, *, faulty: bool) -> HejiError | None:
    for _ in range(1000):
        if (backups.fault is not None) is faulty and (faulty or listed(folder)):
            break
        backups._stopping.wait(0.01)
    return backups.fault


def test_the_thread_makes_them_by_itself_and_ends_when_told(
    hasty: None, service: Service, folder: Path
) -> None:
    backups = daily(service)
    backups.start()
    assert wait_for(backups, folder, faulty=False) is None
    backups.stop()
    assert len(listed(folder)) == 1


def test_the_thread_outlives_a_failure_and_forgets_it_after_a_success(
    hasty: None, service: Service, tmp_path: Path, now: Now
) -> None:
    (place := tmp_path / "place").write_text("in the way")
    backups = daily(service, backup=place)
    backups.start()
    fault = wait_for(backups, place, faulty=True)
    assert fault is not None
    assert fault.code == "backup-unwritable"
    place.unlink()
    assert wait_for(backups, place, faulty=False) is None
    backups.stop()
