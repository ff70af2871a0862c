"""Simulates the queue from its current state until it is empty, to find when each job starts."""

import heapq
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from herald.shared.queue.jobs import user_of
from herald.shared.queue.queue import QueueState

UNKNOWN_S = 60.0
"""The assumed duration of a run whose type has no known durations. Only the order of starts depends on it."""


class Simulation:
    """The queue, simulated to its end: each slot that becomes free takes the next job whose user may run it.

    Args:
        state: the queue.
        slots: how many tasks all workers run at once.
        run_durations: how long earlier runs took, in seconds, by task type.
        user_limit: how many tasks of one user run at once; 0 means no limit.
    """

    def __init__(
        self, state: QueueState, slots: int, run_durations: Mapping[str, Sequence[float]], user_limit: int
    ) -> None:
        self.order: list[bytes] = []
        """The queued jobs, in the order in which they start."""
        self.starts: list[float] = []
        """When each of them starts, in seconds from now."""
        self.places: list[float] = []
        """The place of each of them in the queue."""
        self.ends_of: dict[bytes, list[tuple[float, float]]] = defaultdict(list)
        """The place and the end of each run, by user. Jobs that run already come before every place."""
        self.idle_s = math.inf
        """When a slot first stays free because no queued job can take it, in seconds from now."""
        self.known = 0
        """How many starts are known, from the first; later ones depend on runs of unknown duration."""
        self.has_slots = self.all_known = slots > 0

        self._limit = user_limit
        self._types = state.types
        self._expected = {
            name.encode(): statistics.fmean(took) for name, took in run_durations.items() if took
        }
        self._running: dict[bytes, int] = defaultdict(int)
        self._ends: list[tuple[float, bytes]] = []
        self._guessed = False
        """Whether the duration of any run so far is a guess."""
        self._at_s = 0.0
        self._free = max(1, slots) - len(state.running)
        for job, elapsed_s in state.running:
            task_type = self._types.get(job, b"")
            known = task_type in self._expected
            earlier = run_durations[task_type.decode()] if known else [UNKNOWN_S]
            self._run(job, float("-inf"), _left_s(earlier, elapsed_s), known=known)
        self._lines: dict[bytes, list[tuple[float, bytes]]] = defaultdict(list)
        """The queued jobs by user, each list a heap."""
        self._turns: list[tuple[float, bytes, bytes]] = []
        for job, place in state.waiting:  # sorted, so each list is a heap
            self._lines[user_of(job)].append((place, job))
        for user in list(self._lines):
            self._offer(user)
        self._later = sorted(((due_s, place, job) for job, place, due_s in state.later), reverse=True)
        self._simulate()

    def _simulate(self) -> None:
        queued = sum(map(len, self._lines.values())) + len(self._later)
        while True:
            while self._free > 0 and self._turns:
                queued -= self._start_next()
            if not queued:
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
        """Let a user's first job compete for the next slot, if the user is below the limit."""
        line = self._lines[user]
        if line and self._may_run(user):
            heapq.heappush(self._turns, (*line[0], user))

    def _may_run(self, user: bytes) -> bool:
        return self._limit == 0 or not user or self._running[user] < self._limit

    def _start_next(self) -> int:
        """Start the job whose turn it is; returns 1, or 0 if the turn is outdated."""
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


def _left_s(earlier: Sequence[float], elapsed_s: float | None) -> float:
    """The expected rest of a run, in seconds: the mean rest of the earlier runs that took longer than this.

    A run that takes longer than all of them is expected to take a quarter more. If its start is unknown,
    the run is assumed to be half done.
    """
    if elapsed_s is None:
        return statistics.fmean(earlier) / 2
    longer = [took_s for took_s in earlier if took_s > elapsed_s]
    return statistics.fmean(longer) - elapsed_s if longer else elapsed_s / 4
