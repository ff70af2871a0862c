"""Measures how long the steps of an attempt take, and estimates when the attempt ends."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from herald.shared.observability import metrics
from herald.shared.queue.durations import WHOLE_RUN, Duration, Durations, kind_of
from herald.shared.tasks.models import now

log = logging.getLogger(__name__)


class StepClock:
    """Times the steps of one attempt, and estimates its end from the durations of earlier runs.

    The estimate assumes that steps take as long as usual. Once a step takes longer than that, it is assumed
    to be a slow one. So the estimate only changes when something has happened.
    """

    def __init__(self, durations: Durations, task_type: str) -> None:
        self._durations = durations
        self._type = task_type
        self._known: dict[str, Duration] = {}
        self._ahead: dict[str, int] = {}
        self._step: str | None = None
        self._begun = self._step_begun = 0.0
        self._is_whole_run = False
        self._took: list[tuple[str, float]] = []
        self._loop = asyncio.get_running_loop()

    async def begin(self, steps: Mapping[str, int], *, is_whole_run: bool) -> None:
        """Start timing.

        Args:
            steps: the steps that will run, each with its number of rounds. The rounds of one kind of step
                take about equally long.
            is_whole_run: whether these are all the steps of the task.
        """
        self._ahead, self._is_whole_run = dict(steps), is_whole_run
        self._begun = self._loop.time()
        try:
            self._known = await self._durations.of_steps(self._type, map(kind_of, steps))
        except (RedisError, OSError) as error:
            log.warning("cannot estimate the end of the attempt: %s", error)

    def start(self, step: str) -> None:
        """Record that ``step`` starts now."""
        self._step, self._step_begun = step, self._loop.time()

    def finish(self, step: str) -> None:
        """Record that ``step`` is completed."""
        rounds, took_s = self._ahead.pop(step), self._loop.time() - self._step_begun
        self._took.append((kind_of(step), took_s / rounds))
        metrics.STEP_SECONDS.labels(self._type, kind_of(step)).observe(took_s)
        self._step = None

    def estimate(self) -> datetime | None:
        """When the attempt ends; None while the duration of any remaining step is unknown."""
        left_s = 0.0
        for step, rounds in self._ahead.items():
            known = self._known.get(kind_of(step))
            if known is None:
                return None
            usual = Duration(*(seconds * rounds for seconds in known))
            left_s += self._left_s(usual) if step == self._step else usual.p50
        return now() + timedelta(seconds=left_s)

    def _left_s(self, usual: Duration) -> float:
        """The rest of the running step. One slower than nine in ten is expected to take a quarter longer."""
        elapsed_s = self._loop.time() - self._step_begun
        expected_s = next((each for each in usual if each >= elapsed_s), elapsed_s * 1.25)
        return expected_s - elapsed_s

    async def record(self) -> None:
        """Record how long this attempt took, for the estimates of later ones."""
        took = self._took
        if self._is_whole_run:
            took = [*took, (WHOLE_RUN, self._loop.time() - self._begun)]
        try:
            await self._durations.record(self._type, took)
        except (RedisError, OSError) as error:
            log.warning("could not record how long the attempt took: %s", error)
