"""The task endpoints: create, list, check, move, cancel and retry tasks."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_manage, may_see, may_start, may_use_brand
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.long_poll import until_changed
from herald.server.http.problems import RETRY_AFTER_S, Problem, invalid_payload, shown
from herald.server.http.requests import (
    Name,
    body_of,
    listing_of,
    names,
    page_body,
    principal_of,
    validated,
    versioned_response,
)
from herald.server.payloads.faults import InvalidPayloadError
from herald.server.task_types import RegisteredType, TaskTypes
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

MAX_IDS = 100
"""Maximum number of tasks in one status check."""
MAX_IDEMPOTENCY_KEY = 255
STATUS_RETRY_AFTER_S = 2


class TaskRequest(Model):
    """Body of ``POST /api/jobs``."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid"
    )

    type: str
    payload: dict[str, Any]
    priority: Priority | None = None
    """By default that of the task type."""
    brand_id: Name | None = None
    max_retries: int | None = Field(None, ge=0, le=10)
    """By default that of the task type."""


class ChangeRequest(Model):
    """Body of ``PATCH /api/jobs/{taskId}``."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid"
    )

    priority: Priority


async def create(request: Request) -> Response:
    """``POST /api/jobs``: store and queue a task; returns 202 before any work is done."""
    action = request.query_params.get("action", "create")
    if action != "create":
        raise Problem(400, f"Unknown action {shown(action)}; POST /api/jobs only supports `create`")
    principal = await principal_of(request)
    wanted = validated(TaskRequest, await body_of(request))
    if wanted.brand_id is not None and not may_use_brand(principal, wanted.brand_id):
        raise _foreign_brand(wanted.brand_id)
    task_type = _task_type(wanted.type, principal, dependencies_of(request).task_types)
    payload = _payload(task_type, wanted.payload)
    options = task_type.record.options
    key = request.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= MAX_IDEMPOTENCY_KEY:
        raise Problem(400, f"Idempotency-Key must have 1 to {MAX_IDEMPOTENCY_KEY} characters; got {len(key)}")

    at = now()
    task = Task(
        task_id=new_task_id(),
        user_id=principal.user_id,
        brand_id=wanted.brand_id,
        type=wanted.type,
        type_digest=task_type.record.digest,
        title=task_type.title_of(payload),
        payload=payload,
        priority=wanted.priority or options.priority,
        max_retries=options.retries if wanted.max_retries is None else wanted.max_retries,
        queued_at=at,
        deadline=_deadline(task_type, at),
        created_at=at,
        updated_at=at,
        idempotency_key=key,
        traceparent=tracing.traceparent(),
        request_digest=_digest(wanted) if key is not None else None,
        history=[HistoryEntry(at=at, status=TaskStatus.QUEUED, by=principal.actor)],
    )
    dependencies = dependencies_of(request)
    try:
        async with dependencies.admission.reserve(principal.user_id, task.task_id, key):
            task, is_new = await dependencies.store.create(task)
    except IdempotencyConflictError:
        raise Problem(
            422, "This Idempotency-Key was already used for a different request. Use a new key."
        ) from None
    afterwards = None
    if is_new:
        task, afterwards = await dependencies.admission.enqueue(task)
    headers = {"Location": f"/api/jobs/{task.task_id}"}
    return JSONResponse(task.public().wire(), 202, headers, background=afterwards)


def _task_type(name: str, principal: Principal, types: TaskTypes) -> RegisteredType:
    """The registered type of this name.

    Raises:
        Problem: 503 while no worker has announced any type; 422 for an unknown one; 404 for one that the
            principal may not start.
    """
    found = types.get(name)
    if found is not None:
        if not may_start(principal, found.record.options.start):
            raise Problem(404, f"No task type {shown(name)} that your token may start")
        return found
    if not types.all():
        raise Problem(
            503,
            "No worker has announced its task types yet. Try again.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
    known = ", ".join(each.record.type for each in types.startable_by(principal))
    detail = f"Unknown task type; expected one of {known}; got {shown(name)}"
    raise Problem(422, f"/type: {detail}", errors=[{"pointer": "/type", "detail": detail}])


def _payload(task_type: RegisteredType, payload: dict[str, Any]) -> dict[str, Any]:
    try:
        return task_type.payload.normalised(payload)
    except InvalidPayloadError as error:
        raise invalid_payload(error, payload, within="/payload") from None


def _deadline(task_type: RegisteredType | None, queued_at: datetime) -> datetime | None:
    deadline_s = task_type and task_type.record.options.deadline
    return None if deadline_s is None else queued_at + timedelta(seconds=deadline_s)


async def index(request: Request) -> Response:
    """``GET /api/jobs``: list a user's or a brand's tasks; with ``action=status``, check some by id."""
    principal = await principal_of(request)
    action, listing = request.query_params.get("action"), listing_of(request)
    if action == "status":
        return await _status(request, principal)
    if action is not None:
        raise Problem(400, f"Unknown action {shown(action)}; GET /api/jobs only supports `status`")
    brand_id = request.query_params.get("brandId")
    if brand_id is not None and not may_use_brand(principal, brand_id):
        raise _foreign_brand(brand_id)
    page = await dependencies_of(request).store.queries.list_tasks(
        principal.user_id if brand_id is None else None,
        brand_id=brand_id,
        statuses=listing.statuses,
        limit=listing.limit,
        after=listing.after,
    )
    tasks = await dependencies_of(request).admission.with_estimates(page.tasks)
    return JSONResponse(page_body(page._replace(tasks=tasks)))


def _foreign_brand(brand_id: str) -> Problem:
    return Problem(403, f"Your token grants no access to brand {shown(brand_id)}")


async def _status(request: Request, principal: Principal) -> Response:
    """``GET /api/jobs?action=status&taskIds=a,b``: check tasks by id, for clients without live events."""
    given = request.query_params.getlist("taskIds")
    ids, count = names(given), sum(value.count(",") + 1 for value in given)
    if not ids or count > MAX_IDS:
        raise Problem(
            400, f"taskIds must be 1 to {MAX_IDS} ids separated by commas; got {count if ids else 0}"
        )
    dependencies = dependencies_of(request)
    visible = [task for task in await dependencies.store.queries.by_ids(ids) if may_see(principal, task)]
    tasks = {task.task_id: task for task in await dependencies.admission.with_estimates(visible)}
    active = any(task.completed_at is None for task in tasks.values())
    headers = {"Retry-After": str(STATUS_RETRY_AFTER_S)} if active else {}
    body = {
        "tasks": [tasks[task_id].wire() for task_id in ids if task_id in tasks],
        "notFound": [task_id for task_id in ids if task_id not in tasks],
    }
    return versioned_response(request, body, tasks.values(), headers)


async def show(request: Request) -> Response:
    """``GET /api/jobs/{taskId}``: one task; with ``Prefer: wait=…``, as soon as it changes."""

    async def answer() -> Response:
        visible, _ = await _visible_task(request)
        [task] = await dependencies_of(request).admission.with_estimates([visible])
        return versioned_response(request, task.wire(), [task], {})

    channel = str(Channel.task(request.path_params["task_id"]))
    return await until_changed(request, channel, answer)


async def change(request: Request) -> Response:
    """``PATCH /api/jobs/{taskId}`` ``{priority}``: move a queued task by changing its priority."""
    dependencies, (before, _) = dependencies_of(request), await _visible_task(request)
    wanted = validated(ChangeRequest, await body_of(request))
    task = await dependencies.store.set_priority(before.task_id, wanted.priority)
    if task is None:
        latest, _ = await _visible_task(request)
        raise Problem(
            409,
            f"This task is {latest.status}; only the priority of a queued task can be changed",
            taskStatus=latest.status,
        )
    task = await dependencies.admission.move(task)
    return JSONResponse(task.public().wire())


async def cancel(request: Request) -> Response:
    """``POST /api/jobs/{taskId}/cancel``: cancel an active task."""
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
    """``POST /api/jobs/{taskId}/retry``: queue a failed or cancelled task again; completed steps are kept."""
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
    before, actor = await _visible_task(request)
    dependencies = dependencies_of(request)
    if to is TaskStatus.QUEUED:
        changes["deadline"] = _deadline(dependencies.task_types.get(before.type), changes["queued_at"])
    requeues = to is TaskStatus.QUEUED and before.status in may_become(to)
    limited = requeues and not actor.startswith("operator ")  # they may exceed the limit of queued tasks
    async with dependencies.admission.reserve(before.user_id, before.task_id) if limited else nullcontext():
        task = await dependencies.store.transition(before.task_id, to, by=actor, **changes)
    if task is None:
        latest, _ = await _visible_task(request)
        action = "cancelled" if to is TaskStatus.CANCELLED else "retried"
        detail = f"This task is {latest.status}; only {_any_of(may_become(to))} tasks can be {action}"
        raise Problem(409, detail, taskStatus=latest.status)
    afterwards = None
    if to is TaskStatus.QUEUED:
        task, afterwards = await dependencies.admission.enqueue(task)
    else:
        await dependencies.admission.withdraw(task)
    return JSONResponse(task.public().wire(), background=afterwards)


async def _visible_task(request: Request) -> tuple[PublicTask, str]:
    """The task in the path, and the caller as the task's history records them.

    Raises:
        Problem: 401; or 404, also for tasks of other users, so that ids cannot be probed.
    """
    principal = await principal_of(request)
    found = await dependencies_of(request).store.queries.by_ids([request.path_params["task_id"]])
    if not found or not may_manage(principal, found[0]):
        raise Problem(404, "Task not found")
    may = may_see(principal, found[0])
    return found[0], principal.actor if may else f"operator {principal.user_id}"


def _any_of(statuses: Iterable[TaskStatus]) -> str:
    *others, last = sorted(statuses)
    return f"{', '.join(others)} or {last}" if others else str(last)


def _digest(wanted: TaskRequest) -> str:
    """A fingerprint of the request, to detect a different request with the same key.

    What is not given counts as these values, as in requests that earlier versions have stored.
    """
    given = {"priority": Priority.NORMAL, "maxRetries": 3} | wanted.wire()
    canonical = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


ROUTES: list[BaseRoute] = [
    Route("/api/jobs", create, methods=["POST"]),
    Route("/api/jobs", index, methods=["GET"]),
    Route("/api/jobs/{task_id}", show, methods=["GET"]),
    Route("/api/jobs/{task_id}", change, methods=["PATCH"]),
    Route("/api/jobs/{task_id}/cancel", cancel, methods=["POST"]),
    Route("/api/jobs/{task_id}/retry", retry, methods=["POST"]),
]
