"""Puts jobs into the queue, takes them, and lists those that are queued."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from herald.shared.queue.jobs import job_id
from herald.shared.queue.leases import Leases, Renewal
from herald.shared.queue.queue import Queue
from herald.shared.tasks.models import Task, now
from tests.support.tasks import a_task

TYPE = "AUTO_GENERATE_PERSONAS"
"""The type of `a_task`."""
MakeLeases = Callable[..., Leases]
"""Makes the leases of a worker: ``leases("w1", user_limit=2, types={…})``; all have defaults."""
Renew = Callable[[Leases], Awaitable[Renewal]]
"""Renews the leases of a worker."""


def in_turn(number: int) -> list[Task]:
    """Tasks that were queued one second apart, the oldest first."""
    at = now()
    return [a_task(queued_at=at - timedelta(seconds=number - place)) for place in range(number)]


async def enqueued(queue: Queue, *tasks: Task) -> list[str]:
    """Queue tasks; returns their job ids."""
    for task in tasks:
        assert await queue.enqueue(task)
    return [job_id(task) for task in tasks]


async def picked(leases: Leases, most: int = 100) -> list[str]:
    """Take jobs; returns their ids."""
    return [job.job_id for job in await leases.pick(most)]


async def waiting(queue: Queue) -> list[str]:
    """The ids of the queued jobs, in order."""
    return [job.decode() for job, _ in (await queue.state()).waiting]
