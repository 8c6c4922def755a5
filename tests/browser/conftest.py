"""Fixtures for walks in Debian's Chromium through a service that really listens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, sync_playwright

from browser.listening import listening
from browser.walks import DESKTOP, LOCALES, PHONE, SIZES, Walker
from county import County
from heji_web.service.settings import Settings

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One browser for all walks."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("there is no chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A port that the system picks."""
    return replace(settings, port=0)


@pytest.fixture
def address(app: Flask, settings: Settings) -> Iterator[str]:
    """Where the application listens, as long as the test takes."""
    with listening(app, settings) as address:
        yield address


@pytest.fixture
def screen(request: pytest.FixtureRequest) -> str:
    """The size of the screen: a small phone unless a test asks for more."""
    return str(getattr(request, "param", PHONE))


@pytest.fixture
def spoken(request: pytest.FixtureRequest) -> str:
    """The language of the person: Chinese unless a test asks for more."""
    return str(getattr(request, "param", "zh"))


@pytest.fixture
def arrive(
    chromium: Browser, address: str, screen: str, spoken: str, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Walker]]:
    """Lets a further person come, each at a browser of their own; what went wrong before any of them fails the test."""
    # A picture of a whole page takes longer than the page: only for who has named a folder for them.
    shots = Path(wanted) if (wanted := os.environ.get("SHOTS")) else None
    if shots is not None:
        shots.mkdir(parents=True, exist_ok=True)
    width, height = SIZES[screen]
    walkers: list[Walker] = []
    with ExitStack() as contexts:

        def come(*, script: bool = True) -> Walker:
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                has_touch=screen != DESKTOP,
                is_mobile=screen != DESKTOP,
                locale=LOCALES[spoken],
                timezone_id="Asia/Shanghai",
                java_script_enabled=script,
            )
            contexts.callback(context.close)
            context.set_default_timeout(5_000)
            label = "-".join([request.node.originalname.removeprefix("test_"), screen, spoken])
            walkers.append(Walker(context.new_page(), address, shots, label))
            return walkers[-1]

        yield come
    assert [fault for walker in walkers for fault in walker.faults] == []


@pytest.fixture
def walker(county: County, arrive: Callable[..., Walker]) -> Walker:
    """One person in a county that has been founded."""
    return arrive()
