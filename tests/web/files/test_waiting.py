from __future__ import annotations

import threading
from collections.abc import Iterator
from time import monotonic

import pytest
from flask import Flask

from county import County
from heji_web.files import my_imports, upload
from heji_web.files.waiting import dump_progress
from heji_web.service.jobs import Job
from web.files.test_my_imports import record
from web.files.test_upload import HEADINGS, Uploader, harvest

# So long ago that the machine's own slowness changes no figure.
BEGUN_SECONDS_AGO = 1000


def at(phase: str, done: int, of_all: int) -> Job[str]:
    """A job that began its phase long ago and is now so far."""
    job: Job[str] = Job("check", lambda _job: "done", threading.Semaphore())
    job._phase = (phase, done, of_all, monotonic() - BEGUN_SECONDS_AGO)
    return job


def words(app: Flask, language: str, job: Job[str]) -> str:
    with app.test_request_context(f"/?lang={language}"):
        return str(dump_progress(job)["text"])


@pytest.mark.parametrize(
    "phase, zh, en",
    [
        ("read", "正在读取文件", "Reading the file"),
        ("check", "正在与账本核对", "Checking against the ledger"),
        ("record", "正在写入账本", "Recording"),
        ("undo", "正在撤回", "Taking back"),
        ("wait", "正在排队", "Waiting for other files"),
    ],
)
def test_each_phase_of_the_work_has_its_words(app: Flask, phase: str, zh: str, en: str) -> None:
    assert (words(app, "zh", at(phase, 0, 0)), words(app, "en", at(phase, 0, 0))) == (zh, en)


@pytest.mark.parametrize(
    "done, of_all, said",
    [
        (0, 500, "Reading the file · 0 %"),
        (3000, 3003, "Reading the file · 99 % · 3 rows/s · about 1 second left"),
        (3000, 3088, "Reading the file · 97 % · 3 rows/s · about 29 seconds left"),
        (3000, 3180, "Reading the file · 94 % · 3 rows/s · about 1 minute left"),
        (3000, 11910, "Reading the file · 25 % · 3 rows/s · about 50 minutes left"),
        # Where a row takes longer than a second, its speed says nothing to anybody.
        (500, 1012, "Reading the file · 49 % · about 18 minutes left"),
        (4_000_000, 0, "Reading the file · 4,000 rows/s"),
    ],
)
def test_the_part_that_is_done_the_speed_and_the_time_left_are_told_as_far_as_they_are_known(
    app: Flask, done: int, of_all: int, said: str
) -> None:
    assert words(app, "en", at("read", done, of_all)) == said


def test_what_nobody_works_on_is_over(app: Flask) -> None:
    with app.test_request_context("/"):
        assert dump_progress(None) == {"is_over": True, "percent": 100, "text": ""}


# --- pages that wait -------------------------------------------------------------------------------------------------


@pytest.fixture
def farmer(county: County) -> Uploader:
    return Uploader(county, "producer")


@pytest.fixture
def day(county: County) -> str:
    return county.at(24)[:10]


class Crowd:
    """Other people's files, which take both places at which work is done until they are let go."""

    def __init__(self, county: County) -> None:
        self._go = threading.Event()
        self._jobs = [
            county.service.jobs.start(("somebody", str(place)), "check", lambda _job: self._go.wait(60))
            for place in range(2)
        ]

    def leave(self) -> None:
        self._go.set()
        assert all(job.wait(60) for job in self._jobs)


@pytest.fixture
def crowd(county: County, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    """Nobody's patience is tried: a page that has to wait says so at once."""
    for module in (upload, my_imports):
        monkeypatch.setattr(module, "PATIENCE", 0.01)
        monkeypatch.setattr(module, "GLANCE", 0.01)
    crowd = Crowd(county)
    yield crowd
    crowd.leave()


def wait_for(farmer: Uploader, address: str) -> None:
    """Wait for the work on a file, as the page's script does."""
    job = farmer.county.service.jobs.find(
        (farmer.county.authors["producer"].account, address.rpartition("/")[2])
    )
    assert job is not None
    assert job.wait(60)


def test_a_file_whose_turn_has_not_come_shows_how_far_it_is_and_then_what_it_says(
    farmer: Uploader, crowd: Crowd, day: str
) -> None:
    address = farmer.upload(HEADINGS + harvest(day))
    for path in (address, f"{address}/errors.xlsx"):
        page = farmer.see(path)
        assert "正在排队" in page
        assert f'data-poll="{address}/progress.json"' in page
    told = farmer.client.get(f"{address}/progress.json").get_json()
    assert (told["is_over"], told["phase"], told["text"]) == (False, "wait", "正在排队")
    crowd.leave()
    wait_for(farmer, address)
    assert farmer.client.get(f"{address}/progress.json").get_json()["is_over"]
    assert "确认并记录 1 条" in farmer.see(address)


def test_what_is_recorded_while_others_wait_is_recorded_once_however_often_it_is_asked(
    farmer: Uploader, county: County, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = farmer.upload(HEADINGS + harvest(day))
    page, size = farmer.see(address), county.size
    monkeypatch.setattr(upload, "PATIENCE", 0.01)
    monkeypatch.setattr(upload, "GLANCE", 0.01)
    others = Crowd(county)
    for _ in range(3):
        answer = farmer.send(address, page, {"record": "1"})
        assert (answer.status_code, answer.headers["Location"]) == (303, address)
    assert county.size == size
    assert "正在排队" in farmer.see(address)
    others.leave()
    wait_for(farmer, address)
    assert county.size == size + 1
    assert "已记录。 共 1 条记录" in farmer.see(address)
    # Looked at again, by somebody with more patience, it is checked anew, and was recorded before.
    monkeypatch.undo()
    assert "以前已经记录过" in farmer.see(address)


def test_an_import_that_is_being_taken_back_shows_how_far_that_is_and_then_that_it_is_done(
    farmer: Uploader, county: County, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = record(farmer, HEADINGS + harvest(day))
    page, size = farmer.see(address), county.size
    monkeypatch.setattr(my_imports, "PATIENCE", 0.01)
    monkeypatch.setattr(my_imports, "GLANCE", 0.01)
    others = Crowd(county)
    assert farmer.send(f"{address}/undo", page, {"reason": "称错了"}).status_code == 303
    assert "正在排队" in farmer.see(address)
    told = farmer.client.get(f"{address}/progress.json").get_json()
    assert (told["is_over"], told["phase"]) == (False, "wait")
    others.leave()
    wait_for(farmer, address)
    assert county.size == size + 1
    assert "已全部撤回" in farmer.see(address)
