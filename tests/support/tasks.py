"""Creates tasks for the tests."""

from typing import Any

import pytest

from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import Task, new_task_id, now
from herald.shared.tasks.store import Store

BOTH_DRIVERS = pytest.mark.parametrize("mongo_driver", ["motor", "pymongo"], indirect=True)
"""Runs a test once with each MongoDB driver."""


def a_task(**changes: Any) -> Task:
    """A queued task of the user ``ada``, with ``changes``."""
    at = now()
    fields: dict[str, Any] = {
        "task_id": new_task_id(),
        "user_id": "ada",
        "type": "AUTO_GENERATE_PERSONAS",
        "payload": {"product": "A bicycle bell", "count": 2},
        "queued_at": at,
        "created_at": at,
        "updated_at": at,
    }
    return Task.model_validate(fields | changes)


async def stored(store: Store, **changes: Any) -> Task:
    """A task like `a_task`, created in ``store``."""
    task, is_new = await store.create(a_task(**changes))
    assert is_new
    return task


async def stored_many(store: Store, number: int, **changes: Any) -> list[str]:
    """The ids of ``number`` tasks like `a_task`, created in one write, in ascending order."""
    tasks = [a_task(**changes) for _ in range(number)]
    await store._tasks.insert_many([task.document() for task in tasks])
    return sorted(task.task_id for task in tasks)


def ids(page: Page) -> list[str]:
    """The ids of a page's tasks."""
    return [task.task_id for task in page.tasks]
