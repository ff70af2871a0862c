"""Who of those that wait starts when: the queue as it is now, played through to its end."""

import asyncio
import bisect
import heapq
import itertools
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from herald.shared.queue.durations import Forecast
from herald.shared.queue.heartbeats import Heartbeats
from herald.shared.queue.queue import Queue, QueueState, job_id, place_ago_s, user_of
from herald.shared.tasks.models import PublicTask, now

UNKNOWN_S = 60.0
"""What a run is taken to last of whose type nothing is known: only the order of starts depends on it."""
REUSED_FOR, OUTDATED_AFTER = 20, 4
"""A plan is used for so many times as long as it took to make, and once it is outdated, for so many only: so
plans cost no more than a small part of a processor, however many tasks wait."""


class Start(NamedTuple):
    """When a task starts."""

    position: int
    """Which one it is of those that wait, in the order in which they start, from 1."""
    at: datetime | None
    """None where that cannot be known."""


class Plan:
    """The starts of all tasks that wait.

    Positions are ranks in the order of the starts, so a later position never starts earlier.

    Args:
        state: the queue.
        slots: the tasks that all workers run at once.
        whole_runs: how long earlier runs took, in seconds, by task type.
        user_limit: the tasks of one user that run at once; 0 is no limit.
    """

    def __init__(
        self, state: QueueState, *, slots: int, whole_runs: Mapping[str, Sequence[float]], user_limit: int
    ) -> None:
        self._at = now()
        self._made_at_s = time.monotonic()
        self._queue_at_s = state.at_s
        self._limit = user_limit
        self._played = _Played(state, slots, whole_runs, user_limit)
        self._positions = {job: position for position, job in enumerate(self._played.order, 1)}
        self._highest_places = list(itertools.accumulate(self._played.places, max))
        """The highest place up to each position: it finds the first task whose turn comes after a place."""
        self._added: dict[bytes, Start] = {}
        self._added_starts: list[float] = []

    @property
    def order(self) -> Sequence[bytes]:
        """The ids of the waiting jobs, in the order in which they start."""
        return self._played.order

    def start_of(self, task: PublicTask) -> Start | None:
        """When a task that waits starts; None if the plan does not know it."""
        job = job_id(task).encode()
        position = self._positions.get(job)
        return self.start_at(position) if position is not None else self._added.get(job)

    def start_at(self, position: int) -> Start:
        """The start that has a position."""
        is_known = position <= self._played.known
        return Start(position, self._time(self._played.starts[position - 1]) if is_known else None)

    def add(self, task: PublicTask) -> Start:
        """When a task starts that is queued now.

        It starts when its user may run another one, and either a slot is free that nobody else takes, or it
        is its turn before another one's. The tasks that are in the plan keep their starts.
        """
        played, place_s = self._played, self._place_s(task)
        ready_s = self._ready_s(task.user_id.encode(), place_s)
        start_s = max(ready_s, played.idle_s)
        end = bisect.bisect_right(played.starts, start_s)
        index = max(
            bisect.bisect_left(played.starts, ready_s),
            bisect.bisect_right(self._highest_places, place_s, hi=end),
        )
        while index < end and played.places[index] <= place_s:
            index += 1
        if index < end:
            start_s = played.starts[index]
        position = 1 + index + bisect.bisect_right(self._added_starts, start_s)
        bisect.insort(self._added_starts, start_s)
        at_once = played.has_slots and start_s == 0 and index <= played.known
        is_known = played.all_known or index < played.known or at_once
        start = Start(position, self._time(start_s) if is_known else None)
        self._added[job_id(task).encode()] = start
        return start

    def _place_s(self, task: PublicTask) -> float:
        """The place that a task gets in the queue, by Redis's clock."""
        return self._queue_at_s + time.monotonic() - self._made_at_s - place_ago_s(task)

    def _ready_s(self, user: bytes, place_s: float) -> float:
        """When a user may run another task, besides those that come before a place."""
        if self._limit == 0:
            return 0.0
        before = [end_s for other_s, end_s in self._played.ends_of.get(user, ()) if other_s < place_s]
        return heapq.nlargest(self._limit, before)[-1] if len(before) >= self._limit else 0.0

    def _time(self, start_s: float) -> datetime:
        return max(now(), self._at + timedelta(seconds=start_s))


