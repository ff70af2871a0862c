"""``/schemas``: tasks, events and payloads as standalone JSON Schema documents (2020-12)."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.admin.overview import OverviewEvent
from herald.server.http.problems import Problem, ProblemBody, shown
from herald.shared.tasks.events import TaskDelta, TaskEvent, TaskSnapshot
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.task_types import TASK_TYPES

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MODELS: dict[str, type[BaseModel]] = {
    "task": PublicTask,
    "event": TaskEvent,
    "snapshot": TaskSnapshot,
    "delta": TaskDelta,
    "overview": OverviewEvent,
    "problem": ProblemBody,
    **{name: task_type.payload for name, task_type in TASK_TYPES.items()},
}
"""The models with a schema, by name; the name of a task type stands for its payload."""


def schema(name: str, root: str) -> dict[str, Any]:
    """The schema of ``MODELS[name]``; ``root`` is the URL of the server."""
    generated = MODELS[name].model_json_schema(by_alias=True, mode="validation")
    return {"$schema": DIALECT, "$id": f"{root}/schemas/{name}.json", **generated}


async def index(request: Request) -> Response:
    """``GET /schemas``: the URL of every schema, by name."""
    root = str(request.base_url).rstrip("/")
    return JSONResponse({name: f"{root}/schemas/{name}.json" for name in MODELS})


async def show(request: Request) -> Response:
    """``GET /schemas/{name}.json``: one schema."""
    name = request.path_params["name"]
    if name not in MODELS:
        raise Problem(404, f"No schema named {shown(name)}; available: {', '.join(MODELS)}")
    document = schema(name, str(request.base_url).rstrip("/"))
    return JSONResponse(document, media_type="application/schema+json")


ROUTES: list[BaseRoute] = [
    Route("/schemas", index, methods=["GET"]),
    Route("/schemas/{name}.json", show, methods=["GET"]),
]
