"""The HTTP endpoints: tasks, their results, and development tokens."""

import hashlib
import json
from contextlib import nullcontext
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_manage, may_read, may_see
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.long_poll import until_changed
from herald.server.http.problems import Problem, shown
from herald.server.http.requests import (
    body_of,
    json_response,
    listing_of,
    names,
    page_body,
    principal_of,
    validated,
    versioned_response,
)
from herald.shared.observability import tracing
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import (
    EndReason,
    HistoryEntry,
    Model,
    Priority,
    PublicTask,
    Task,
    TaskStatus,
    may_become,
    new_task_id,
    now,
)
from herald.shared.tasks.store import IdempotencyConflictError
from herald.shared.tasks.task_types import TASK_TYPES

MAX_IDS = 100
"""Most tasks that one status check may ask for."""
MAX_IDEMPOTENCY_KEY = 255
STATUS_RETRY_AFTER_S = 2

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$",  # a token that names such a user or brand is refused
    ),
]


class TaskRequest(Model):
    """Body of ``POST /api/jobs``."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    type: str
    payload: dict[str, Any]
    priority: Priority = Priority.NORMAL
    brand_id: Name | None = None
    max_retries: int = Field(3, ge=0, le=10)


class ChangeRequest(Model):
    """Body of ``PATCH /api/jobs/{taskId}``."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    priority: Priority


class TokenRequest(Model):
    """Body of ``POST /api/token``."""

    user_id: Name = "demo"
    brands: list[Name] = Field([], max_length=50)
    scope: Literal["", "operator"] = ""
    """``operator`` for one who runs Herald."""


# Tasks


async def create(request: Request) -> Response:
    """``POST /api/jobs``: accept a task; 202 before any of its work is done."""
    if request.query_params.get("action", "create") != "create":
        raise Problem(400, "POST /api/jobs takes no other action than `create`")
    principal = await principal_of(request)
    wanted = validated(TaskRequest, await body_of(request))
    if wanted.brand_id is not None and wanted.brand_id not in principal.brands:
        raise _foreign_brand(wanted.brand_id)
    task_type = TASK_TYPES.get(wanted.type)
    if task_type is None:
        detail = f"Unknown task type; use one of {', '.join(TASK_TYPES)}; it is {shown(wanted.type)}"
        raise Problem(422, f"/type: {detail}", errors=[{"pointer": "/type", "detail": detail}])
    payload = validated(task_type.payload, wanted.payload, within="/payload")
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_IDEMPOTENCY_KEY:
        raise Problem(400, f"Idempotency-Key: 1 to {MAX_IDEMPOTENCY_KEY} characters")

    at = now()
    task = Task(
        task_id=new_task_id(),
        user_id=principal.user_id,
        brand_id=wanted.brand_id,
        type=wanted.type,
        payload=payload.model_dump(mode="json", by_alias=True),
        priority=wanted.priority,
        max_retries=wanted.max_retries,
        queued_at=at,
        created_at=at,
        updated_at=at,
        idempotency_key=key,
        traceparent=tracing.traceparent(),
        request_digest=_digest(wanted) if key is not None else None,
        history=[HistoryEntry(at=at, status=TaskStatus.QUEUED, by="user")],
    )
    dependencies = dependencies_of(request)
    try:
        async with dependencies.admission.reserve(principal.user_id, task.task_id, key):
            task, is_new = await dependencies.store.create(task)
    except IdempotencyConflictError:
        raise Problem(422, "this Idempotency-Key was used for another request; take a new one") from None
    afterwards = None
    if is_new:
        task, afterwards = await dependencies.admission.enqueue(task)
    headers = {"Location": f"/api/jobs/{task.task_id}"}
    return JSONResponse(task.public().wire(), 202, headers, background=afterwards)


