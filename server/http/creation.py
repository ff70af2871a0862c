"""The endpoint that creates tasks."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_start, may_use_brand
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import RETRY_AFTER_S, Problem, invalid_payload, shown
from herald.server.http.requests import Name, body_of, principal_of, validated
from herald.server.payloads.faults import InvalidPayloadError
from herald.server.task_types import RegisteredType, TaskTypes
from herald.shared.observability import tracing
from herald.shared.tasks.models import HistoryEntry, Model, Priority, Task, TaskStatus, new_task_id, now
from herald.shared.tasks.store import IdempotencyConflictError

MAX_IDEMPOTENCY_KEY = 255


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


async def create(request: Request) -> Response:
    """``POST /api/jobs``: store and queue a task; returns 202 before any work is done."""
    action = request.query_params.get("action", "create")
    if action != "create":
        raise Problem(400, f"Unknown action {shown(action)}; POST /api/jobs only supports `create`")
    principal = await principal_of(request)
    wanted = validated(TaskRequest, await body_of(request))
    if wanted.brand_id is not None and not may_use_brand(principal, wanted.brand_id):
        raise foreign_brand(wanted.brand_id)
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
        deadline=deadline_of(task_type, at),
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


def deadline_of(task_type: RegisteredType | None, queued_at: datetime) -> datetime | None:
    """When a task of this type that is queued at this time has to end; None for the setting's deadline."""
    deadline_s = task_type and task_type.record.options.deadline
    return None if deadline_s is None else queued_at + timedelta(seconds=deadline_s)


def foreign_brand(brand_id: str) -> Problem:
    """403: the token grants no access to this brand."""
    return Problem(403, f"Your token grants no access to brand {shown(brand_id)}")


def _digest(wanted: TaskRequest) -> str:
    """A fingerprint of the request, to detect a different request with the same key.

    What is not given counts as these values, as in requests that earlier versions have stored.
    """
    given = {"priority": Priority.NORMAL, "maxRetries": 3} | wanted.wire()
    canonical = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


ROUTES: list[BaseRoute] = [Route("/api/jobs", create, methods=["POST"])]
