from datetime import timedelta
from typing import Any

import pytest

from shared.fleet import Capacity
from shared.forecast import Duration, kind_of
from shared.models import HistoryEntry, TaskStatus, now
from shared.outlook import Outlook
from tests.support.tasks import a_task
from worker.clock import StepClock
from worker.outcome import losses


@pytest.mark.parametrize(
    ("capacity", "position", "rounds"),
    [((4, 1), 3, 0.0), ((4, 4), 1, 0.5), ((4, 4), 4, 0.5), ((4, 4), 5, 1.5), ((4, 2), 3, 0.5)],
)
def test_who_waits_starts_when_those_before_are_done(
    capacity: tuple[int, int], position: int, rounds: float
) -> None:
    start = Outlook(Capacity(*capacity), Duration(60, 90)).start_of(position)
    assert start is not None
    assert abs(start - now() - timedelta(seconds=60 * rounds)) < timedelta(seconds=2)


def test_nobody_knows_without_workers_or_earlier_runs() -> None:
    assert Outlook(Capacity(0, 0), Duration(60, 90)).start_of(1) is None
    assert Outlook(Capacity(4, 4), None).start_of(1) is None


def test_steps_that_differ_in_a_number_are_of_one_kind() -> None:
    assert kind_of("Write week 12") == kind_of("Write week 3") == "Write week #"


class Known:
    """A forecast that knows all steps but the unknown."""

    async def durations(self, _: str, kinds: Any) -> dict[str, Duration]:
        return {kind: Duration(10, 20) for kind in kinds if kind != "Unknown"}

    async def learn(self, _: str, seconds: Any) -> None:
        self.learnt = list(seconds)


async def left_s(clock: StepClock) -> float:
    estimate = clock.estimate()
    assert estimate is not None
    return (estimate - now()).total_seconds()


async def test_the_estimate_is_of_what_is_left_and_grows_when_a_step_takes_longer() -> None:
    known = Known()
    clock = StepClock(known, "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Write 1": 1, "Write 2": 1}, whole=True)
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
    await clock.learn()
    assert [kind for kind, _ in known.learnt] == ["Plan", ""]


async def test_a_step_of_several_rounds_takes_as_many_times_as_long() -> None:
    known = Known()
    clock = StepClock(known, "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Write": 3}, whole=False)
    assert await left_s(clock) == pytest.approx(40, abs=1)
    clock.start("Write")
    clock._step_begun -= 24
    assert await left_s(clock) == pytest.approx(16, abs=1)
    clock.finish("Write")
    await clock.learn()
    assert known.learnt == [("Write", pytest.approx(8, abs=1))]


async def test_there_is_no_estimate_before_something_is_known() -> None:
    clock = StepClock(Known(), "T")  # type: ignore[arg-type]
    await clock.begin({"Plan": 1, "Unknown": 1}, whole=False)
    assert clock.estimate() is None


def lived(*claims: str) -> list[HistoryEntry]:
    queued = HistoryEntry(at=now(), status=TaskStatus.QUEUED, by="user")
    return [queued, *(HistoryEntry(at=now(), status=TaskStatus.PROCESSING, by=name) for name in claims)]


def test_only_workers_that_were_not_heard_of_again_are_lost() -> None:
    assert losses(a_task()) == 0
    assert losses(a_task(status=TaskStatus.PROCESSING, history=lived("a"))) == 1
    assert losses(a_task(status=TaskStatus.PROCESSING, history=lived("a", "b", "c"))) == 3
    assert losses(a_task(status=TaskStatus.PROCESSING, history=lived("a", "a", "b"))) == 2
    handed_back = HistoryEntry(at=now(), status=TaskStatus.RETRYING, by="b")
    after = [*lived("a", "b"), handed_back, *lived("c")[1:]]
    assert losses(a_task(status=TaskStatus.PROCESSING, history=after)) == 1
