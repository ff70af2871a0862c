"""The fields that describe an HTTP operation, and the parameters and responses that several share."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from herald.server.contracts.components import Schema, ref
from herald.shared.tasks.models import PublicTask, TaskStatus
from herald.shared.tasks.queries import MAX_LISTED


class Reply(NamedTuple):
    """A response that is not an error."""

    status: int
    description: str
    schema: Schema | None = None
    headers: Mapping[str, str] = {}
    """Names of headers, and their descriptions."""
    media_type: str = "application/json"


class Operation(NamedTuple):
    """One method of one path."""

    method: Literal["get", "post", "patch"]
    path: str
    name: str
    summary: str
    description: str
    replies: tuple[Reply, ...]
    errors: tuple[int, ...] = ()
    """Status codes of error responses; 503 is added to every operation but ``/healthz``."""
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    public: bool = False
    """Whether it works without a user's token."""


def parameter(name: str, where: str, schema: Schema, description: str, *, required: bool = False) -> Schema:
    """A parameter; ``where`` is ``path``, ``query`` or ``header``."""
    return {"name": name, "in": where, "required": required, "description": description, "schema": schema}


def list_parameter(name: str, items: Schema, description: str, max_items: int | None = None) -> Schema:
    """A query parameter of several values, separated by commas."""
    schema = {"type": "array", "items": items} | ({"maxItems": max_items} if max_items else {})
    return {**parameter(name, "query", schema, description), "style": "form", "explode": False}


TASK = ref(PublicTask)
TASK_ID = parameter("taskId", "path", {"type": "string"}, "The task's id.", required=True)
IF_NONE_MATCH = parameter(
    "If-None-Match", "header", {"type": "string"}, "The `ETag` of your copy. If it is current, you get 304."
)
PAGE = (
    list_parameter(
        "status",
        {"enum": [str(status) for status in TaskStatus]},
        "Only tasks with one of these statuses, separated by commas.",
    ),
    parameter(
        "limit",
        "query",
        {"type": "integer", "minimum": 1, "maximum": MAX_LISTED},
        f"Maximum number of tasks to return, up to {MAX_LISTED}. Defaults to 50.",
    ),
    parameter(
        "after", "query", {"type": "string"}, "The cursor `after` from the previous page or from a snapshot."
    ),
)
NOT_MODIFIED = Reply(304, "Your copy is current.", None, {"ETag": "The version of the response."})
VERSIONED = {
    "ETag": "The version of the response, for `If-None-Match`.",
    "Preference-Applied": "`wait=N`, if the request was held.",
}