class _Played:
    """The queue, played through: a slot that gets free takes the first task whose user may run one more."""

    def __init__(
        self, state: QueueState, slots: int, whole_runs: Mapping[str, Sequence[float]], user_limit: int
    ) -> None:
        self.order: list[bytes] = []
        self.starts: list[float] = []
        """Seconds from now, in the same order; and so are the places."""
        self.places: list[float] = []
        self.ends_of: dict[bytes, list[tuple[float, float]]] = defaultdict(list)
        """The place and the end of each run, by user; what runs already has a place before all others."""
        self.idle_s = math.inf
        """When a slot is free that no waiting task takes."""
        self.known = 0
        """So many starts are known; the later ones depend on runs of unknown length."""
        self.has_slots = self.all_known = slots > 0

        self._limit = user_limit
        self._types = state.types
        self._expected = {name.encode(): statistics.fmean(took) for name, took in whole_runs.items() if took}
        self._running: dict[bytes, int] = defaultdict(int)
        self._ends: list[tuple[float, bytes]] = []
        self._guessed = False
        """Whether a run is of unknown length."""
        self._at_s = 0.0
        self._free = max(1, slots) - len(state.running)
        for job, gone_s in state.running:
            task_type = self._types.get(job, b"")
            known = task_type in self._expected
            earlier = whole_runs[task_type.decode()] if known else [UNKNOWN_S]
            self._run(job, float("-inf"), _left_s(earlier, gone_s), known=known)
        self._lines: dict[bytes, list[tuple[float, bytes]]] = defaultdict(list)
        """The waiting jobs by user, each list a heap."""
        self._turns: list[tuple[float, bytes, bytes]] = []
        for job, place in state.waiting:  # sorted, so each list is a heap
            self._lines[user_of(job)].append((place, job))
        for user in list(self._lines):
            self._offer(user)
        self._later = sorted(((due_s, place, job) for job, place, due_s in state.later), reverse=True)
        self._play()

    def _play(self) -> None:
        waiting = sum(map(len, self._lines.values())) + len(self._later)
        while True:
            while self._free > 0 and self._turns:
                waiting -= self._start_next()
            if not waiting:
                break
            if self._later and (not self._ends or self._later[-1][0] <= self._ends[0][0]):
                self._come_due()
            else:
                self._end_next()
        while self._free <= 0:
            self._end_next()
        self._note_idle()
        self.all_known = self.all_known and not self._guessed

    def _offer(self, user: bytes) -> None:
        """Let a user's first job have its turn, if the user may run another one."""
        line = self._lines[user]
        if line and self._may_run(user):
            heapq.heappush(self._turns, (*line[0], user))

    def _may_run(self, user: bytes) -> bool:
        return self._limit == 0 or not user or self._running[user] < self._limit

    def _start_next(self) -> int:
        """Start the job whose turn it is; how many were started: 0 where another one has come before it."""
        place, job, user = heapq.heappop(self._turns)
        line = self._lines[user]
        if not line or line[0][1] != job or not self._may_run(user):
            return 0
        heapq.heappop(line)
        self.order.append(job)
        self.starts.append(self._at_s)
        self.places.append(place)
        self.known += self.all_known
        task_type = self._types.get(job, b"")
        expected_s = self._expected.get(task_type)
        self._run(job, place, expected_s or UNKNOWN_S, known=expected_s is not None)
        self._free -= 1
        self._offer(user)
        return 1

    def _run(self, job: bytes, place: float, left_s: float, *, known: bool) -> None:
        user, end_s = user_of(job), self._at_s + left_s
        self._running[user] += 1
        self._guessed = self._guessed or not known
        self.ends_of[user].append((place, end_s))
        heapq.heappush(self._ends, (end_s, user))

    def _come_due(self) -> None:
        self._note_idle()
        due_s, place, job = self._later.pop()
        self._at_s, user = max(self._at_s, due_s), user_of(job)
        heapq.heappush(self._lines[user], (place, job))
        self._offer(user)

    def _end_next(self) -> None:
        self._note_idle()
        self.all_known = self.all_known and not self._guessed
        end_s, user = heapq.heappop(self._ends)
        self._at_s = max(self._at_s, end_s)
        self._free += 1
        self._running[user] -= 1
        self._offer(user)

    def _note_idle(self) -> None:
        if self._free > 0:
            self.idle_s = min(self.idle_s, self._at_s)


def _left_s(earlier: Sequence[float], gone_s: float | None) -> float:
    """What is left of a run that has taken so long already: what was left, then, of earlier ones.

    One that takes longer than all of them is given a quarter more.
    """
    if gone_s is None:
        return statistics.fmean(earlier) / 2
    longer = [took_s for took_s in earlier if took_s > gone_s]
    return statistics.fmean(longer) - gone_s if longer else gone_s / 4


class Planner:
    """Makes plans, and uses each for a while, which is the longer the more tasks wait."""

    def __init__(self, queue: Queue, heartbeats: Heartbeats, forecast: Forecast, *, user_limit: int) -> None:
        self._queue = queue
        self._heartbeats = heartbeats
        self._forecast = forecast
        self._user_limit = user_limit
        self._plan: Plan | None = None
        self._making: asyncio.Task[Plan] | None = None
        self._made_at = 0.0
        self._took_s = 0.0
        self._outdated = False

    def outdate(self) -> None:
        """Note that the queue has changed: a plan that is made quickly is not used any more."""
        self._outdated = True

    async def plan(self) -> Plan:
        """The starts of all tasks that wait, as far as they can be known.

        Raises:
            redis.RedisError: Redis cannot be reached.
        """
        age_s = time.monotonic() - self._made_at
        if self._plan is None or age_s > self._took_s * (OUTDATED_AFTER if self._outdated else REUSED_FOR):
            if self._making is None:
                self._making = asyncio.create_task(self._make())
            return await asyncio.shield(self._making)  # all who ask meanwhile get the same one
        return self._plan

    async def _make(self) -> Plan:
        try:
            self._outdated = False
            state, (slots, _) = await self._queue.state(), await self._heartbeats.capacity()
            types = {task_type.decode(errors="replace") for task_type in set(state.types.values())}
            whole_runs = await self._forecast.whole_runs(types)
            began_s = time.thread_time()
            self._plan = Plan(state, slots=slots, whole_runs=whole_runs, user_limit=self._user_limit)
            self._took_s = time.thread_time() - began_s
            self._made_at = time.monotonic()
            return self._plan
        finally:
            self._making = None
