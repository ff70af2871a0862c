"""How long steps and whole runs usually take, learned from earlier ones."""

import re
import statistics
from collections.abc import Iterable
from typing import NamedTuple

from herald.shared.queue.recent_values import RecentValues

WHOLE_RUN = ""
"""The kind of step under which the durations of whole runs are kept."""


class Duration(NamedTuple):
    """How long something usually takes, in seconds: the median and the 90th percentile."""

    p50: float
    p90: float


def kind_of(step: str) -> str:
    """The kind of a step, without its numbers: "Write week 2" and "Write week 3" take equally long."""
    return re.sub(r"\d+", "#", step)


class Durations:
    """Records how long steps and runs took, and returns their usual durations.

    Each method raises ``redis.RedisError`` if Redis cannot be reached.

    Example::

        await durations.record("WRITE_PRESS_RELEASE", [("Writing", 3.2), (WHOLE_RUN, 11.0)])
        known = await durations.of_steps("WRITE_PRESS_RELEASE", ["Writing"])
    """

    def __init__(self, values: RecentValues) -> None:
        self._values = values

    async def record(self, task_type: str, seconds: Iterable[tuple[str, float]]) -> None:
        """Record how long steps took: pairs of a step's kind and its duration in seconds."""
        await self._values.add((_key(task_type, kind), took_s) for kind, took_s in seconds)

    async def of_steps(self, task_type: str, kinds: Iterable[str]) -> dict[str, Duration]:
        """The usual durations of the kinds of steps that have run often enough, by kind."""
        known = await self._values.read({kind: _key(task_type, kind) for kind in kinds})
        return {kind: _duration(took) for kind, took in known.items()}

    async def of_runs(self, task_types: Iterable[str]) -> dict[str, list[float]]:
        """The durations of the last runs in seconds, by task type, for types that have run often enough."""
        return await self._values.read({task_type: _key(task_type, WHOLE_RUN) for task_type in task_types})


def _duration(known: list[float]) -> Duration:
    deciles = statistics.quantiles(known, n=10, method="inclusive")
    return Duration(p50=statistics.median(known), p90=deciles[8])


def _key(task_type: str, kind: str) -> str:
    return f"herald:durations:{task_type}:{kind}"
