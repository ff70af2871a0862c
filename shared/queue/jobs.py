"""The jobs in ARQ's queue: their ids, their bodies, and their places in the queue."""

import json
from datetime import datetime, timedelta
from typing import Any

from arq.jobs import serialize_job

from herald.shared.tasks.models import Priority, PublicTask, now

JOB_NAME = "run_task"

HEAD_START: dict[str, timedelta] = {
    Priority.LOW: timedelta(0),
    Priority.NORMAL: timedelta(minutes=10),
    Priority.HIGH: timedelta(minutes=20),
}
"""How much earlier than its real time a task counts as queued. A low-priority task that has waited longer
than this goes before a new one of a higher priority, so no task waits forever."""


def job_id(task: PublicTask) -> str:
    """The id of the task's job: the same through all its attempts, a new one after a user's retry.

    The Lua scripts read the user from it.
    """
    return f"{task.task_id}:{_unix_ms(task.queued_at)}:{task.user_id}"


def user_of(job: bytes) -> bytes:
    """The user in a job's id; empty if ``job`` is not the id of a task's job."""
    _, _, user = job.partition(b":")[2].partition(b":")
    return user


def task_of(job: bytes) -> str:
    """The task id in a job's id."""
    return job.decode(errors="replace").partition(":")[0]


def job_body(task: PublicTask) -> str:
    """The job as ARQ reads it from Redis: the name of its function, and the task's id."""
    body = serialize_job(JOB_NAME, (task.task_id,), {}, None, _unix_ms(now()), serializer=serialize)
    return body.decode()


def serialize(job: dict[str, Any]) -> bytes:
    """A job as JSON. Values without a JSON form become text; ARQ only logs them."""
    return json.dumps(job, default=str).encode()


def deserialize(job: bytes) -> dict[str, Any]:
    """The job that `serialize` wrote.

    Raises:
        ValueError: it is not JSON.
    """
    decoded: dict[str, Any] = json.loads(job)
    return decoded


def retry_delay_s(task: PublicTask) -> float:
    """The delay before the task's next retry, in seconds, counted from when the retry was stored.

    Both times come from the clock of the process that stored them. Comparing one of them with our own
    clock would add the difference between the clocks.
    """
    if task.next_retry_at is None:
        return 0.0
    return max(0.0, (task.next_retry_at - task.updated_at).total_seconds())


def place_ago_s(task: PublicTask) -> float:
    """How far in the past the task's place in the queue is, in seconds, including its head start.

    Exact if this process has just accepted the task. Otherwise the clocks of two processes differ, and the
    task's turn shifts by that difference.
    """
    # A priority that only a newer version knows counts as normal.
    head_start = HEAD_START.get(task.priority, HEAD_START[Priority.NORMAL])
    return (now() - task.queued_at + head_start).total_seconds()


def _unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
