"""Herald: durable tasks whose every step reaches the browser live. This is what your own code imports.

Names are imported on first use, so that a task module does not load the client, nor a client the task API.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herald.shared.task_api.backoff import Backoff
    from herald.shared.task_api.context import Context, DraftWriter, TaskInfo
    from herald.shared.task_api.errors import Fail, MisuseError, ModelError, Retry
    from herald.shared.task_api.prompt import Prompt
    from herald.shared.task_api.task_type import TaskType, task

__all__ = [
    "Backoff",
    "Context",
    "DraftWriter",
    "Fail",
    "MisuseError",
    "ModelError",
    "Prompt",
    "Retry",
    "TaskInfo",
    "TaskType",
    "task",
]

_MODULES = {
    "Backoff": "herald.shared.task_api.backoff",
    "Context": "herald.shared.task_api.context",
    "DraftWriter": "herald.shared.task_api.context",
    "Fail": "herald.shared.task_api.errors",
    "MisuseError": "herald.shared.task_api.errors",
    "ModelError": "herald.shared.task_api.errors",
    "Prompt": "herald.shared.task_api.prompt",
    "Retry": "herald.shared.task_api.errors",
    "TaskInfo": "herald.shared.task_api.context",
    "TaskType": "herald.shared.task_api.task_type",
    "task": "herald.shared.task_api.task_type",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'herald' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return __all__
