"""Every HTTP operation that ``/openapi.json`` describes; those about tasks are in `task_operations`."""

from herald.server.admin.overview import Overview
from herald.server.contracts.components import Health, Readiness, ResultDocument, TaskList, Token, ref
from herald.server.contracts.operation_types import PAGE, TASK_ID, Operation, Reply, parameter
from herald.server.contracts.registered import Types
from herald.server.contracts.task_operations import TASKS
from herald.server.http.admin import TaskRecord
from herald.server.http.task_types import Registrations, TaskTypeList
from herald.server.http.tokens import TokenRequest
from herald.shared.tasks.records import Storage


def _result_operations(task_type: str, storage: Storage) -> tuple[Operation, ...]:
    """The operations of a collection in which a task type stores its results."""
    collection, result_id = storage.collection, storage.id_field
    listed = {
        "type": "object",
        "required": [collection],
        "properties": {collection: {"type": "array", "items": ref(ResultDocument)}},
    }
    return (
        Operation(
            "get",
            f"/api/{collection}",
            f"list{collection[0].upper()}{collection[1:]}",
            f"List the results of a task ({collection})",
            f"Returns every result of a task of the type `{task_type}`.",
            (Reply(200, "The results.", listed),),
            (400, 401, 404),
            (parameter("taskId", "query", {"type": "string"}, "The task's id.", required=True),),
        ),
        Operation(
            "get",
            f"/api/{collection}/{{{result_id}}}",
            f"get{result_id[0].upper()}{result_id[1:].removesuffix('Id')}",
            f"Retrieve one result ({collection})",
            f"Returns one result of a task of the type `{task_type}`.",
            (Reply(200, "The result.", ref(ResultDocument)),),
            (401, 404),
            (parameter(result_id, "path", {"type": "string"}, "The result's id.", required=True),),
        ),
    )


TYPES = (
    Operation(
        "get",
        "/api/taskTypes",
        "listTaskTypes",
        "List the task types",
        "Returns the task types that you may start, with the JSON Schemas of their payloads and results.",
        (Reply(200, "The task types, by name.", ref(TaskTypeList)),),
        (400, 401),
    ),
)

TOKENS = (
    Operation(
        "post",
        "/api/token",
        "createToken",
        "Create a development token",
        "Issues a token for any user. Only available with `HERALD_ENV=dev`; in production, your own server "
        "issues the tokens.",
        (Reply(200, "The token.", ref(Token)),),
        (400, 404, 413, 422),
        body=ref(TokenRequest),
        public=True,
    ),
    Operation(
        "post",
        "/api/token/revoke",
        "revokeTokens",
        "Revoke your tokens",
        "Logs you out everywhere: voids every token issued to you so far and closes your connections.",
        (Reply(204, "Your tokens are revoked."),),
        (401,),
    ),
)

OPERATORS = (
    Operation(
        "get",
        "/api/ops",
        "getOverview",
        "Retrieve the overview",
        "Returns the state of queue, workers, hubs and recent tasks. Operators only.",
        (Reply(200, "The overview.", ref(Overview)),),
        (401, 403),
    ),
    Operation(
        "get",
        "/api/ops/tasks",
        "searchTasks",
        "List the tasks of all users",
        "Returns tasks of all users, newest first. Operators only.",
        (Reply(200, "A page of tasks.", ref(TaskList)),),
        (400, 401, 403),
        PAGE,
    ),
    Operation(
        "get",
        "/api/ops/tasks/{taskId}",
        "inspectTask",
        "Inspect a task",
        "Returns a task of any user, with its history. Operators only.",
        (Reply(200, "The task with its history.", ref(TaskRecord)),),
        (401, 403, 404),
        (TASK_ID,),
    ),
    Operation(
        "get",
        "/api/ops/taskTypes",
        "listRegistrations",
        "List all task types, and problems with their registration",
        "Returns all task types, and the types that a worker could not announce in the last day. Operators "
        "only.",
        (Reply(200, "The task types and the problems.", ref(Registrations)),),
        (401, 403),
    ),
)

MONITORING = (
    Operation(
        "get",
        "/metrics",
        "getMetrics",
        "Scrape the metrics",
        "Returns all metrics in Prometheus' text format. If `HERALD_METRICS_TOKEN` is set, send it as the "
        "bearer token.",
        (Reply(200, "The metrics.", {"type": "string"}, media_type="text/plain"),),
        (401,),
        public=True,
    ),
    Operation(
        "get",
        "/healthz",
        "getHealth",
        "Check liveness",
        "Responds as long as the process is alive.",
        (Reply(200, "The process is alive.", ref(Health)),),
        public=True,
    ),
    Operation(
        "get",
        "/readyz",
        "getReadiness",
        "Check readiness",
        "Checks that MongoDB and Redis respond and that events reach the hub. `taskTypes` is the number of "
        "task types that a worker runs now.",
        (
            Reply(200, "The process can serve requests.", ref(Readiness)),
            Reply(503, "A dependency does not respond.", ref(Readiness)),
        ),
        public=True,
    ),
)


def operations(types: Types) -> tuple[Operation, ...]:
    """All HTTP operations, with those of the types' own collections; `asyncapi` has the hub's channels."""
    results = (
        operation
        for each in types
        if each.record.storage is not None
        for operation in _result_operations(each.record.type, each.record.storage)
    )
    return (*TASKS, *results, *TYPES, *TOKENS, *OPERATORS, *MONITORING)
