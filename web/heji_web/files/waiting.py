"""The page that waits for long work: a bar that moves by script, or by the page being asked for again."""

from __future__ import annotations

from typing import Any

from flask import render_template

from heji_web.requests.languages import gettext, ngettext
from heji_web.service.jobs import Job

PATIENCE = 2.0
"""Seconds that a request waits for work that it began; most files are done by then."""
GLANCE = 0.2
"""Seconds that a request waits for work that others began, before it shows how far that is."""


def progress_page(job: Job[Any], *, title: str, back: str, poll: str) -> str:
    """How far a job is; the page asks `poll` for more, and is asked for again when it is over."""
    return render_template("waiting.html", told=dump_progress(job), title=title, back=back, poll=poll)


def dump_progress(job: Job[Any] | None) -> dict[str, Any]:
    """How far a job is, for the script of the page and in words; one that nobody knows is over."""
    if job is None or job.is_over:
        return {"is_over": True, "percent": 100, "text": ""}
    progress = job.progress
    words = [_phase(progress.phase)]
    percent: int | None = None
    if progress.all:
        percent = int(100 * progress.share)
        words.append(f"{percent} %")
    if progress.done and progress.per_second >= 1:
        words.append(gettext("%(rate)s rows/s") % {"rate": f"{progress.per_second:,.0f}"})
    if progress.seconds_left is not None:
        words.append(_time_left(progress.seconds_left))
    return {
        "is_over": False,
        "phase": progress.phase,
        "percent": percent,
        "done": progress.done,
        "all": progress.all,
        "text": " · ".join(words),
    }


def _phase(name: str) -> str:
    match name:
        case "read":
            return gettext("Reading the file")
        case "check":
            return gettext("Checking against the ledger")
        case "record":
            return gettext("Recording")
        case "undo":
            return gettext("Taking back")
        case _:
            return gettext("Waiting for other files")


def _time_left(seconds: float) -> str:
    whole = max(1, round(seconds))
    if whole < 60:
        return ngettext("about %(number)s second left", "about %(number)s seconds left", whole) % {
            "number": whole
        }
    minutes = -(-whole // 60)
    return ngettext("about %(number)s minute left", "about %(number)s minutes left", minutes) % {
        "number": minutes
    }
