"""The task types that a worker has loaded and may run."""

from typing import Any, NamedTuple

from herald.shared.task_api.task_type import TaskType


class LoadedType(NamedTuple):
    """A task type of this worker."""

    type: TaskType[Any, Any, Any]
    digest: str
    """The digest under which the worker has announced it; see `TaskTypeRecord`."""
    state: Any = None
    """What the ``lifespan()`` of its module yielded: `Context.state`."""
