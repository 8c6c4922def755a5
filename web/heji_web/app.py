"""The Flask application: the doors on one service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

from heji_web.api import doors, health, log, openapi
from heji_web.consumer import consumer
from heji_web.desks import home, label_desk, my_password, organisations, recalls, regulator, releases, sign_in
from heji_web.events import events, forms
from heji_web.events.described import local_time
from heji_web.files import blank_sheets, my_imports, upload
from heji_web.requests import metrics
from heji_web.requests.access import install_access
from heji_web.requests.headers import install_headers
from heji_web.requests.languages import install_languages
from heji_web.requests.logs import install_logs
from heji_web.requests.metrics import install_metrics
from heji_web.requests.problems import install_problems
from heji_web.service.service import EXTENSION, Service

_BLUEPRINTS = (
    *doors.BLUEPRINTS,
    health.blueprint,
    metrics.blueprint,
    openapi.blueprint,
    sign_in.blueprint,
    home.blueprint,
    consumer.blueprint,
    log.blueprint,
    forms.blueprint,
    events.blueprint,
    upload.blueprint,
    my_imports.blueprint,
    my_password.blueprint,
    blank_sheets.blueprint,
    regulator.blueprint,
    organisations.blueprint,
    recalls.blueprint,
    label_desk.blueprint,
    releases.blueprint,
)


_SORTED_LINE = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


class _JsonProvider(DefaultJSONProvider):
    """Flask's JSON, its answers written by orjson: the standard library's writer took as long as judging an event."""

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """The answer that holds the arguments, as `flask.jsonify` hands them on."""
        data = orjson.dumps(self._prepare_response_obj(args, kwargs), option=_SORTED_LINE)
        return Response(data, mimetype=self.mimetype)


class _Application(Flask):
    """Flask, told that every view and every hook is a plain function.

    It would ask that of each of them at each request, which cost as much as reading the request's JSON.
    """

    json_provider_class = _JsonProvider

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


def create_app(service: Service) -> Flask:
    """The application on a service that is open."""
    settings = service.settings
    app = _Application(__package__)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.body_limit,
        MAX_FORM_MEMORY_SIZE=settings.body_limit,
        TRUSTED_HOSTS=list(settings.trusted_hosts),
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.extensions[EXTENSION] = service
    # A line that holds only a tag leaves no blank line: pages are paid for by the byte.
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.url_map.strict_slashes = True
    install_languages(app)
    install_access(app)
    app.context_processor(
        lambda: {
            "demonstration": service.is_demonstration,
            "ledger_fault": service.recorder.fault,
            "given_at": lambda: local_time(service.clock.now_ms()),
        }
    )
    install_problems(app)
    install_headers(app, service.random, is_https=settings.is_https)
    install_logs(app, service)
    install_metrics(app, service)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=0
        )
    return app
