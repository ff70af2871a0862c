"""How long the steps of an attempt take, and when it may be expected to end."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from redis.exceptions import RedisError

from herald.shared.observability import metrics
from herald.shared.queue.durations import WHOLE_RUN, Duration, Forecast, kind_of
from herald.shared.tasks.models import now

log = logging.getLogger(__name__)


class StepClock:
    """Measures the steps of one attempt, and estimates its end from what earlier runs took.

    The estimate is that of the ordinary run; once a step takes longer than that, it is the slow run's. So it
    changes where something has happened, and not from one look to the next.
    """

    def __init__(self, forecast: Forecast, task_type: str) -> None:
        self._forecast = forecast
        self._type = task_type
        self._known: dict[str, Duration] = {}
        self._ahead: dict[str, int] = {}
        self._step: str | None = None
        self._begun = self._step_begun = 0.0
        self._whole = False
        self._took: list[tuple[str, float]] = []
        self._loop = asyncio.get_running_loop()

    async def begin(self, steps: Mapping[str, int], *, whole: bool) -> None:
        """Begin with the steps that are to be run, each with how many rounds it takes: rounds of one kind of
        step take about as long as each other. ``whole`` if these are all the steps that the task has.
        """
        self._ahead, self._whole = dict(steps), whole
        self._begun = self._loop.time()
        try:
            self._known = await self._forecast.durations(self._type, map(kind_of, steps))
        except (RedisError, OSError) as error:
            log.warning("no estimates without Redis: %s", error)

    def start(self, step: str) -> None:
        """Note that ``step`` begins."""
        self._step, self._step_begun = step, self._loop.time()

    def finish(self, step: str) -> None:
        """Note that ``step`` is done."""
        rounds, took_s = self._ahead.pop(step), self._loop.time() - self._step_begun
        self._took.append((kind_of(step), took_s / rounds))
        metrics.STEP_SECONDS.labels(self._type, kind_of(step)).observe(took_s)
        self._step = None

    def estimate(self) -> datetime | None:
        """When the attempt ends; None as long as too little is known of its steps."""
        left_s = 0.0
        for step, rounds in self._ahead.items():
            known = self._known.get(kind_of(step))
            if known is None:
                return None
            whole = Duration(*(seconds * rounds for seconds in known))
            left_s += self._left_s(whole) if step == self._step else whole.p50
        return now() + timedelta(seconds=left_s)

    def _left_s(self, known: Duration) -> float:
        """What is left of the step that runs; one that takes very long is given a quarter more."""
        gone_s = self._loop.time() - self._step_begun
        expected_s = next((each for each in known if each >= gone_s), gone_s * 1.25)
        return expected_s - gone_s

    async def learn(self) -> None:
        """Remember what this attempt has taken, for those to come."""
        took = [*self._took, (WHOLE_RUN, self._loop.time() - self._begun)] if self._whole else self._took
        try:
            await self._forecast.learn(self._type, took)
        except (RedisError, OSError) as error:
            log.warning("could not remember how long it took: %s", error)
