"""The task operations of ``/openapi.json``: create, list, check, change, cancel and retry."""

from herald.server.contracts.components import REF, StatusCheck, TaskList, ref
from herald.server.contracts.operation_types import (
    IF_NONE_MATCH,
    NOT_MODIFIED,
    PAGE,
    TASK,
    TASK_ID,
    VERSIONED,
    Operation,
    Reply,
    list_parameter,
    parameter,
)
from herald.server.http.creation import MAX_IDEMPOTENCY_KEY
from herald.server.http.long_poll import MAX_WAIT_S
from herald.server.http.tasks import MAX_IDS, ChangeRequest

TASKS = (
    Operation(
        "post",
        "/api/jobs",
        "createTask",
        "Create a task",
        "Stores and queues a task, and returns it before any work is done. Follow it on the live channels in "
        "`/asyncapi.json`, or request it by its id.",
        (Reply(202, "The task is queued.", TASK, {"Location": "The task's path."}),),
        (400, 401, 403, 404, 413, 422, 429),
        (
            parameter("action", "query", {"const": "create"}, "Optional; `create` is the only value."),
            parameter(
                "Idempotency-Key",
                "header",
                {"type": "string", "minLength": 1, "maxLength": MAX_IDEMPOTENCY_KEY},
                "A unique key for this request. Repeating the request with the same key returns the same "
                "task instead of creating another.",
            ),
        ),
        {"$ref": REF.format(model="TaskRequest")},
    ),
    Operation(
        "get",
        "/api/jobs",
        "listTasks",
        "List tasks, or check several by id",
        "Returns your tasks, newest first, or those of a brand with `brandId`. With `action=status` and "
        "`taskIds`, returns the given tasks instead.",
        (
            Reply(
                200,
                "A page of tasks, or with `action=status` the requested ones.",
                {"anyOf": [ref(TaskList), ref(StatusCheck)]},
                {
                    "ETag": "With `action=status`: the version of the response.",
                    "Retry-After": "With `action=status`: seconds to wait before the next check, while a "
                    "task is active.",
                },
            ),
            NOT_MODIFIED,
        ),
        (400, 401, 403),
        (
            parameter(
                "brandId",
                "query",
                {"type": "string"},
                "List this brand's tasks, of all its users. Your token's `brands` must include it.",
            ),
            parameter("action", "query", {"const": "status"}, "Check the tasks given in `taskIds`."),
            list_parameter(
                "taskIds",
                {"type": "string"},
                f"With `action=status`: up to {MAX_IDS} task ids, separated by commas.",
                MAX_IDS,
            ),
            *PAGE,
            IF_NONE_MATCH,
        ),
    ),
    Operation(
        "get",
        "/api/jobs/{taskId}",
        "getTask",
        "Retrieve a task",
        "Returns the task's current state. To long-poll, send `If-None-Match` and `Prefer: wait=N`.",
        (Reply(200, "The task.", TASK, VERSIONED), NOT_MODIFIED),
        (401, 404, 429),
        (
            TASK_ID,
            IF_NONE_MATCH,
            parameter(
                "Prefer",
                "header",
                {"type": "string"},
                "`wait=N` holds the request until the task differs from your copy, for N seconds at most "
                f"(up to {MAX_WAIT_S}).",
            ),
        ),
    ),
    Operation(
        "patch",
        "/api/jobs/{taskId}",
        "changeTask",
        "Change a task's priority",
        "Moves a queued task to its new place in the queue.",
        (Reply(200, "The updated task.", TASK),),
        (400, 401, 404, 409, 413, 422),
        (TASK_ID,),
        ref(ChangeRequest),
    ),
    Operation(
        "post",
        "/api/jobs/{taskId}/cancel",
        "cancelTask",
        "Cancel a task",
        "Cancels an active task. A running step is stopped at once.",
        (Reply(200, "The cancelled task.", TASK),),
        (401, 404, 409),
        (TASK_ID,),
    ),
    Operation(
        "post",
        "/api/jobs/{taskId}/retry",
        "retryTask",
        "Retry a task",
        "Queues a failed or cancelled task again. Completed steps are kept.",
        (Reply(200, "The queued task.", TASK),),
        (401, 404, 409, 429),
        (TASK_ID,),
    ),
    Operation(
        "get",
        "/api/jobs/{taskId}/result",
        "getResult",
        "Retrieve the result of a task",
        "Returns what a completed task has produced; its task type's `resultSchema` describes it. For a type "
        "with a collection of its own, it is the document, or an object with the list of documents.",
        (Reply(200, "The result.", {}),),
        (400, 401, 404),
        (TASK_ID,),
    ),
    Operation(
        "get",
        "/api/jobs/{taskId}/payload",
        "getPayload",
        "Retrieve the payload of a task",
        "Returns what the task was started with, with the defaults filled in.",
        (Reply(200, "The payload.", {"type": "object"}),),
        (400, 401, 404),
        (TASK_ID,),
    ),
)