async def index(request: Request) -> Response:
    """``GET /api/jobs``: the tasks of a user or a brand; with ``action=status``, those asked for."""
    principal = await principal_of(request)
    action, listing = request.query_params.get("action"), listing_of(request)
    if action == "status":
        return await _status(request, principal)
    if action is not None:
        raise Problem(400, "GET /api/jobs takes no other action than `status`")
    brand_id = request.query_params.get("brandId")
    if brand_id is not None and brand_id not in principal.brands:
        raise _foreign_brand(brand_id)
    page = await dependencies_of(request).store.queries.list_tasks(
        principal.user_id if brand_id is None else None,
        brand_id=brand_id,
        statuses=listing.statuses,
        limit=listing.limit,
        after=listing.after,
    )
    placed = await dependencies_of(request).admission.with_estimates(page.tasks)
    return JSONResponse(page_body(page._replace(tasks=placed)))


def _foreign_brand(brand_id: str) -> Problem:
    return Problem(403, f"your token's `brands` does not hold {brand_id!r}")


async def _status(request: Request, principal: Principal) -> Response:
    """``GET /api/jobs?action=status&taskIds=a,b``: what a client without a WebSocket asks."""
    given = request.query_params.getlist("taskIds")
    ids = names(given)
    if not ids or sum(value.count(",") + 1 for value in given) > MAX_IDS:
        raise Problem(400, f"taskIds: 1 to {MAX_IDS} ids, separated by commas")
    dependencies = dependencies_of(request)
    found = [task for task in await dependencies.store.queries.by_ids(ids) if may_see(principal, task)]
    tasks = {task.task_id: task for task in await dependencies.admission.with_estimates(found)}
    active = any(task.completed_at is None for task in tasks.values())
    headers = {"Retry-After": str(STATUS_RETRY_AFTER_S)} if active else {}
    body = {
        "tasks": [tasks[task_id].wire() for task_id in ids if task_id in tasks],
        "notFound": [task_id for task_id in ids if task_id not in tasks],
    }
    return versioned_response(request, body, tasks.values(), headers)


async def show(request: Request) -> Response:
    """``GET /api/jobs/{taskId}``; with ``Prefer: wait=…`` once it is other than what the client has."""

    async def answer() -> Response:
        [task] = await dependencies_of(request).admission.with_estimates([(await _visible_task(request))[0]])
        return versioned_response(request, task.wire(), [task], {})

    channel = str(Channel.task(request.path_params["task_id"]))
    return await until_changed(request, channel, answer)


async def change(request: Request) -> Response:
    """``PATCH /api/jobs/{taskId}`` ``{priority}``: move a task that waits to another place in the queue."""
    dependencies, (before, _) = dependencies_of(request), await _visible_task(request)
    wanted = validated(ChangeRequest, await body_of(request))
    task = await dependencies.store.set_priority(before.task_id, wanted.priority)
    if task is None:
        latest, _ = await _visible_task(request)
        raise Problem(
            409, f"the task is {latest.status}; only one that waits can be moved", taskStatus=latest.status
        )
    task = await dependencies.admission.move(task)
    return JSONResponse(task.public().wire())


async def cancel(request: Request) -> Response:
    """``POST /api/jobs/{taskId}/cancel``."""
    return await _user_transition(
        request,
        TaskStatus.CANCELLED,
        completed_at=now(),
        end_reason=EndReason.USER,
        retryable=True,
        next_retry_at=None,
        estimated_completion=None,
        current_step=None,
        current_step_index=None,
    )


async def retry(request: Request) -> Response:
    """``POST /api/jobs/{taskId}/retry``: queue an ended task again, keeping its finished steps."""
    return await _user_transition(
        request,
        TaskStatus.QUEUED,
        queued_at=now(),
        started_at=None,
        completed_at=None,
        end_reason=None,
        retryable=None,
        last_error=None,
        next_retry_at=None,
        estimated_completion=None,
        retry_count=0,
        current_step=None,
        current_step_index=None,
    )


