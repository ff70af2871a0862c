"""The results endpoints: what completed tasks have produced, and what they were started with."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from herald.server.auth.permissions import may_read, may_see
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import json_response, principal_of
from herald.shared.tasks.models import Task


async def result(request: Request) -> Response:
    """``GET /api/jobs/{taskId}/result``: the result of a task."""
    task = await _task(request)
    registered = dependencies_of(request).task_types.get(task.type)
    storage = registered and registered.record.storage
    found = await dependencies_of(request).store.results.result_of(task, storage)
    if found is None and task.result is None:
        raise Problem(404, f"This task is {task.status} and has no result")
    return json_response(found)


async def payload(request: Request) -> Response:
    """``GET /api/jobs/{taskId}/payload``: the payload of a task, with the defaults filled in."""
    return json_response((await _task(request)).payload)


async def _task(request: Request) -> Task:
    """The task in the path.

    Raises:
        Problem: 401; or 404, also for tasks of other users.
    """
    principal = await principal_of(request)
    task = await dependencies_of(request).store.get(request.path_params["task_id"])
    if task is None or not may_see(principal, task):
        raise Problem(404, "Task not found")
    return task


async def show(request: Request) -> Response:
    """``GET /api/{collection}/{id}``: one document of a task type's own collection."""
    principal = await principal_of(request)
    collection = request.path_params["collection"]
    document = await dependencies_of(request).store.results.get(collection, request.path_params["result_id"])
    if document is None or not may_read(principal, document):
        raise Problem(404, "Result not found")
    return json_response(document)


async def index(request: Request) -> Response:
    """``GET /api/{collection}?taskId=…``: all documents of a task in such a collection."""
    principal = await principal_of(request)
    collection = request.path_params["collection"]
    task_id = request.query_params.get("taskId")
    if not task_id:
        raise Problem(400, "Missing query parameter `taskId`: pass the id of the task")
    documents = await dependencies_of(request).store.results.of_task(collection, task_id)
    readable = [document for document in documents if may_read(principal, document)]
    if not readable:
        raise Problem(404, f"This task has no {collection}")
    return json_response({collection: readable})


class CollectionRoute(Route):
    """A route whose ``{collection}`` matches only where a registered task type stores its results."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        super().__init__(path, endpoint, methods=["GET"])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for such a collection."""
        match, child = super().matches(scope)
        if match is not Match.NONE:
            types = scope["state"]["dependencies"].task_types
            if types.storage(child["path_params"]["collection"]) is None:
                return Match.NONE, {}
        return match, child


ROUTES: list[BaseRoute] = [
    Route("/api/jobs/{task_id}/result", result, methods=["GET"]),
    Route("/api/jobs/{task_id}/payload", payload, methods=["GET"]),
]
COLLECTIONS: list[BaseRoute] = [
    CollectionRoute("/api/{collection}", index),
    CollectionRoute("/api/{collection}/{result_id}", show),
]
"""Come after all other routes."""
