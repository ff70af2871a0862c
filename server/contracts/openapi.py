"""``/openapi.json``: the HTTP interface as OpenAPI 3.1, from the models that the endpoints use."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, create_model
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.admin.overview import Overview
from herald.server.http.admin import TaskRecord
from herald.server.http.long_poll import MAX_WAIT_S
from herald.server.http.problems import ProblemBody
from herald.server.http.tasks import MAX_IDEMPOTENCY_KEY, MAX_IDS, ChangeRequest, TaskRequest
from herald.server.http.tokens import TokenRequest
from herald.shared.tasks.models import Model, PublicTask, TaskStatus, Timestamp
from herald.shared.tasks.store import MAX_LISTED
from herald.shared.tasks.task_types import TASK_TYPES

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]


class TaskList(Model):
    """Tasks, newest first. If there is an ``after``, more may follow, even after fewer than ``limit``."""

    tasks: list[PublicTask]
    after: str | None = None


class StatusCheck(Model):
    """How tasks are doing, and which of those asked for there are none of."""

    tasks: list[PublicTask]
    not_found: list[str]


class Token(Model):
    """A development token, and how many seconds it lasts."""

    token: str
    user_id: str
    expires_in: int


class Health(Model):
    """The process lives."""

    status: Literal["ok"]
    connections: int


class Readiness(Model):
    """Which of the dependencies behind the process answer."""

    status: Literal["ok", "not ready"]
    mongo: str
    redis: str
    feed: str


class ResultDocument(Model):
    """Something a task has made; beside these fields it has what its type makes."""

    task_id: str
    user_id: str
    brand_id: str | None = None
    created_at: Timestamp
    provider: str | None = None


class Answer(NamedTuple):
    """A response that is no problem."""

    status: int
    told: str
    schema: Schema | None = None
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"


class Operation(NamedTuple):
    """One method of one path."""

    method: Literal["get", "post", "patch"]
    path: str
    name: str
    told: str
    answers: tuple[Answer, ...]
    problems: tuple[int, ...] = ()
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    public: bool = False


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": REF.format(model=model.__name__)}


def _parameter(name: str, where: str, schema: Schema, told: str, *, required: bool = False) -> Schema:
    return {"name": name, "in": where, "required": required, "description": told, "schema": schema}


def _names(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _list(name: str, of: Schema, told: str, most: int | None = None) -> Schema:
    """A query parameter of several values, separated by commas."""
    schema = {**_names(of), **({"maxItems": most} if most else {})}
    return {**_parameter(name, "query", schema, told), "style": "form", "explode": False}


TASK_ID = _parameter("taskId", "path", {"type": "string"}, "The task", required=True)
IF_NONE_MATCH = _parameter("If-None-Match", "header", {"type": "string"}, "The `ETag` of what you have")
PAGE = (
    _list("status", {"enum": [str(status) for status in TaskStatus]}, "Only tasks of these"),
    _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": MAX_LISTED}, "How many"),
    _parameter("after", "query", {"type": "string"}, "That of the page before, or of a snapshot"),
)
TASK = _ref(PublicTask)
UNCHANGED = Answer(304, "What you have is the newest", None, {"ETag": "The version"})
VERSIONED = {
    "ETag": "The version, for `If-None-Match`",
    "Preference-Applied": "`wait=N`, if it was waited for",
}

OPERATIONS = (
    Operation(
        "post",
        "/api/jobs",
        "createTask",
        "Accept a task. The answer comes before any of its work is done.",
        (Answer(202, "It is accepted", TASK, {"Location": "Where the task is"}),),
        (400, 401, 403, 413, 422, 429),
        (
            _parameter("action", "query", {"const": "create"}, "May be said, and changes nothing"),
            _parameter(
                "Idempotency-Key",
                "header",
                {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
                "Sent twice with one key, a request makes one task",
            ),
        ),
        {"$ref": REF.format(model="TaskRequest")},
    ),
    Operation(
        "get",
        "/api/jobs",
        "listTasks",
        "Your tasks or a brand's, newest first; or, with `action=status`, how certain tasks are doing.",
        (
            Answer(
                200,
                "The tasks",
                {"anyOf": [_ref(TaskList), _ref(StatusCheck)]},
                {"ETag": "With `action=status`: the version", "Retry-After": "When to ask again, in seconds"},
            ),
            UNCHANGED,
        ),
        (400, 401, 403),
        (
            _parameter(
                "brandId", "query", {"type": "string"}, "The tasks of this brand, whoever started them"
            ),
            _parameter("action", "query", {"const": "status"}, "Ask for the tasks of `taskIds`"),
            _list("taskIds", {"type": "string"}, "With `action=status`: which tasks", MAX_IDS),
            *PAGE,
            IF_NONE_MATCH,
        ),
    ),
    Operation(
        "get",
        "/api/jobs/{taskId}",
        "getTask",
        "One task.",
        (Answer(200, "The task", TASK, VERSIONED), UNCHANGED),
        (401, 404, 429),
        (
            TASK_ID,
            IF_NONE_MATCH,
            _parameter(
                "Prefer",
                "header",
                {"type": "string"},
                f"`wait=N`: once it is other than what you have, or after N seconds; {MAX_WAIT_S} at most",
            ),
        ),
    ),
    Operation(
        "patch",
        "/api/jobs/{taskId}",
        "changeTask",
        "Move a task that waits to another place in the queue.",
        (Answer(200, "The task as it is now", TASK),),
        (400, 401, 404, 409, 413, 422),
        (TASK_ID,),
        _ref(ChangeRequest),
    ),
    *(
        Operation(
            "post",
            f"/api/jobs/{{taskId}}/{action}",
            f"{action}Task",
            told,
            (Answer(200, "The task as it is now", TASK),),
            (401, 404, 409, *more),
            (TASK_ID,),
        )
        for action, told, more in (
            ("cancel", "Cancel a task that has not ended; a running step is broken off.", ()),
            ("retry", "Queue a failed or cancelled task again; its finished steps are kept.", (429,)),
        )
    ),
    *(
        operation
        for task_type in TASK_TYPES.values()
        for operation in (
            Operation(
                "get",
                f"/api/{task_type.collection}",
                f"list{task_type.collection[0].upper()}{task_type.collection[1:]}",
                "All that a task has made.",
                (
                    Answer(
                        200,
                        "The documents",
                        {
                            "type": "object",
                            "required": [task_type.collection],
                            "properties": {task_type.collection: _names(_ref(ResultDocument))},
                        },
                    ),
                ),
                (400, 401, 404),
                (_parameter("taskId", "query", {"type": "string"}, "The task", required=True),),
            ),
            Operation(
                "get",
                f"/api/{task_type.collection}/{{{task_type.result_id}}}",
                f"get{task_type.result_id[0].upper()}{task_type.result_id[1:-2]}",
                "One document that a task has made.",
                (Answer(200, "The document", _ref(ResultDocument)),),
                (401, 404),
                (_parameter(task_type.result_id, "path", {"type": "string"}, "The document", required=True),),
            ),
        )
    ),
    Operation(
        "post",
        "/api/token",
        "createToken",
        "A token for a demo user; only with `HERALD_ENV=dev`.",
        (Answer(200, "The token", _ref(Token)),),
        (400, 404, 413, 422),
        body=_ref(TokenRequest),
        public=True,
    ),
    Operation(
        "post",
        "/api/token/revoke",
        "revokeTokens",
        "Log out everywhere: your tokens until now are not taken any more, and your connections are closed.",
        (Answer(204, "They are revoked"),),
        (401,),
    ),
    Operation(
        "get",
        "/api/ops",
        "getOverview",
        "How everything is doing; for operators.",
        (Answer(200, "The overview", _ref(Overview)),),
        (401, 403),
    ),
    Operation(
        "get",
        "/api/ops/tasks",
        "searchTasks",
        "Tasks of all users, newest first; for operators.",
        (Answer(200, "The tasks", _ref(TaskList)),),
        (400, 401, 403),
        PAGE,
    ),
    Operation(
        "get",
        "/api/ops/tasks/{taskId}",
        "inspectTask",
        "One task of any user, with its history; for operators.",
        (Answer(200, "The task", _ref(TaskRecord)),),
        (401, 403, 404),
        (TASK_ID,),
    ),
    Operation(
        "get",
        "/metrics",
        "getMetrics",
        "What Herald counts, for Prometheus.",
        (Answer(200, "The metrics", {"type": "string"}, media_type="text/plain"),),
        (401,),
        public=True,
    ),
    Operation(
        "get",
        "/healthz",
        "getHealth",
        "Whether the process lives.",
        (Answer(200, "It does", _ref(Health)),),
        public=True,
    ),
    Operation(
        "get",
        "/readyz",
        "getReadiness",
        "Whether the process can serve.",
        (Answer(200, "It can", _ref(Readiness)), Answer(503, "It cannot", _ref(Readiness))),
        public=True,
    ),
)
"""The whole interface but for the hub's, which is in ``/asyncapi.json``."""

