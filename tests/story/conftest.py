"""The demonstration county, built once for all tests of the story, on a day in the middle of a winter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from random import Random

import pytest

from heji_trace.ledger.head import HeadFile
from heji_trace.store.db import Store
from heji_trace.vocabulary.times import Clock, ms_of, parse_moment
from heji_web.demo.build import build_county
from heji_web.service.founding import found_log
from heji_web.service.service import Service, open_service
from heji_web.service.settings import read_settings
from web.doors import CHEAP

TODAY = date(2027, 1, 20)


def build(folder: Path, today: date, seed: int = 7) -> list[tuple[int, int]]:
    """Build the county as of `today`; what the progress heard."""
    settings = read_settings({"HEJI_DATA": str(folder)})
    random = Random(seed).randbytes
    signer = found_log(settings, "demo.localhost/demonstration", random)
    heard: list[tuple[int, int]] = []
    with closing(Store(settings.database_url)) as store:
        build_county(
            store,
            signer,
            HeadFile(settings.head, signer.verifier),
            passwords=CHEAP,
            random=random,
            today=today,
            progress=lambda done, total: heard.append((done, total)),
        )
    return heard


def opened(folder: Path, today: date) -> Service:
    """The service of a county, on the morning of a day."""
    seconds = ms_of(parse_moment(f"{today}T09:00:00+08:00")) / 1000
    service = open_service(
        read_settings({"HEJI_DATA": str(folder)}), Clock(lambda: seconds, lambda: seconds), passwords=CHEAP
    )
    service.start()
    return service


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The county as of `TODAY`; tests read it and add nothing that another would notice."""
    folder = tmp_path_factory.mktemp("county")
    build(folder, TODAY)
    with closing(opened(folder, TODAY)) as service:
        yield service
