"""Estimates of when a running attempt ends."""

from typing import Any

import pytest

from herald.shared.queue.durations import Duration
from herald.shared.tasks.models import now
from herald.worker.engine.timing import TOGETHER, StepClock


class KnownDurations:
    """Knows the durations of every step but the one called Unknown."""

    async def of_steps(self, _: str, kinds: Any) -> dict[str, Duration]:
        return {kind: Duration(10, 20) for kind in kinds if "Unknown" not in kind and TOGETHER not in kind}

    async def record(self, _: str, seconds: Any) -> None:
        self.recorded = list(seconds)


class FakeLoop:
    """An event loop whose time a test sets."""

    def __init__(self) -> None:
        self.at = 0.0

    def time(self) -> float:
        return self.at


async def clock_for(*names: str, known: KnownDurations | None = None) -> tuple[StepClock, FakeLoop]:
    clock: Any = StepClock(known or KnownDurations(), "T")  # type: ignore[arg-type]
    clock._loop, clock._begun = loop, _ = FakeLoop(), 0.0
    await clock.begin(names)
    return clock, loop


def left_s(clock: StepClock) -> float:
    estimate = clock.estimate()
    assert estimate is not None
    return (estimate - now()).total_seconds()


async def test_the_estimate_covers_the_remaining_steps_and_grows_when_a_step_is_slow() -> None:
    known = KnownDurations()
    clock, loop = await clock_for("Plan", "Write 1", "Write 2", known=known)
    assert left_s(clock) == pytest.approx(30, abs=1)
    started = clock.start("Plan", rounds=1)
    loop.at = 4
    assert left_s(clock) == pytest.approx(26, abs=1)
    loop.at = 12  # longer than usual: now it is one of the slow ones
    assert left_s(clock) == pytest.approx(28, abs=1)
    loop.at = 40  # slower than any: a quarter more
    assert left_s(clock) == pytest.approx(30, abs=1)
    clock.finish("Plan", started, rounds=1, completed=True)
    assert left_s(clock) == pytest.approx(20, abs=1)
    await clock.record(is_whole_run=True)
    assert known.recorded == [("Plan", 40), ("Plan" + TOGETHER, 40), ("", 40)]


async def test_a_step_of_several_rounds_takes_that_many_times_as_long() -> None:
    known = KnownDurations()
    clock, loop = await clock_for("Plan", "Write", known=known)
    started = clock.start("Write", rounds=3)
    assert left_s(clock) == pytest.approx(40, abs=1)
    assert clock.usual_s("Write") == 30
    loop.at = 24
    assert left_s(clock) == pytest.approx(16, abs=1)
    clock.finish("Write", started, rounds=3, completed=True)
    await clock.record(is_whole_run=False)
    assert known.recorded == [("Write", 8)]


async def test_calls_at_the_same_time_count_once_in_the_time_of_a_step() -> None:
    known = KnownDurations()
    clock, loop = await clock_for(known=known)
    first = clock.start("Ask", rounds=1)
    loop.at = 1
    second = clock.start("Ask", rounds=1)
    loop.at = 3
    clock.finish("Ask", first, rounds=1, completed=True)
    loop.at = 4
    clock.finish("Ask", second, rounds=1, completed=True)
    await clock.record(is_whole_run=True)
    assert known.recorded == [("Ask", 3), ("Ask" + TOGETHER, 4), ("", 4)]


async def test_a_failed_call_is_not_recorded() -> None:
    known = KnownDurations()
    clock, _ = await clock_for("Plan", known=known)
    clock.finish("Plan", clock.start("Plan", rounds=1), rounds=1, completed=False)
    await clock.record(is_whole_run=False)
    assert known.recorded == []


async def test_there_is_no_estimate_while_a_step_s_duration_is_unknown_or_no_step_is_expected() -> None:
    clock, _ = await clock_for("Plan", "Unknown")
    assert clock.estimate() is None
    clock, _ = await clock_for()
    assert clock.estimate() is None


async def test_a_step_that_an_earlier_attempt_has_completed_is_not_ahead() -> None:
    clock, _ = await clock_for("Plan", "Write")
    clock.skip("Plan")
    assert left_s(clock) == pytest.approx(10, abs=1)
