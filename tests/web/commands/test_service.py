from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace

import pytest

from county import County
from heji_trace.errors import Misconfigured
from heji_web.commands.service import check_fit_to_serve, serve_until_told
from heji_web.service.service import Service, open_service
from web.doors import CHEAP, Now


def test_a_port_that_another_has_is_told_and_nothing_is_served(service: Service) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        taken = replace(service, settings=replace(service.settings, port=port))
        told: list[str] = []
        with pytest.raises(Misconfigured) as refused:
            serve_until_told(taken, lambda: told.append("started"))
    assert told == [], "who is told that it started looks no further"
    assert refused.value.code == "port-taken"
    assert str(port) in refused.value.sentence("zh")


def test_a_ledger_that_may_not_be_continued_is_served_and_whoever_starts_it_is_told(
    county: County, now: Now, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    county.service.close()
    (county.service.settings.head / "head").unlink()
    with closing(open_service(county.service.settings, now.clock, passwords=CHEAP)) as reopened:
        check_fit_to_serve(reopened)
        fault = reopened.recorder.fault
        assert fault is not None
        assert fault.sentence("zh") in "".join(capsys.readouterr())
