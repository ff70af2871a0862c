"""When a task that waits may expect to start."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.fleet import Capacity, Fleet
from shared.forecast import WHOLE_RUN, Duration, Forecast
from shared.models import now


class Outlook(NamedTuple):
    """What a waiting task's start depends on, besides its position."""

    capacity: Capacity
    whole_run: Duration | None
    """How long the runs before it take, as far as is known."""

    def start_of(self, position: int) -> datetime | None:
        """When the task at ``position`` (from 1) starts; None if that cannot be known.

        Those that run now are half done on average.
        """
        slots, running = self.capacity
        free = max(0, slots - running)
        if position <= free:
            return now()
        if self.whole_run is None or slots == 0:
            return None
        rounds = (position - free - 1) // slots
        return now() + timedelta(seconds=self.whole_run.p50 * (rounds + 0.5))


async def outlooks(fleet: Fleet, forecast: Forecast, task_types: Collection[str]) -> dict[str, Outlook]:
    """The outlook as it is now, by the type of the tasks that wait.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    capacity = await fleet.capacity() if task_types else Capacity(0, 0)
    return {
        task_type: Outlook(capacity, (await forecast.durations(task_type, [WHOLE_RUN])).get(WHOLE_RUN))
        for task_type in task_types
    }
