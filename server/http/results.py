"""The results endpoints: the documents that completed tasks have produced."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_read
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import json_response, principal_of
from herald.shared.tasks.task_types import TASK_TYPES


async def show(request: Request, collection: str) -> Response:
    """``GET /api/{collection}/{id}``, such as ``/api/mediaPlanGroups/{id}``: one document."""
    principal = await principal_of(request)
    document = await dependencies_of(request).store.results.get(collection, request.path_params["result_id"])
    if document is None or not may_read(principal, document):
        raise Problem(404, "Result not found")
    return json_response(document)


async def index(request: Request, collection: str) -> Response:
    """``GET /api/{collection}?taskId=…``, such as ``/api/personas?taskId=…``: all results of a task."""
    principal = await principal_of(request)
    task_id = request.query_params.get("taskId")
    if not task_id:
        raise Problem(400, "Missing query parameter `taskId`: pass the id of the task")
    documents = await dependencies_of(request).store.results.of_task(collection, task_id)
    readable = [document for document in documents if may_read(principal, document)]
    if not readable:
        raise Problem(404, f"This task has no {collection}")
    return json_response({collection: readable})


ROUTES: list[BaseRoute] = [
    route
    for collection in (task_type.collection for task_type in TASK_TYPES.values())
    for route in (
        Route(f"/api/{collection}", partial(index, collection=collection), methods=["GET"]),
        Route(f"/api/{collection}/{{result_id}}", partial(show, collection=collection), methods=["GET"]),
    )
]
