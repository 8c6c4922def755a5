"""`/metrics`: figures for Prometheus, without any personal data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from ipaddress import ip_address
from threading import Lock
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from heji_trace.errors import HejiError
from heji_trace.store import tables
from heji_web.requests.access import author_of, check_role
from heji_web.requests.operations import TEXT, Answer, Operation
from heji_web.service.service import Service, the_service
from heji_web.service.settings import LOCAL_HOSTS

blueprint = Blueprint("metrics", __name__)

OPERATIONS = (
    Operation(
        "get",
        "/metrics",
        "health",
        "Prometheus 指标；只在本机或凭运营方令牌可读",
        "Figures for Prometheus; from this machine, or with an operator's token",
        {200: Answer("指标", "the figures", {"text/plain": TEXT})},
    ),
)

_EXTENSION = "heji-metrics"
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_COUNT_AGAIN_MS = 15_000


class Metrics:
    """The figures of one application."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_Ledger(service))
        self._durations = Histogram(
            "heji_request_seconds",
            "Time to answer a request, by its route",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._problems = Counter(
            "heji_problems",
            "Requests answered with a problem, by its code",
            ["code"],
            registry=self.registry,
        )
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Put a request into its bucket; statuses are counted by their hundreds."""
        # Anybody may send a method of his own making; each would be a figure of its own for ever.
        key = (method if method in _METHODS else "other", route, status // 100)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._durations.labels(*key[:2], f"{key[2]}xx")
        child.observe(seconds)

    def count_problem(self, code: str) -> None:
        """Count a problem that was answered."""
        self._problems.labels(code).inc()


class _Ledger(Collector):
    """What is read from the service when somebody asks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = Lock()
        self._counted_ms = -_COUNT_AGAIN_MS
        self._warnings: dict[str, int] | None = None

    def collect(self) -> Iterator[Metric]:
        """The figures as they are now."""
        service, recorder = self._service, self._service.recorder
        build = GaugeMetricFamily("heji_build_info", "The version that runs", labels=["version", "database"])
        build.add_metric([version("heji"), service.store.dialect], 1)
        yield build
        if recorder.is_alive or recorder.durable_size:
            # Until the database has answered once nobody knows how many there are, and a counter never goes back.
            yield CounterMetricFamily("heji_entries", "Entries of the ledger", value=recorder.durable_size)
        yield _groups(recorder.groups.sizes, recorder.groups.taken)
        yield GaugeMetricFamily("heji_queue_depth", "Statements that wait", value=recorder.groups.waiting)
        yield GaugeMetricFamily(
            "heji_recording",
            "1 while statements are taken",
            value=int(recorder.is_alive and recorder.fault is None and recorder.refusal is None),
        )
        age = service.head.age_seconds(service.clock.wall())
        if age is not None:
            yield GaugeMetricFamily("heji_head_age_seconds", "Since the head was last remembered", value=age)
        yield from self._backups()
        yield from self._database()

    def _backups(self) -> Iterator[Metric]:
        settings, backups = self._service.settings, self._service.backups
        ages = GaugeMetricFamily(
            "heji_backup_age_seconds", "Since the newest backup was made", labels=["folder"]
        )
        for name, folder in (("own", settings.backup), ("copy", settings.backup_copy)):
            # A drive that is away, or a folder of another account, must not take the other figures with it.
            with suppress(OSError):
                age = None if folder is None else backups.age_ms(folder)
                if age is not None:
                    ages.add_metric([name], age / 1000)
        yield ages
        yield GaugeMetricFamily(
            "heji_backup_failed", "1 where the last attempt failed", value=int(backups.fault is not None)
        )

    def _database(self) -> Iterator[Metric]:
        counted = self._counted()
        yield GaugeMetricFamily(
            "heji_database_up",
            "1 where the database answered when it was asked last",
            value=int(counted is not None),
        )
        live = GaugeMetricFamily("heji_live_warnings", "Warnings that stand, by their code", labels=["code"])
        for code, count in sorted((counted or {}).items()):
            live.add_metric([code], count)
        yield live

    def _counted(self) -> dict[str, int] | None:
        """Warnings by their code, or None where the database is silent; asked at most every few seconds."""
        with self._lock:
            now_ms = int(self._service.clock.monotonic() * 1000)
            if now_ms - self._counted_ms >= _COUNT_AGAIN_MS:
                counted = (
                    select(tables.warnings.c.code, func.count())
                    .where(tables.warnings.c.lifted_seq.is_(None))
                    .group_by(tables.warnings.c.code)
                )
                try:
                    with self._service.store.read() as connection:
                        self._warnings = {row.code: row[1] for row in connection.execute(counted)}
                except HejiError:
                    # The other figures are still wanted.
                    self._warnings = None
                self._counted_ms = now_ms
            return self._warnings


def _groups(sizes: list[int], grouped: int) -> Metric:
    """The histogram of the sizes of groups; place n counts those of fewer than 2^n statements."""
    buckets: list[tuple[str, float]] = []
    total = 0
    for place, count in enumerate(list(sizes)):
        total += count
        buckets.append((str(2**place - 1), total))
    buckets.append(("+Inf", total))
    return HistogramMetricFamily(
        "heji_group_size", "Statements that were recorded together", buckets=buckets, sum_value=grouped
    )


def install_metrics(app: Flask, service: Service) -> None:
    """Time the requests of this application."""
    app.extensions[_EXTENSION] = Metrics(service)
    app.after_request(_time_request)


def the_metrics() -> Metrics:
    """The figures of the application that answers this request."""
    return cast("Metrics", current_app.extensions[_EXTENSION])


@blueprint.get("/metrics")
def show() -> ResponseReturnValue:
    """The figures, for the machine itself or for a program of the operator; raises NotSignedIn, NotAllowed."""
    if not _is_local():
        check_role(author_of(request), "operator")
    return Response(generate_latest(the_metrics().registry), content_type=CONTENT_TYPE_LATEST)


def _is_local() -> bool:
    """Whether somebody on this machine asks for this machine: a proxy in front hands on the name it was asked for."""
    try:
        is_near = request.remote_addr is not None and ip_address(request.remote_addr).is_loopback
    except ValueError:
        return False
    return is_near and request.host.partition(":")[0] in LOCAL_HOSTS


def _time_request(response: Response) -> Response:
    if "began" in g:
        seconds = the_service().clock.monotonic() - g.began
        route = request.url_rule.rule if request.url_rule else "-"
        the_metrics().count_request(request.method, route, response.status_code, seconds)
    return response