async def _user_transition(request: Request, to: TaskStatus, **changes: Any) -> Response:
    before, who = await _visible_task(request)
    dependencies = dependencies_of(request)
    waits_again = to is TaskStatus.QUEUED and before.status in may_become(to)
    limited = waits_again and who == "user"  # an operator puts right what went wrong, whatever waits
    async with dependencies.admission.reserve(before.user_id, before.task_id) if limited else nullcontext():
        task = await dependencies.store.transition(before.task_id, to, by=who, **changes)
    if task is None:
        latest, _ = await _visible_task(request)
        raise Problem(
            409, f"the task is {latest.status}; it cannot become {to} now", taskStatus=latest.status
        )
    afterwards = None
    if to is TaskStatus.QUEUED:
        task, afterwards = await dependencies.admission.enqueue(task)
    else:
        await dependencies.admission.withdraw(task)
    return JSONResponse(task.public().wire(), background=afterwards)


async def _visible_task(request: Request) -> tuple[PublicTask, str]:
    """The task that the path names, and who is asking for it, as its history says it."""
    principal = await principal_of(request)
    found = await dependencies_of(request).store.queries.by_ids([request.path_params["task_id"]])
    if not found or not may_manage(principal, found[0]):
        raise Problem(404, "there is no such task")
    return found[0], "user" if may_see(principal, found[0]) else f"operator {principal.user_id}"


# Results


async def result(request: Request, collection: str) -> Response:
    """``GET /api/{collection}/{id}``, such as ``/api/mediaPlanGroups/{id}``."""
    principal = await principal_of(request)
    found = await dependencies_of(request).store.results.get(collection, request.path_params["result_id"])
    if found is None or not may_read(principal, found):
        raise Problem(404, "there is no such result")
    return json_response(found)


async def results(request: Request, collection: str) -> Response:
    """``GET /api/{collection}?taskId=…``, such as ``/api/personas?taskId=…``: all that a task has made."""
    principal = await principal_of(request)
    task_id = request.query_params.get("taskId")
    if not task_id:
        raise Problem(400, "taskId: name the task whose results you want")
    found = await dependencies_of(request).store.results.of_task(collection, task_id)
    mine = [document for document in found if may_read(principal, document)]
    if not mine:
        raise Problem(404, f"there are no {collection} of such a task")
    return json_response({collection: mine})


def _result_routes(collection: str) -> list[BaseRoute]:
    return [
        Route(f"/api/{collection}", partial(results, collection=collection), methods=["GET"]),
        Route(f"/api/{collection}/{{result_id}}", partial(result, collection=collection), methods=["GET"]),
    ]


# Tokens


async def token(request: Request) -> Response:
    """``POST /api/token``: a token for a demo user; only in development."""
    settings = dependencies_of(request).settings
    if settings.env != "dev":
        raise Problem(404, "tokens are handed out in development only")
    wanted = validated(TokenRequest, await body_of(request))
    issued = dependencies_of(request).issuer.issue(
        wanted.user_id, wanted.brands, settings.token_ttl_s, scope=wanted.scope
    )
    return JSONResponse({"token": issued, "userId": wanted.user_id, "expiresIn": settings.token_ttl_s})


async def revoke(request: Request) -> Response:
    """``POST /api/token/revoke``: log out everywhere; none of the user's earlier tokens works afterwards."""
    principal = await principal_of(request)
    await dependencies_of(request).revocations.revoke(principal)
    return Response(status_code=204)


def _digest(wanted: TaskRequest) -> str:
    canonical = json.dumps(wanted.wire(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


ROUTES: list[BaseRoute] = [
    Route("/api/jobs", create, methods=["POST"]),
    Route("/api/jobs", index, methods=["GET"]),
    Route("/api/jobs/{task_id}", show, methods=["GET"]),
    Route("/api/jobs/{task_id}", change, methods=["PATCH"]),
    Route("/api/jobs/{task_id}/cancel", cancel, methods=["POST"]),
    Route("/api/jobs/{task_id}/retry", retry, methods=["POST"]),
    *chain.from_iterable(_result_routes(task_type.collection) for task_type in TASK_TYPES.values()),
    Route("/api/token", token, methods=["POST"]),
    Route("/api/token/revoke", revoke, methods=["POST"]),
]
