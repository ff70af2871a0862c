"""The component schemas of ``/openapi.json``, and the models of responses that only it needs."""

import re
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from herald.server.admin.overview import Overview
from herald.server.contracts.registered import Types, add_components, component_name
from herald.server.http.admin import TaskRecord
from herald.server.http.creation import TaskRequest
from herald.server.http.problems import ProblemBody
from herald.server.http.task_types import Registrations, TaskTypeList
from herald.server.http.tasks import ChangeRequest
from herald.server.http.tokens import TokenRequest
from herald.server.task_types import RegisteredType
from herald.shared.tasks.models import Model, PublicTask, Timestamp

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
    task_types: int
    """How many task types a worker runs now. The others are accepted, and wait."""


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
    TaskTypeList,
    Registrations,
    ProblemBody,
)


def ref(model: type[BaseModel]) -> Schema:
    """A reference to a model's component schema."""
    return {"$ref": REF.format(model=model.__name__)}


def schemas(types: Types) -> dict[str, Schema]:
    """The schemas of all request and response bodies, by name; ``types`` are those that can be started."""
    models: list[type[BaseModel]] = [TaskRequest, ChangeRequest, TokenRequest, *RESPONSES]
    _, generated = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=REF
    )
    components: dict[str, Schema] = generated["$defs"]
    requests = {each.record.type: _add_task_request(components, each) for each in types}
    if requests:
        components["TaskRequest"] = {
            "description": "Creates a task; `type` determines the fields of `payload`.",
            "oneOf": [{"$ref": reference} for reference in requests.values()],
            "discriminator": {"propertyName": "type", "mapping": requests},
        }
    return components


def _add_task_request(components: dict[str, Schema], registered: RegisteredType) -> str:
    """Add the body that creates a task of one type; returns the reference to it."""
    record, base = registered.record, components["TaskRequest"]
    words = "".join(part.capitalize() for part in re.split("[^A-Za-z0-9]", record.type))
    payload_name = component_name(record.payload_schema.get("title", f"{words}Payload"))
    payload = add_components(components, payload_name, record.payload_schema, REF)
    properties = base["properties"] | {
        "type": {"const": record.type, "type": "string"},
        "payload": {"$ref": REF.format(model=payload)},
    }
    title = f"{words}Request"
    description = f"Creates a task of the type `{record.type}`."
    request = base | {"title": title, "description": description, "properties": properties}
    return REF.format(model=add_components(components, title, request, REF))