PROBLEMS = {
    400: "Something in the request cannot be read",
    401: "There is no token, or none that is taken",
    403: "The token does not allow it",
    404: "There is none, or none that is yours",
    409: "The task's status does not allow it",
    413: "The body is too large",
    422: "A field is wrong; `errors` says which",
    429: "You have as many tasks or requests waiting as you may have",
    503: "A service behind Herald does not answer",
}


def _task_request(name: str) -> type[BaseModel]:
    """The body that creates a task of one type."""
    title = "".join(part.capitalize() for part in name.split("_")) + "Request"
    fields: dict[str, Any] = {"type": (Literal[name], ...), "payload": (TASK_TYPES[name].payload, ...)}
    return create_model(title, __base__=TaskRequest, **fields)


def schemas() -> dict[str, Schema]:
    """Every model of the interface, by its name."""
    requests = [_task_request(name) for name in TASK_TYPES]
    answers = (
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
    models: tuple[type[BaseModel], ...] = (*requests, ChangeRequest, TokenRequest, *answers)
    _, made = models_json_schema([(model, "validation") for model in models], by_alias=True, ref_template=REF)
    found: dict[str, Schema] = made["$defs"]
    found["TaskRequest"] = {
        "oneOf": [_ref(request) for request in requests],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                name: REF.format(model=request.__name__)
                for name, request in zip(TASK_TYPES, requests, strict=True)
            },
        },
    }
    return found


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Herald",
            "version": "1",
            "description": "Starts long generative work and tells how it is doing. Changes are pushed by the "
            "hub, see /asyncapi.json.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    responses = {str(answer.status): _response(answer) for answer in operation.answers}
    unavailable = () if operation.path == "/healthz" or "503" in responses else (503,)
    for status in (*operation.problems, *unavailable):
        responses[str(status)] = {
            "description": PROBLEMS[status],
            "content": {"application/problem+json": {"schema": _ref(ProblemBody)}},
        }
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.told,
        "parameters": list(operation.parameters),
        "responses": dict(sorted(responses.items())),
        "security": [] if operation.public else [{"token": []}],
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        }
    return described


def _response(answer: Answer) -> dict[str, Any]:
    response: dict[str, Any] = {"description": answer.told}
    if answer.schema is not None:
        response["content"] = {answer.media_type: {"schema": answer.schema}}
    if answer.headers:
        response["headers"] = {
            name: {"description": told, "schema": {"type": "string"}} for name, told in answer.headers.items()
        }
    return response


async def openapi(_: Request) -> Response:
    """``GET /openapi.json``."""
    return JSONResponse(document())


ROUTES: list[BaseRoute] = [Route("/openapi.json", openapi, methods=["GET"])]
