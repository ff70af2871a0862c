"""The component schemas of ``/openapi.json``, and the models of responses that only it needs."""

from typing import Any, Literal

from pydantic import BaseModel, create_model
from pydantic.json_schema import models_json_schema

from herald.server.admin.overview import Overview
from herald.server.http.admin import TaskRecord
from herald.server.http.problems import ProblemBody
from herald.server.http.tasks import ChangeRequest, TaskRequest
from herald.server.http.tokens import TokenRequest
from herald.shared.tasks.models import Model, PublicTask, Timestamp
from herald.shared.tasks.task_types import TASK_TYPES

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]


class TaskList(Model):
    """A page of tasks, newest first.

    If `after` is present, there may be another page, even if this one has fewer than `limit` tasks.
    """

    tasks: list[PublicTask]
    after: str | None = None


class StatusCheck(Model):
    """The requested tasks, and the ids that match no task you may see."""

    tasks: list[PublicTask]
    not_found: list[str]


class Token(Model):
    """A development token; `expiresIn` is its lifetime in seconds."""

    token: str
    user_id: str
    expires_in: int


class Health(Model):
    """The liveness of the process, with its number of connected clients."""

    status: Literal["ok"]
    connections: int


class Readiness(Model):
    """Whether the process can serve requests, and whether each of its dependencies responds."""

    status: Literal["ok", "not ready"]
    mongo: str
    redis: str
    feed: str


class ResultDocument(Model):
    """A result of a task: these fields, and those of the task's type."""

    task_id: str
    user_id: str
    brand_id: str | None = None
    created_at: Timestamp
    provider: str | None = None


RESPONSES: tuple[type[BaseModel], ...] = (
    PublicTask,
    TaskList,
    TaskRecord,
    StatusCheck,
    Overview,
    Token,
    Health,
    Readiness,
    ResultDocument,
    ProblemBody,
)


def ref(model: type[BaseModel]) -> Schema:
    """A reference to a model's component schema."""
    return {"$ref": REF.format(model=model.__name__)}


def schemas() -> dict[str, Schema]:
    """The schemas of all request and response bodies, by name."""
    requests = [_task_request(name) for name in TASK_TYPES]
    models: list[type[BaseModel]] = [*requests, ChangeRequest, TokenRequest, *RESPONSES]
    _, generated = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=REF
    )
    components: dict[str, Schema] = generated["$defs"]
    components["TaskRequest"] = {
        "description": "Creates a task; `type` determines the fields of `payload`.",
        "oneOf": [ref(request) for request in requests],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                name: REF.format(model=request.__name__)
                for name, request in zip(TASK_TYPES, requests, strict=True)
            },
        },
    }
    return components


def _task_request(name: str) -> type[BaseModel]:
    """The body that creates a task of one type."""
    title = "".join(part.capitalize() for part in name.split("_")) + "Request"
    fields: dict[str, Any] = {"type": (Literal[name], ...), "payload": (TASK_TYPES[name].payload, ...)}
    description = f"Creates a task of the type `{name}`."
    return create_model(title, __base__=TaskRequest, __doc__=description, **fields)
