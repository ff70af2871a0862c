"""Measures how long the steps of an attempt take, and estimates when the attempt ends."""

import asyncio
import json
import logging
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from herald.shared.observability import metrics
from herald.shared.queue.durations import WHOLE_RUN, Duration, Durations, kind_of
from herald.shared.queue.recent_values import RecentValues
from herald.shared.tasks.models import now

log = logging.getLogger(__name__)

TOGETHER = " (together)"
"""Added to the kind of a step for how long all its calls in one run take together."""


class UsualSteps:
    """The steps of the last completed run of each task type.

    Failures of Redis are only logged.
    """

    def __init__(self, values: RecentValues) -> None:
        self._values = values

    async def of(self, task_type: str) -> dict[str, int]:
        """The names of the steps in order, each with the number of its calls; empty if there was no run."""
        try:
            known = await self._values.recall(_key(task_type))
        except (RedisError, OSError) as error:
            log.warning("could not read the usual steps of %s: %s", task_type, error)
            return {}
        return dict(json.loads(known)) if known else {}

    async def remember(self, task_type: str, calls: Mapping[str, int]) -> None:
        """Remember the steps of a completed run."""
        try:
            await self._values.remember(_key(task_type), json.dumps(list(calls.items())))
        except (RedisError, OSError) as error:
            log.warning("could not remember the steps of %s: %s", task_type, error)


def _key(task_type: str) -> str:
    return f"herald:steps:{task_type}"


@dataclass
class _Timing:
    """The calls of one step in this attempt."""

    running: int = 0
    rounds: int = 0
    """The rounds of the calls that are running."""
    since: float = 0.0
    """When the step began to run; meaningful while it runs."""
    together_s: float = 0.0
    """How long it has run, not counting since ``since``."""
    per_round_s: list[float] = field(default_factory=list)


class StepClock:
    """Times the steps of one attempt, and estimates its end from the durations of earlier runs.

    The estimate assumes that steps take as long as usual. Once a step takes longer than that, it is assumed
    to be a slow one. So the estimate only changes when something has happened.
    """

    def __init__(self, durations: Durations, task_type: str) -> None:
        self._durations = durations
        self._type = task_type
        self._known: dict[str, Duration] = {}
        self._ahead: dict[str, _Timing] = {}
        self._timings: dict[str, _Timing] = {}
        self._loop = asyncio.get_running_loop()
        self._begun = self._loop.time()

    async def begin(self, expected: Iterable[str]) -> None:
        """Read how long the steps of these names usually take."""
        names = list(expected)
        self._timings = {name: _Timing() for name in names}
        self._ahead = dict(self._timings)
        kinds = [kind + suffix for kind in dict.fromkeys(map(kind_of, names)) for suffix in ("", TOGETHER)]
        try:
            self._known = await self._durations.of_steps(self._type, kinds)
        except (RedisError, OSError) as error:
            log.warning("cannot estimate the end of the attempt: %s", error)

    def start(self, step: str, *, rounds: int) -> float:
        """Record that a call of ``step`` starts now; returns the time, for `finish`.

        The items of a call run in rounds, which take about equally long.
        """
        timing = self._timings.setdefault(step, _Timing())
        self._ahead[step] = timing
        started = self._loop.time()
        if not timing.running:
            timing.since, timing.rounds = started, 0
        timing.running += 1
        timing.rounds += rounds
        return started

    def finish(self, step: str, started: float, *, rounds: int, completed: bool) -> None:
        """Record that a call of ``step`` has ended, after so many rounds."""
        timing, ended = self._timings[step], self._loop.time()
        timing.running -= 1
        if not timing.running:
            timing.together_s += ended - timing.since
            self._ahead.pop(step, None)
        if completed and rounds:
            timing.per_round_s.append((ended - started) / rounds)
            metrics.STEP_SECONDS.labels(self._type, kind_of(step)).observe(ended - started)

    def skip(self, step: str) -> None:
        """Record that an earlier attempt has completed ``step``."""
        timing = self._timings.setdefault(step, _Timing())
        if not timing.running:
            self._ahead.pop(step, None)

    def usual_s(self, step: str) -> float | None:
        """How long all calls of ``step`` in this run will usually take, in seconds; None if unknown."""
        usual = self._usual(step)
        return usual.p50 if usual is not None else None

    def _usual(self, step: str) -> Duration | None:
        kind, timing = kind_of(step), self._timings.get(step)
        per_round, together = self._known.get(kind), self._known.get(kind + TOGETHER)
        if per_round is not None and timing is not None and timing.rounds > 1:
            return Duration(*(seconds * timing.rounds for seconds in per_round))
        return together or per_round

    def estimate(self) -> datetime | None:
        """When the attempt ends; None while the duration of any remaining step is unknown."""
        left_s = 0.0
        for step, timing in self._ahead.items():
            usual = self._usual(step)
            if usual is None:
                return None
            left_s += self._left_s(usual, timing) if timing.running else usual.p50
        return now() + timedelta(seconds=left_s) if self._timings else None

    def _left_s(self, usual: Duration, timing: _Timing) -> float:
        """The rest of a running step. One slower than nine in ten is expected to take a quarter longer."""
        elapsed_s = timing.together_s + self._loop.time() - timing.since
        expected_s = next((each for each in usual if each >= elapsed_s), elapsed_s * 1.25)
        return expected_s - elapsed_s

    async def record(self, *, is_whole_run: bool) -> None:
        """Record how long this attempt took, for the estimates of later ones.

        Args:
            is_whole_run: whether the attempt ran all steps of the task.
        """
        took: list[tuple[str, float]] = []
        for step, timing in self._timings.items():
            if timing.per_round_s:
                took.append((kind_of(step), statistics.median(timing.per_round_s)))
                if is_whole_run:
                    took.append((kind_of(step) + TOGETHER, timing.together_s))
        if is_whole_run:
            took.append((WHOLE_RUN, self._loop.time() - self._begun))
        try:
            await self._durations.record(self._type, took)
        except (RedisError, OSError) as error:
            log.warning("could not record how long the attempt took: %s", error)
