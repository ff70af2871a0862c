"""Estimates of when a running attempt ends."""

from typing import Any

import pytest

from herald.shared.queue.durations import Duration
from herald.shared.tasks.models import now
from herald.worker.engine.timing import StepClock


class KnownDurations:
    """Knows the durations of every step but the one called Unknown."""

    async def of_steps(self, _: str, kinds: Any) -> dict[str, Duration]:
        return {kind: Duration(10, 20) for kind in kinds if kind != "Unknown"}

    async def record(self, _: str, seconds: Any) -> None:
        self.recorded = list(seconds)


async def left_s(clock: StepClock) -> float:
    estimate = clock.estimate()
    assert estimate is not None
    return (estimate - now()).total_seconds()


async def test_the_estimate_covers_the_remaining_steps_and_grows_when_a_step_is_slow() -> None:
    known = KnownDurations()
    clock = StepClock(known, "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Write 1": 1, "Write 2": 1}, is_whole_run=True)
    assert await left_s(clock) == pytest.approx(30, abs=1)
    clock.start("Plan")
    clock._step_begun -= 4
    assert await left_s(clock) == pytest.approx(26, abs=1)
    clock._step_begun -= 8  # longer than usual: now it is one of the slow ones
    assert await left_s(clock) == pytest.approx(28, abs=1)
    clock._step_begun -= 28  # slower than any: a quarter more
    assert await left_s(clock) == pytest.approx(30, abs=1)
    clock.finish("Plan")
    assert await left_s(clock) == pytest.approx(20, abs=1)
    await clock.record()
    assert [kind for kind, _ in known.recorded] == ["Plan", ""]


async def test_a_step_of_several_rounds_takes_that_many_times_as_long() -> None:
    known = KnownDurations()
    clock = StepClock(known, "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Write": 3}, is_whole_run=False)
    assert await left_s(clock) == pytest.approx(40, abs=1)
    clock.start("Write")
    clock._step_begun -= 24
    assert await left_s(clock) == pytest.approx(16, abs=1)
    clock.finish("Write")
    await clock.record()
    assert known.recorded == [("Write", pytest.approx(8, abs=1))]


async def test_there_is_no_estimate_while_a_step_s_duration_is_unknown() -> None:
    clock = StepClock(KnownDurations(), "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Unknown": 1}, is_whole_run=False)
    assert clock.estimate() is None
