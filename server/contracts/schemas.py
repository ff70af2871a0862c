"""``/schemas``: tasks, events and payloads as standalone JSON Schema documents (2020-12)."""

from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.admin.overview import OverviewEvent
from herald.server.contracts.registered import startable_types
from herald.server.http.problems import Problem, ProblemBody, shown
from herald.shared.tasks.events import TaskDelta, TaskEmitted, TaskEvent, TaskSnapshot
from herald.shared.tasks.models import PublicTask

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MODELS: dict[str, type[BaseModel]] = {
    "task": PublicTask,
    "event": TaskEvent,
    "snapshot": TaskSnapshot,
    "delta": TaskDelta,
    "overview": OverviewEvent,
    "problem": ProblemBody,
    "emitted": TaskEmitted,
}
"""The models with a schema, by name; the name of a task type stands for its payload."""


async def _schemas(request: Request) -> dict[str, dict[str, Any]]:
    """All schemas that the request may see, as standalone documents by name."""
    found = {each.record.type: each.record.payload_schema for each in await startable_types(request)}
    found |= {
        name: model.model_json_schema(by_alias=True, mode="validation") for name, model in MODELS.items()
    }
    root = _root(request)
    return {
        name: {"$schema": DIALECT, "$id": f"{root}/schemas/{name}.json", **schema}
        for name, schema in found.items()
    }


async def index(request: Request) -> Response:
    """``GET /schemas``: the URL of every schema, by name."""
    return JSONResponse({name: schema["$id"] for name, schema in (await _schemas(request)).items()})


async def show(request: Request) -> Response:
    """``GET /schemas/{name}.json``: one schema."""
    name, found = request.path_params["name"], await _schemas(request)
    if name not in found:
        raise Problem(404, f"No schema named {shown(name)}; available: {', '.join(found)}")
    return JSONResponse(found[name], media_type="application/schema+json")


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/")


ROUTES: list[BaseRoute] = [
    Route("/schemas", index, methods=["GET"]),
    Route("/schemas/{name}.json", show, methods=["GET"]),
]
