"""The operators' endpoints: the overview, and tasks of all users without their payloads."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import listing_of, page_body, principal_of
from herald.shared.tasks.models import HistoryEntry, PublicTask, Timestamp


class TaskRecord(PublicTask):
    """A task as operators see it: with its history, without its payload."""

    type_digest: str | None = None
    deadline: Timestamp | None = None
    traceback: str | None = None
    """The traceback of the last unexpected exception."""
    traceparent: str | None = None
    history: list[HistoryEntry]


async def _require_operator(request: Request) -> None:
    """Require a token whose ``scope`` includes ``operator``.

    Raises:
        Problem: 401 without a valid token, 403 without the scope.
    """
    if not (await principal_of(request)).is_operator:
        raise Problem(403, "Operators only: your token's `scope` does not include `operator`")


async def overview(request: Request) -> Response:
    """``GET /api/ops``: the current overview."""
    await _require_operator(request)
    return JSONResponse((await dependencies_of(request).overviews.read()).wire())


async def tasks(request: Request) -> Response:
    """``GET /api/ops/tasks``: tasks of all users, newest first."""
    await _require_operator(request)
    listing = listing_of(request)
    page = await dependencies_of(request).store.queries.search(
        listing.statuses, limit=listing.limit, after=listing.after
    )
    return JSONResponse(page_body(page))


async def task(request: Request) -> Response:
    """``GET /api/ops/tasks/{taskId}``: one task with its history."""
    await _require_operator(request)
    found = await dependencies_of(request).store.get(request.path_params["task_id"])
    if found is None:
        raise Problem(404, "Task not found")
    shown: dict[str, Any] = found.model_dump(include=set(TaskRecord.model_fields))
    return JSONResponse(TaskRecord.model_validate(shown).wire())


ROUTES: list[BaseRoute] = [
    Route("/api/ops", overview, methods=["GET"]),
    Route("/api/ops/tasks", tasks, methods=["GET"]),
    Route("/api/ops/tasks/{task_id}", task, methods=["GET"]),
]
