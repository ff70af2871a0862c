"""Reads requests (token, body, query) and builds responses; shared by all endpoints."""

import hashlib
import hmac
import json
import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import SecretStr, StringConstraints, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from herald.server import strict_json
from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError
from herald.server.auth.principal import SERVICE, Principal
from herald.server.auth.verify import NAMES, is_name
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem, invalid, shown
from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import Model, PublicTask, TaskStatus
from herald.shared.tasks.queries import MAX_LISTED

ModelT = TypeVar("ModelT", bound=Model)

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$",  # as in a token's claims
    ),
]


def bearer_token(request: Request) -> str | None:
    """The token in ``Authorization: Bearer …``, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_secret(given: str, secret: SecretStr) -> bool:
    """Whether a header's value equals the secret; compared in constant time."""
    return hmac.compare_digest(given.encode("latin-1"), secret.get_secret_value().encode())


async def principal_of(request: Request) -> Principal:
    """The authenticated user; with the header ``Herald-User``, that user with the rights of a service.

    Raises:
        Problem: 401 if the token is missing, invalid or expired; 400 if it may not act for a user.
    """
    token = bearer_token(request)
    try:
        if token is None:
            raise InvalidTokenError("Missing token; send `Authorization: Bearer <token>`")
        principal = await dependencies_of(request).verifier.principal(token)
    except (InvalidTokenError, ExpiredTokenError) as error:
        raise Problem(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None
    user_id = request.headers.get("herald-user")
    return principal if user_id is None else _acting_for(user_id, principal)


async def principal_if_any(request: Request) -> Principal | None:
    """The authenticated user; None without a token, for endpoints that are public.

    Raises:
        Problem: as `principal_of`, if there is a token.
    """
    return None if bearer_token(request) is None else await principal_of(request)


def _acting_for(header: str, principal: Principal) -> Principal:
    """A service acting for the user that its header ``Herald-User`` names, in UTF-8."""
    if SERVICE not in principal.scopes:
        raise Problem(400, f"Herald-User needs a token whose `scope` includes `{SERVICE}`; remove the header")
    try:
        user_id = header.encode("latin-1").decode()
    except UnicodeDecodeError:
        raise Problem(400, "Herald-User must be encoded in UTF-8") from None
    if not (user_id and is_name(user_id)):
        raise Problem(400, f"Herald-User must be a user's id of {NAMES}; got {shown(user_id)}")
    return principal.acting_for(user_id)


async def body_of(request: Request) -> Any:
    """The request's body, decoded from JSON.

    Raises:
        Problem: 413 if it is too large; 400 if it is incomplete or not valid JSON (see `strict_json`).
    """
    body = await read_body(request, dependencies_of(request).settings.max_body_bytes)
    try:
        return strict_json.decode(body)
    except ValueError as error:
        raise Problem(400, f"The body is not valid JSON: {error}") from None


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body of at most ``limit`` bytes; counts what arrives, not what the headers declare.

    Raises:
        Problem: 413 if it is larger; 400 if the client disconnects before its end.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise Problem(413, f"The body is larger than {limit} bytes")
    except ClientDisconnect:
        raise Problem(400, "The connection was closed before the body was complete") from None
    return bytes(body)


def validated(model: type[ModelT], value: Any, *, within: str = "") -> ModelT:
    """Validate a decoded JSON value strictly: neither ``"3"`` nor ``true`` is accepted for 3.

    ``within`` is the JSON pointer to ``value`` in the body; errors are reported below it.

    Raises:
        Problem: 422, listing the invalid fields.
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise invalid(error, within=within) from None


def names(values: Iterable[str]) -> list[str]:
    """Split comma-separated query values into their distinct, non-empty names."""
    split = [name.strip() for value in values for name in value.split(",")]
    return list(dict.fromkeys(name for name in split if name))


class Listing(NamedTuple):
    """The query of a listing: filter, page size and cursor."""

    statuses: list[TaskStatus] | None
    limit: int
    after: str | None


def page_body(page: Page) -> dict[str, Any]:
    """The body of a listing; ``after`` is the cursor of the next page, if there may be one."""
    body: dict[str, Any] = {"tasks": [task.wire() for task in page.tasks]}
    return body if page.after is None else body | {"after": page.after}


def listing_of(request: Request) -> Listing:
    """The query parameters ``status``, ``limit`` and ``after``.

    Raises:
        Problem: 400; an unknown status, or a limit out of range.
    """
    query = request.query_params
    statuses = names(query.getlist("status"))
    if unknown := [name for name in statuses if name not in set(TaskStatus)]:
        raise Problem(400, f"Unknown status {shown(unknown[0])}; expected one of {', '.join(TaskStatus)}")
    limit = query.get("limit", "50")
    if not (re.fullmatch("[0-9]{1,9}", limit) and 1 <= int(limit) <= MAX_LISTED):
        raise Problem(400, f"limit must be a number from 1 to {MAX_LISTED}; got {shown(limit)}")
    return Listing([TaskStatus(name) for name in statuses] or None, int(limit), query.get("after"))


def versioned_response(
    request: Request, body: dict[str, Any], tasks: Iterable[PublicTask], headers: dict[str, str]
) -> Response:
    """A response with an ``ETag``, or 304 if it matches the request's ``If-None-Match``.

    The ``ETag`` covers the revisions, queue positions and estimated starts of ``tasks``.
    """
    versions = ",".join(sorted(map(_version, tasks)))
    etag = f'"{hashlib.sha256(versions.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", **headers}
    known = [name.strip().removeprefix("W/") for name in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def _version(task: PublicTask) -> str:
    """A task's part of the ``ETag``; the estimated start fluctuates, so it counts in steps of ten seconds."""
    start = task.estimated_start
    return f"{task.task_id}.{task.rev}.{task.queue_position}.{start and round(start.timestamp() / 10)}"


def json_response(value: Any) -> Response:
    """A JSON response with a MongoDB document: times in RFC 3339, other values that JSON lacks as text."""
    try:
        body = json.dumps(value, default=_text, allow_nan=False)
    except ValueError:
        body = json.dumps(_finite(value), default=_text)
    return Response(body, media_type="application/json")


def _finite(value: Any) -> Any:
    """``value`` with "NaN", "Infinity" and "-Infinity" in place of the numbers, which JSON lacks."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {name: _finite(each) for name, each in value.items()}
        case list():
            return [_finite(each) for each in value]
        case _:
            return value


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
