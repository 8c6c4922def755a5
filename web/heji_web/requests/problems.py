"""What went wrong, as HTTP tells it: RFC 9457 problem details for programs, a readable page for people.

One shape on all routes: `type`, `title`, `status`, `detail` (in the reader's language), `code`, `detail_zh`,
`detail_en`, `request`; for what cannot be read `problems`, for what must be confirmed `questions`.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from flask import Flask, Response, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from heji_trace import errors, sentences
from heji_web.requests import kept_forms
from heji_web.requests.access import find_session
from heji_web.requests.headers import request_id
from heji_web.requests.languages import gettext, language
from heji_web.requests.metrics import the_metrics
from heji_web.service.service import the_service

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[errors.HejiError], HTTPStatus] = MappingProxyType(
    {
        errors.InvalidEvent: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.Unknown: HTTPStatus.NOT_FOUND,
        errors.NotSignedIn: HTTPStatus.UNAUTHORIZED,
        errors.NotAllowed: HTTPStatus.FORBIDDEN,
        errors.Conflict: HTTPStatus.CONFLICT,
        errors.NeedsAcknowledgement: HTTPStatus.CONFLICT,
        errors.BulkRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        errors.BadSignature: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.BadProof: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.BrokenChain: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.Untrusted: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.LedgerBusy: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.ServerUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
        errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
        errors.Misconfigured: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""The status of each error; a class below one of these has the same."""

# What Werkzeug refuses before any view, by the sentence that says it.
_CODES = {404: "no-such-page", 405: "method-not-allowed"}

_log = logging.getLogger("heji.web")


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """What must be confirmed; `pointer` is the row of an import that it is asked about, else empty."""

    pointer: str
    question: errors.Question


@dataclass(frozen=True, slots=True)
class ProblemAnswer:
    """A problem before it is written down for a program or a person; `kind` is the code of its class."""

    status: int
    kind: str
    code: str
    zh: str
    en: str
    problems: tuple[errors.Problem, ...] = ()
    questions: tuple[AskedQuestion, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def install_problems(app: Flask) -> None:
    """Answer every error of the application in the one shape."""
    app.register_error_handler(errors.HejiError, answer_error)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(Exception, answer_unexpected)


def status_of(error: errors.HejiError) -> HTTPStatus:
    """The status of an error, by its nearest class in the table."""
    return STATUS.get(_told_class(type(error)), HTTPStatus.INTERNAL_SERVER_ERROR)


def answer_error(error: errors.HejiError) -> AnyResponse:
    """Answer an error of the core; a stranger who opens a page is led to the sign-in."""
    if isinstance(error, errors.NotSignedIn) and wants_html() and request.method in ("GET", "HEAD"):
        return redirect(url_for("sign_in.show", next=_local_address()), HTTPStatus.SEE_OTHER)
    if (
        isinstance(error, errors.NotSignedIn)
        and wants_html()
        and error.code == errors.NotSignedIn.default_code
    ):
        # A person has no token, and wants to know what became of the form.
        error = errors.NotSignedIn("sign-in-first")
    if wants_html() and kept_forms.is_kept():
        if isinstance(error, errors.NotSignedIn):
            return _sign_in_with_form(problem_of(error))
        if error.code == "stale-form":
            return kept_forms.go_on(kept_forms.dump_fields(), _local_address(), status_of(error))
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s %s", request_id(), error.code)
    return answer(problem_of(error))


def _sign_in_with_form(problem: ProblemAnswer) -> Response:
    kept = kept_forms.dump_fields()
    page = render_template("sign_in.html", name="", refusal=problem, next=_local_address(), kept=kept)
    return make_response(page, problem.status)


def problem_of(error: errors.HejiError) -> ProblemAnswer:
    """The problem that an error of the core is told as."""
    headers: dict[str, str] = {}
    if isinstance(error, errors.NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, errors.TooMany):
        headers["Retry-After"] = str(error.retry_after)
    elif isinstance(error, errors.LedgerBusy):
        headers["Retry-After"] = "1"
    return ProblemAnswer(
        status_of(error),
        _told_class(type(error)).default_code,
        error.code,
        error.sentence("zh"),
        error.sentence("en"),
        tuple(problems_in(error)),
        tuple(questions_in(error)),
        headers,
    )


def problems_in(error: errors.HejiError) -> Iterator[errors.Problem]:
    """The problems of fields and, in an import, of rows: a row's pointers begin with its place from 0."""
    if isinstance(error, errors.InvalidEvent):
        yield from error.problems
    if not isinstance(error, errors.BulkRefused):
        return
    for row, refusal in error.rows:
        if isinstance(refusal, errors.InvalidEvent):
            for each in refusal.problems:
                yield replace(each, pointer=f"/{row}{each.pointer}")
        elif not isinstance(refusal, errors.NeedsAcknowledgement):
            yield errors.Problem(f"/{row}", refusal.code, dict(refusal.names))


def questions_in(error: errors.HejiError) -> Iterator[AskedQuestion]:
    """What must be confirmed before this can be recorded."""
    if isinstance(error, errors.NeedsAcknowledgement):
        for question in error.questions:
            yield AskedQuestion("", question)
    elif isinstance(error, errors.BulkRefused):
        for row, refusal in error.rows:
            for asked in questions_in(refusal):
                yield replace(asked, pointer=f"/{row}")


def answer_http_exception(error: HTTPException) -> AnyResponse:
    """Answer what Werkzeug refuses (no route, wrong method, foreign host, too large) in the same shape."""
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return make_response(error)  # a redirect
    if isinstance(error, RequestEntityTooLarge):
        return answer(problem_of(errors.TooLarge(size=sentences.size_said(request.max_content_length or 0))))
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_unexpected(getattr(error, "original_exception", None) or error)
    code = "bad-host" if isinstance(error, SecurityError) else _CODES.get(error.code, "bad-request")
    said = sentences.say_both(code, method=request.method)
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return answer(ProblemAnswer(error.code, code, code, said["zh"], said["en"], headers=headers))


def answer_unexpected(error: Exception) -> AnyResponse:
    """Answer a fault of ours: the sender gets a number, the log the place.

    The log has the class and the places but no message, which may hold what somebody sent.
    """
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    _log.error("%s %s at %s", request_id(), type(error).__qualname__, places)
    said = sentences.say_both("internal", request=request_id())
    return answer(
        ProblemAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "internal", said["zh"], said["en"])
    )


