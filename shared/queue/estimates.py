"""Estimates when each queued task starts, and its position until then."""

import asyncio
import bisect
import heapq
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from herald.shared.queue.durations import Durations
from herald.shared.queue.groups import Group, groups_of
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.jobs import job_id, place_ago_s
from herald.shared.queue.queue import Queue, QueueState
from herald.shared.queue.simulation import Simulation
from herald.shared.tasks.models import PublicTask, now

REUSED_FOR = 20
"""Estimates are reused for this many times as long as they took to compute. However long the queue, computing
them takes only a small part of the processor."""
OUTDATED_AFTER = 4
"""The same, once the queue has changed."""


class Start(NamedTuple):
    """When a queued task starts."""

    position: int
    """Its rank among the queued tasks, in the order in which they start, from 1."""
    at: datetime | None
    """None if the start cannot be estimated."""


class GroupEstimates:
    """The expected starts of the queued tasks of one group of task types.

    Positions are ranks in the order of the starts, so a later position never starts earlier.

    Args:
        state: the part of the queue with jobs of these types.
        slots: how many tasks the workers of the group run at once.
        run_durations: how long earlier runs took, in seconds, by task type.
        user_limit: how many tasks of one user run at once; 0 means no limit.
    """

    def __init__(
        self, state: QueueState, *, slots: int, run_durations: Mapping[str, Sequence[float]], user_limit: int
    ) -> None:
        self._at = now()
        self._computed_at_s = time.monotonic()
        self._queue_at_s = state.at_s
        self._limit = user_limit
        self._simulation = Simulation(state, slots, run_durations, user_limit)
        self._positions = {job: position for position, job in enumerate(self._simulation.order, 1)}
        self._highest_places = list(itertools.accumulate(self._simulation.places, max))
        """The highest place up to each position, to find the first task whose turn comes after a place."""
        self._added: dict[bytes, Start] = {}
        self._added_starts: list[float] = []

    @property
    def order(self) -> Sequence[bytes]:
        """The ids of the queued jobs, in the order in which they start."""
        return self._simulation.order

    def start_of(self, job: bytes) -> Start | None:
        """When a queued job starts; None if it was not in the queue when these estimates were made."""
        position = self._positions.get(job)
        return self.start_at(position) if position is not None else self._added.get(job)

    def start_at(self, position: int) -> Start:
        """The start of the task at ``position``."""
        is_known = position <= self._simulation.known
        return Start(position, self._time(self._simulation.starts[position - 1]) if is_known else None)

    def add(self, task: PublicTask) -> Start:
        """Add a task that is being queued now, and return its start.

        It starts once its user may run another task and either a slot is free that no other task takes, or
        its turn comes before another task's. The starts of the other tasks do not change.
        """
        simulation, place_s = self._simulation, self._place_s(task)
        ready_s = self._ready_s(task.user_id.encode(), place_s)
        start_s = max(ready_s, simulation.idle_s)
        end = bisect.bisect_right(simulation.starts, start_s)
        index = max(
            bisect.bisect_left(simulation.starts, ready_s),
            bisect.bisect_right(self._highest_places, place_s, hi=end),
        )
        while index < end and simulation.places[index] <= place_s:
            index += 1
        if index < end:
            start_s = simulation.starts[index]
        position = 1 + index + bisect.bisect_right(self._added_starts, start_s)
        bisect.insort(self._added_starts, start_s)
        at_once = simulation.has_slots and start_s == 0 and index <= simulation.known
        is_known = simulation.all_known or index < simulation.known or at_once
        start = Start(position, self._time(start_s) if is_known else None)
        self._added[job_id(task).encode()] = start
        return start

    def _place_s(self, task: PublicTask) -> float:
        """The place that a task gets in the queue, in Unix seconds by Redis's clock."""
        return self._queue_at_s + time.monotonic() - self._computed_at_s - place_ago_s(task)

    def _ready_s(self, user: bytes, place_s: float) -> float:
        """When a user may run one more task, given the user's runs from before ``place_s``."""
        if self._limit == 0:
            return 0.0
        before = [end_s for other_s, end_s in self._simulation.ends_of.get(user, ()) if other_s < place_s]
        return heapq.nlargest(self._limit, before)[-1] if len(before) >= self._limit else 0.0

    def _time(self, start_s: float) -> datetime:
        return max(now(), self._at + timedelta(seconds=start_s))


