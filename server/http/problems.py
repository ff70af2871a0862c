"""Errors as ``application/problem+json`` (RFC 9457)."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from herald.server.admission import QueueLimitError
from herald.server.auth.errors import KeysUnavailableError
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.models import Model, Open, TaskStatus

log = logging.getLogger(__name__)

FULL_RETRY_AFTER_S = 10
RETRY_AFTER_S = 5
MAX_FAULTS = 20
"""Wrong fields that one answer names."""
MAX_SHOWN = 60
"""Characters of a value or a name that an error shows."""
_ABOUT_THE_NAME = {"missing", "extra_forbidden"}
"""Faults that have nothing to do with the field's value."""


class Fault(Model):
    """What is wrong with one field."""

    pointer: str
    """Where in the body it is: a JSON pointer (RFC 6901)."""
    detail: str


class ProblemBody(Model):
    """The body of every error (RFC 9457)."""

    status: int
    title: str
    detail: str
    errors: list[Fault] | None = None
    task_status: Open[TaskStatus] | None = None
    """Where the task's own status is the reason."""


class Problem(Exception):  # noqa: N818  the standard's word
    """An answer to a request that cannot be served.

    ``detail`` says what was wrong, which value, and what to do; ``members`` are further fields of the body.
    """

    def __init__(
        self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        """The problem as a response."""
        body = {"status": self.status, "title": HTTPStatus(self.status).phrase, "detail": self.detail}
        return JSONResponse(
            body | self.members, self.status, self.headers, media_type="application/problem+json"
        )


def invalid(error: ValidationError, *, within: str = "") -> Problem:
    """422, naming the wrong fields by JSON pointers from the body's root; ``within`` is their first part.

    Of many wrong fields the first `MAX_FAULTS` are named, so that the answer is not as large as the request.
    """
    faults = error.errors(include_url=False)
    errors = [_fault(dict(fault), within) for fault in faults[:MAX_FAULTS]]
    first = errors[0]
    detail = f"{first['pointer'] or 'the body'}: {first['detail']}"
    if more := len(faults) - len(errors):
        detail += f" ({more} more fields are wrong)"
    return Problem(422, detail, errors=errors)


def _fault(fault: dict[str, Any], within: str) -> dict[str, str]:
    pointer = within + "".join(f"/{_pointer_part(part)}" for part in fault["loc"])
    detail = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] not in _ABOUT_THE_NAME:
        detail += f"; it is {shown(fault['input'])}"
    return {"pointer": pointer, "detail": detail}


def _pointer_part(part: object) -> str:
    return _shortened(str(part)).replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value of a request as an error shows it: as JSON, and of a long one the beginning."""
    return _shortened(json.dumps(value, ensure_ascii=False, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def unavailable(_: Request, error: Exception) -> Response:
    """503: a service behind us does not answer."""
    log.error("a service does not answer: %s", error)
    return Problem(
        503, "a service behind Herald does not answer; try again", headers={"Retry-After": str(RETRY_AFTER_S)}
    ).response()


def unreadable(_: Request, error: Exception) -> Response:
    """500: the one task that was asked for is stored in a form that we cannot read; it has been logged."""
    return Problem(500, str(error)).response()


def queue_full(_: Request, error: Exception) -> Response:
    """429: the user has as many queued tasks as allowed."""
    return Problem(429, str(error), headers={"Retry-After": str(FULL_RETRY_AFTER_S)}).response()


def of_problem(_: Request, error: Exception) -> Response:
    """The response of a `Problem` that was raised."""
    assert isinstance(error, Problem)  # noqa: S101  so it is registered
    return error.response()


def of_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: an unknown path, a wrong method."""
    assert isinstance(error, HTTPException)  # noqa: S101  so it is registered
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
    return Problem(error.status_code, error.detail, headers=headers).response()


def _methods_of(request: Request) -> set[str]:
    """The methods of a path, of which each may have a route of its own."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    fitting = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in fitting for method in route.methods or ()}


def of_bug(_: Request, __: Exception) -> Response:
    """500: our fault; Starlette logs it."""
    return Problem(500, "something broke on our side").response()


HANDLERS: dict[Any, Any] = {
    Problem: of_problem,
    HTTPException: of_http_exception,
    PyMongoError: unavailable,
    RedisError: unavailable,
    KeysUnavailableError: unavailable,
    UnreadableError: unreadable,
    QueueLimitError: queue_full,
    Exception: of_bug,
}
"""For Starlette's ``exception_handlers``."""
