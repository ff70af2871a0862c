"""Tasks to test with."""

from typing import Any

from herald.shared.tasks.models import Task, new_task_id, now


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
