"""What every endpoint reads from a request, and how it answers."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from pydantic import SecretStr, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from herald.server import strict_json
from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem, invalid
from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import Model, PublicTask, TaskStatus
from herald.shared.tasks.queries import MAX_LISTED

ModelT = TypeVar("ModelT", bound=Model)


def bearer_token(request: Request) -> str | None:
    """The token of the header ``Authorization: Bearer …``; None if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_secret(given: str, secret: SecretStr) -> bool:
    """Whether ``given``, a header's value, is the secret; how long that takes to tell says nothing of it."""
    return hmac.compare_digest(given.encode("latin-1"), secret.get_secret_value().encode())


async def principal_of(request: Request) -> Principal:
    """Who is asking.

    Raises:
        Problem: 401; no token, or a bad one.
    """
    token = bearer_token(request)
    try:
        if token is None:
            raise InvalidTokenError("send `Authorization: Bearer <token>`")
        return await dependencies_of(request).verifier.principal(token)
    except (InvalidTokenError, ExpiredTokenError) as error:
        raise Problem(401, str(error), headers={"WWW-Authenticate": "Bearer"}) from None


async def body_of(request: Request) -> Any:
    """The request's JSON.

    Raises:
        Problem: 413 if it is too large, 400 if it is not JSON (see `strict_json`) or ended early.
    """
    body = await read_body(request, dependencies_of(request).settings.max_body_bytes)
    try:
        return strict_json.decode(body)
    except ValueError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body, at most ``limit`` bytes, whether or not it declares its length.

    Raises:
        Problem: 413 if it is larger, 400 if the client left before its end.
    """
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise Problem(413, f"the body is larger than {limit} bytes")
    except ClientDisconnect:
        raise Problem(400, "the body ended early") from None
    return bytes(body)


def validated(model: type[ModelT], value: Any, *, within: str = "") -> ModelT:
    """``value`` (of JSON) as a ``model``, and nothing that only looks like it: no ``"3"`` or ``true`` for 3.

    ``within`` is where in the body it was, as a JSON pointer.

    Raises:
        Problem: 422, naming each wrong field.
    """
    try:
        return model.model_validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise invalid(error, within=within) from None


def names(values: Iterable[str]) -> list[str]:
    """The comma-separated names in query values, each once."""
    found = [name.strip() for value in values for name in value.split(",")]
    return list(dict.fromkeys(name for name in found if name))


class Listing(NamedTuple):
    """Which page of which tasks is asked for."""

    statuses: list[TaskStatus] | None
    limit: int
    after: str | None


def page_body(page: Page) -> dict[str, Any]:
    """The body of the answer to a listing; where more tasks may follow, it says after which one."""
    body: dict[str, Any] = {"tasks": [task.wire() for task in page.tasks]}
    return body if page.after is None else body | {"after": page.after}


def listing_of(request: Request) -> Listing:
    """The query parameters ``status``, ``limit`` and ``after``.

    Raises:
        Problem: 400, if one of them makes no sense.
    """
    query = request.query_params
    try:
        statuses = [TaskStatus(name) for name in names(query.getlist("status"))]
    except ValueError as error:
        raise Problem(400, f"status: {error}; it is one of {', '.join(TaskStatus)}") from None
    limit = query.get("limit", "50")
    if not (re.fullmatch("[0-9]{1,9}", limit) and 1 <= int(limit) <= MAX_LISTED):
        raise Problem(400, f"limit: {limit!r} is not a number from 1 to {MAX_LISTED}")
    return Listing(statuses or None, int(limit), query.get("after"))


def versioned_response(
    request: Request, body: dict[str, Any], tasks: Iterable[PublicTask], headers: dict[str, str]
) -> Response:
    """A response with an ``ETag``, or 304 if the client has it.

    The ``ETag`` is made from the tasks' revisions, positions, and expected starts as far as they matter.
    """
    versions = ",".join(sorted(map(_version, tasks)))
    etag = f'"{hashlib.sha256(versions.encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", **headers}
    known = [name.strip().removeprefix("W/") for name in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return JSONResponse(body, headers=headers)


def _version(task: PublicTask) -> str:
    """What changes when the task does; its expected start only when that moves by some ten seconds."""
    start = task.estimated_start
    return f"{task.task_id}.{task.rev}.{task.queue_position}.{start and round(start.timestamp() / 10)}"


def json_response(value: dict[str, Any]) -> Response:
    """A response of JSON values, and others of MongoDB's: times go out as RFC 3339, the rest as text."""
    return Response(json.dumps(value, default=_text), media_type="application/json")


def _text(value: Any) -> str:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