def answer(problem: ProblemAnswer) -> Response:
    """Write a problem down as the reader likes it."""
    the_metrics().count_problem(problem.code)
    if wants_html():
        page = render_template(
            "error.html", problem=problem, request_id=request_id(), way=_way_on(problem.status)
        )
        response = make_response(page)
    else:
        response = Response(json.dumps(dump_problem(problem), ensure_ascii=False), mimetype=MEDIA_TYPE)
    response.status_code = problem.status
    response.headers.update(problem.headers)
    return response


def _way_on(status: int) -> tuple[str, str] | None:
    """Where a person goes on from a refusal, by address and label; no session is looked for after a fault of ours."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    if status == HTTPStatus.UNAUTHORIZED:
        return url_for("sign_in.show", next=_page_above()), gettext("Go to the sign-in")
    if find_session() is not None:
        return url_for("home.desk"), gettext("Back to the desk")
    return url_for("consumer.ask"), gettext("Look up a code")


def _page_above() -> str:
    """The nearest address, this one or one above it, under which there is a page; "" where there is none."""
    adapter, path = current_app.create_url_adapter(request), request.path
    while adapter is not None and path.startswith("/desk/"):
        if adapter.test(path, "GET"):
            return path
        path = path.rpartition("/")[0]
    return ""


def dump_problem(problem: ProblemAnswer) -> dict[str, Any]:
    """The problem details; bulk answers and dry runs carry the same members."""
    document: dict[str, Any] = {
        "type": f"{the_service().settings.base_url}/api/docs#{problem.kind}",
        "title": HTTPStatus(problem.status).phrase,
        "status": int(problem.status),
        "detail": problem.zh if language() == "zh" else problem.en,
        "code": problem.code,
        "detail_zh": problem.zh,
        "detail_en": problem.en,
        "request": request_id(),
    }
    if problem.problems:
        document["problems"] = [dump_field_problem(each) for each in problem.problems]
    if problem.questions:
        document["questions"] = [
            dump_question(each.question) | ({"pointer": each.pointer} if each.pointer else {})
            for each in problem.questions
        ]
    return document


def dump_field_problem(problem: errors.Problem) -> dict[str, Any]:
    """One field's problem, with the line and heading of its cell where it came from a sheet."""
    document: dict[str, Any] = {
        "pointer": problem.pointer,
        "code": problem.code,
        "zh": problem.sentence("zh"),
        "en": problem.sentence("en"),
    }
    if problem.line is not None:
        document["line"] = problem.line
    if problem.column is not None:
        document["column"] = problem.column
    return document


def dump_question(question: errors.Question) -> dict[str, str]:
    """The code to acknowledge, and what is asked."""
    return {"code": question.code, "zh": question.sentence("zh"), "en": question.sentence("en")}


def wants_html() -> bool:
    """Whether a person reads the answer: a browser names HTML, and the API never answers with it."""
    if request.routing_exception and isinstance(request.routing_exception, SecurityError):
        return False  # no page can be drawn for a host that is not ours: it has no addresses
    if request.path.startswith(("/api/v1/", "/log/")) or request.path.endswith(".json"):
        return False
    accepted = request.accept_mimetypes
    return accepted["text/html"] > 0 and any(
        tag in ("text/html", "application/xhtml+xml") for tag, _ in accepted
    )


def _told_class(kind: type[errors.HejiError]) -> type[errors.HejiError]:
    """The class under which an error stands in the table: itself or the nearest above it."""
    above = (each for each in kind.__mro__ if issubclass(each, errors.HejiError) and each in STATUS)
    return next(above, errors.HejiError)


def _local_address() -> str:
    return request.full_path.rstrip("?")
