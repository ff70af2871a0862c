"""Errors as ``application/problem+json`` (RFC 9457)."""

import json
import logging
from collections.abc import Iterable, Mapping
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
from herald.server.payloads.faults import InvalidPayloadError
from herald.shared.tasks.documents import UnreadableError
from herald.shared.tasks.models import Model, Open, TaskStatus

log = logging.getLogger(__name__)

FULL_RETRY_AFTER_S = 10
RETRY_AFTER_S = 5
MAX_FAULTS = 20
"""Maximum number of invalid fields listed in one response."""
MAX_SHOWN = 60
"""Maximum number of characters of a value or name quoted in an error."""
_WITHOUT_VALUE = {"missing", "extra_forbidden"}
"""Errors about a field's name, which quote no value."""
_MESSAGES = {
    "missing": "This field is required",
    "extra_forbidden": "Unknown field",
    "int_type": "Must be a whole number",
    "int_from_float": "Must be a whole number",
    "float_type": "Must be a number",
    "string_type": "Must be text",
    "list_type": "Must be a list",
    "string_too_short": "Must have at least {min_length} characters",
    "string_too_long": "Must have at most {max_length} characters",
    "too_short": "Must have at least {min_length} items",
    "too_long": "Must have at most {max_length} items",
    "greater_than_equal": "Must be at least {ge}",
    "less_than_equal": "Must be at most {le}",
    "date_from_datetime_parsing": "Must be a date such as 2027-01-31",
    "date_parsing": "Must be a date such as 2027-01-31",
}
"""By pydantic's type of the error, a message that a form can show; pydantic's own for all others."""


class Fault(Model):
    """One invalid field of the body."""

    pointer: str
    """Where the field is in the body, as a JSON pointer (RFC 6901)."""
    detail: str


class ProblemBody(Model):
    """The body of every error response (RFC 9457)."""

    status: int
    title: str
    detail: str
    errors: list[Fault] | None = None
    task_status: Open[TaskStatus] | None = None
    """The task's current status, if it is the reason for the error."""


class Problem(Exception):  # noqa: N818  RFC 9457's name
    """An error response; raise it anywhere below an endpoint.

    ``detail`` says what is wrong, names the value, and says what to do. ``members`` are added to the body.
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
    """422, listing the invalid fields by JSON pointers from the body's root; ``within`` prefixes each.

    Lists `MAX_FAULTS` fields at most, so that the response cannot be as large as the request.
    """
    faults = error.errors(include_url=False)
    return _invalid([_fault(dict(fault), within) for fault in faults[:MAX_FAULTS]], len(faults))


def invalid_payload(error: InvalidPayloadError, payload: Any, *, within: str) -> Problem:
    """422 for a payload that does not match the schema of its task type, like `invalid`."""
    errors = []
    for fault in error.faults[:MAX_FAULTS]:
        quoted = f"; got {shown(_at(payload, fault.path))}" if fault.names_value else ""
        errors.append({"pointer": _pointer(within, fault.path), "detail": fault.message + quoted})
    return _invalid(errors, len(error.faults))


def _invalid(errors: list[dict[str, str]], count: int) -> Problem:
    """422 with the first of ``count`` invalid fields in its detail."""
    first = errors[0]
    detail = f"{first['pointer'] or 'body'}: {first['detail']}"
    if more := count - len(errors):
        detail += f" (and {more} more errors)"
    return Problem(422, detail, errors=errors)


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _fault(fault: dict[str, Any], within: str) -> dict[str, str]:
    pointer = _pointer(within, fault["loc"])
    message, limits = _MESSAGES.get(fault["type"]), fault.get("ctx", {})
    if limits.get("min_length") == 1:
        detail = "Must not be empty"
    elif message is not None:
        detail = message.format(**limits)
    else:
        detail = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] not in _WITHOUT_VALUE:
        detail += f"; got {shown(fault['input'])}"
    return {"pointer": pointer, "detail": detail}


def _pointer(within: str, path: Iterable[object]) -> str:
    return within + "".join(f"/{_pointer_part(part)}" for part in path)


def _pointer_part(part: object) -> str:
    return _shortened(str(part)).replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value from a request as errors quote it: as JSON, cut to `MAX_SHOWN` characters."""
    return _shortened(json.dumps(value, ensure_ascii=False, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def unavailable(_: Request, error: Exception) -> Response:
    """503: MongoDB, Redis or the key server does not respond."""
    log.error("a backing service does not respond: %s", error)
    return Problem(
        503,
        "A service that Herald depends on does not respond. Try again.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    ).response()


def unreadable(_: Request, error: Exception) -> Response:
    """500: the stored task cannot be read by this version; already logged by `documents`."""
    return Problem(500, str(error)).response()


def queue_full(_: Request, error: Exception) -> Response:
    """429: the user has as many queued tasks as allowed."""
    return Problem(429, str(error), headers={"Retry-After": str(FULL_RETRY_AFTER_S)}).response()


def problem_response(_: Request, error: Exception) -> Response:
    """The response of a raised `Problem`."""
    assert isinstance(error, Problem)  # noqa: S101  as registered below
    return error.response()


def router_error(request: Request, error: Exception) -> Response:
    """404 or 405 from Starlette's router: an unknown path, or a method that the path does not support."""
    assert isinstance(error, HTTPException)  # noqa: S101  as registered below
    headers = dict(error.headers or {})
    detail = error.detail
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of(request)))
        detail = f"{request.method} is not supported here; use {headers['Allow']}"
    elif error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"No endpoint at {_shortened(request.url.path)}; see /docs"
    return Problem(error.status_code, detail, headers=headers).response()


def _methods_of(request: Request) -> set[str]:
    """The methods that the request's path supports; each may have its own route."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in route.methods or ()}


def internal_error(_: Request, __: Exception) -> Response:
    """500: a bug; Starlette logs its traceback."""
    return Problem(500, "Internal error. It has been logged.").response()


HANDLERS: dict[Any, Any] = {
    Problem: problem_response,
    HTTPException: router_error,
    PyMongoError: unavailable,
    RedisError: unavailable,
    KeysUnavailableError: unavailable,
    UnreadableError: unreadable,
    QueueLimitError: queue_full,
    Exception: internal_error,
}
"""For Starlette's ``exception_handlers``."""