class Estimates:
    """The expected starts of all queued tasks.

    Each group of task types is estimated on its own, with the slots of the workers that run them; so is a
    user's limit of running tasks. A task whose type has no online worker has neither a position nor a start.
    """

    def __init__(
        self,
        state: QueueState,
        groups: Iterable[Group],
        run_durations: Mapping[str, Sequence[float]],
        *,
        user_limit: int,
    ) -> None:
        self._groups: list[GroupEstimates] = []
        self._by_type: dict[str, GroupEstimates] = {}
        for group in groups:
            estimates = GroupEstimates(
                state.of_types(group.types),
                slots=group.slots,
                run_durations=run_durations,
                user_limit=user_limit,
            )
            self._groups.append(estimates)
            self._by_type |= dict.fromkeys(group.types, estimates)
        offline = {
            kind for kind in set(state.types.values()) if kind.decode(errors="replace") not in self._by_type
        }
        self._without_worker = [job for job, _ in state.waiting if state.types.get(job) in offline]

    def has_worker(self, task_type: str) -> bool:
        """Whether any worker that runs tasks of this type is online."""
        return task_type in self._by_type

    def add(self, task: PublicTask) -> Start | None:
        """Add a task that is being queued now, and return its start; None if no worker runs its type."""
        group = self._by_type.get(task.type)
        return group.add(task) if group is not None else None

    def start_of(self, task: PublicTask) -> Start | None:
        """When a queued task starts; None if it was not in the queue, or no worker runs its type."""
        group = self._by_type.get(task.type)
        return group.start_of(job_id(task).encode()) if group is not None else None

    def start_of_job(self, job: bytes) -> Start | None:
        """The same for a job."""
        return next(filter(None, (group.start_of(job) for group in self._groups)), None)

    def front(self, most: int) -> dict[bytes, Start | None]:
        """The first ``most`` jobs of each group, and of those without a worker; None stands for no worker."""
        starts: dict[bytes, Start | None] = dict.fromkeys(self._without_worker[:most])
        for group in self._groups:
            starts |= {job: group.start_at(place) for place, job in enumerate(group.order[:most], 1)}
        return starts


class Estimator:
    """Computes estimates, and reuses them for a while: the longer the queue, the longer."""

    def __init__(
        self, queue: Queue, heartbeats: Heartbeats, durations: Durations, *, user_limit: int
    ) -> None:
        self._queue = queue
        self._heartbeats = heartbeats
        self._durations = durations
        self._user_limit = user_limit
        self._estimates: Estimates | None = None
        self._computing: asyncio.Task[Estimates] | None = None
        self._computed_at = 0.0
        self._took_s = 0.0
        self._outdated = False

    def outdate(self) -> None:
        """Note that the queue has changed, so that the next estimates are computed sooner."""
        self._outdated = True

    async def estimates(self) -> Estimates:
        """The expected starts of all queued tasks, computed now or not long ago.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        age_s = time.monotonic() - self._computed_at
        reused_for = OUTDATED_AFTER if self._outdated else REUSED_FOR
        if self._estimates is None or age_s > self._took_s * reused_for:
            if self._computing is None:
                self._computing = asyncio.create_task(self._compute())
            return await asyncio.shield(self._computing)  # concurrent callers share one computation
        return self._estimates

    async def _compute(self) -> Estimates:
        try:
            self._outdated = False
            state, workers = await self._queue.state(), await self._heartbeats.workers()
            types = {task_type.decode(errors="replace") for task_type in set(state.types.values())}
            run_durations = await self._durations.of_runs(types)
            began_s = time.thread_time()
            groups = groups_of(workers.values())
            self._estimates = Estimates(state, groups, run_durations, user_limit=self._user_limit)
            self._took_s = time.thread_time() - began_s
            self._computed_at = time.monotonic()
            return self._estimates
        finally:
            self._computing = None
