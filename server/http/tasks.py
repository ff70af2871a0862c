"""The task endpoints: list, check, move, cancel and retry tasks."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_manage, may_see, may_use_brand
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.creation import deadline_of, foreign_brand
from herald.server.http.long_poll import until_changed
from herald.server.http.problems import Problem, shown
from herald.server.http.requests import (
    body_of,
    listing_of,
    names,
    page_body,
    principal_of,
    validated,
    versioned_response,
)
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import (
    EndReason,
    Model,
    Priority,
    PublicTask,
    TaskStatus,
    may_become,
    now,
)

MAX_IDS = 100
"""Maximum number of tasks in one status check."""
STATUS_RETRY_AFTER_S = 2


class ChangeRequest(Model):
    """Body of ``PATCH /api/jobs/{taskId}``."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid"
    )

    priority: Priority


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
        raise foreign_brand(brand_id)
    page = await dependencies_of(request).store.queries.list_tasks(
        principal.user_id if brand_id is None else None,
        brand_id=brand_id,
        statuses=listing.statuses,
        limit=listing.limit,
        after=listing.after,
    )
    tasks = await dependencies_of(request).admission.with_estimates(page.tasks)
    return JSONResponse(page_body(page._replace(tasks=tasks)))


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
        changes["deadline"] = deadline_of(dependencies.task_types.get(before.type), changes["queued_at"])
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


ROUTES: list[BaseRoute] = [
    Route("/api/jobs", index, methods=["GET"]),
    Route("/api/jobs/{task_id}", show, methods=["GET"]),
    Route("/api/jobs/{task_id}", change, methods=["PATCH"]),
    Route("/api/jobs/{task_id}/cancel", cancel, methods=["POST"]),
    Route("/api/jobs/{task_id}/retry", retry, methods=["POST"]),
]
