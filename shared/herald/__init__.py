"""Herald: durable tasks whose every step reaches the browser live. This is what your own code imports.

Names are imported on first use, so that a task module does not load the client, nor a client the task API.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herald.shared.client.async_handle import AsyncHandle
    from herald.shared.client.async_herald import AsyncHerald
    from herald.shared.client.errors import (
        Conflict,
        FieldError,
        Forbidden,
        HeraldError,
        InvalidPayload,
        NotFound,
        TaskCancelled,
        TaskFailed,
        TooManyTasks,
        Unauthorized,
        Unavailable,
    )
    from herald.shared.client.herald import Handle, Herald
    from herald.shared.client.updates import Draft, Emitted, Update
    from herald.shared.task_api.backoff import Backoff
    from herald.shared.task_api.context import Context, DraftWriter, TaskInfo
    from herald.shared.task_api.errors import Fail, MisuseError, ModelError, Retry
    from herald.shared.task_api.prompt import Prompt
    from herald.shared.task_api.task_type import TaskType, task
    from herald.shared.tasks.models import PublicTask
    from herald.shared.tasks.records import ListedType

__all__ = [
    "AsyncHandle",
    "AsyncHerald",
    "Backoff",
    "Conflict",
    "Context",
    "Draft",
    "DraftWriter",
    "Emitted",
    "Fail",
    "FieldError",
    "Forbidden",
    "Handle",
    "Herald",
    "HeraldError",
    "InvalidPayload",
    "ListedType",
    "MisuseError",
    "ModelError",
    "NotFound",
    "Prompt",
    "PublicTask",
    "Retry",
    "TaskCancelled",
    "TaskFailed",
    "TaskInfo",
    "TaskType",
    "TooManyTasks",
    "Unauthorized",
    "Unavailable",
    "Update",
    "task",
]

_MODULES = {
    "AsyncHandle": "herald.shared.client.async_handle",
    "AsyncHerald": "herald.shared.client.async_herald",
    "Backoff": "herald.shared.task_api.backoff",
    "Conflict": "herald.shared.client.errors",
    "Context": "herald.shared.task_api.context",
    "Draft": "herald.shared.client.updates",
    "DraftWriter": "herald.shared.task_api.context",
    "Emitted": "herald.shared.client.updates",
    "Fail": "herald.shared.task_api.errors",
    "FieldError": "herald.shared.client.errors",
    "Forbidden": "herald.shared.client.errors",
    "Handle": "herald.shared.client.herald",
    "Herald": "herald.shared.client.herald",
    "HeraldError": "herald.shared.client.errors",
    "ListedType": "herald.shared.tasks.records",
    "InvalidPayload": "herald.shared.client.errors",
    "MisuseError": "herald.shared.task_api.errors",
    "ModelError": "herald.shared.task_api.errors",
    "NotFound": "herald.shared.client.errors",
    "Prompt": "herald.shared.task_api.prompt",
    "PublicTask": "herald.shared.tasks.models",
    "Retry": "herald.shared.task_api.errors",
    "TaskCancelled": "herald.shared.client.errors",
    "TaskFailed": "herald.shared.client.errors",
    "TaskInfo": "herald.shared.task_api.context",
    "TaskType": "herald.shared.task_api.task_type",
    "TooManyTasks": "herald.shared.client.errors",
    "Unauthorized": "herald.shared.client.errors",
    "Unavailable": "herald.shared.client.errors",
    "Update": "herald.shared.client.updates",
    "task": "herald.shared.task_api.task_type",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'herald' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
