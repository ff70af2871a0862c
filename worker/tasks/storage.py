"""Stores the results of the built-in task types where clients expect them."""

from typing import Any, TypeVar

from herald import TaskType
from herald.shared.tasks.records import Storage

__all__ = ["Storage", "stored_in"]

AnyTaskType = TypeVar("AnyTaskType", bound=TaskType[Any, Any, Any])


def stored_in(task_type: AnyTaskType, storage: Storage) -> AnyTaskType:
    """Store the results of ``task_type`` in a collection of their own; returns ``task_type``.

    Only the built-in types need this, because their collections are older than the common one.
    """
    task_type.storage = storage
    return task_type
