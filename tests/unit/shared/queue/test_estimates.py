import random
from datetime import timedelta
from typing import Any

import pytest

from herald.shared.queue.durations import Duration, kind_of
from herald.shared.queue.estimates import Plan
from herald.shared.queue.queue import HEAD_START, QueueState, job_id
from herald.shared.tasks.models import HistoryEntry, Priority, TaskStatus, now
from herald.worker.engine.retry_policy import losses
from herald.worker.engine.timing import StepClock
from tests.support.tasks import a_task

PERSONAS, PLAN = "AUTO_GENERATE_PERSONAS", "GENERATE_MEDIA_PLAN"
AT_S = 1_700_000_000.0
KNOWN = {PERSONAS: [20.0, 24.0, 28.0], PLAN: [100.0]}


class Waiting:
    """A queue in the making: tasks by user, each queued a second after the one before."""

    def __init__(self) -> None:
        self.state = QueueState(AT_S, [], [], [], {})

    def task(self, user: str = "ada", task_type: str = PERSONAS, *, ahead_s: float = 0) -> bytes:
        job = self._job(user, task_type)
        self.state.waiting.append((job, AT_S - 1000 + len(self.state.types) - ahead_s))
        self.state.waiting.sort(key=lambda each: (each[1], each[0]))
        return job

    def running(self, user: str = "ada", task_type: str = PERSONAS, gone_s: float | None = 0) -> bytes:
        job = self._job(user, task_type)
        self.state.running.append((job, gone_s))
        return job

    def later(self, due_in_s: float, user: str = "ada") -> bytes:
        job = self._job(user, PERSONAS)
        self.state.later.append((job, AT_S - 2000, due_in_s))
        return job

    def _job(self, user: str, task_type: str) -> bytes:
        job = f"{len(self.state.types):06}:0:{user}".encode()
        self.state.types[job] = task_type.encode()
        return job

    def plan(self, slots: int, limit: int = 0, known: dict[str, list[float]] = KNOWN) -> Plan:
        return Plan(self.state, slots=slots, whole_runs=known, user_limit=limit)


def starts(plan: Plan) -> list[int | None]:
    """In how many seconds each starts, in order."""
    at = now()
    found = [plan.start_at(position).at for position in range(1, len(plan.order) + 1)]
    return [None if start is None else round((start - at).total_seconds()) for start in found]


def test_each_starts_when_one_before_it_has_ended() -> None:
    queue = Waiting()
    queue.running(gone_s=4)
    queue.running(gone_s=14)
    jobs = [queue.task() for _ in range(5)]
    plan = queue.plan(slots=3)
    assert plan.order == jobs
    assert starts(plan) == [0, 10, 20, 24, 34]


def test_a_user_at_the_limit_waits_and_the_others_do_not() -> None:
    queue = Waiting()
    many = [queue.task("busy") for _ in range(97)]
    other = queue.task("bea")
    plan = queue.plan(slots=20, limit=10)
    assert plan.order == [*many[:10], other, *many[10:]]
    assert starts(plan) == [0] * 11 + [24 * (number // 10) for number in range(10, 97)]


def test_a_head_start_is_a_place_further_ahead() -> None:
    queue = Waiting()
    first, second, hurried = queue.task(), queue.task(), queue.task(ahead_s=600)
    plan = queue.plan(slots=1)
    assert plan.order == [hurried, first, second]
    assert starts(plan) == [0, 24, 48]


def test_runs_of_another_type_take_as_long_as_theirs_do() -> None:
    queue = Waiting()
    queue.task(task_type=PLAN)
    for _ in range(6):
        queue.task()
    assert starts(queue.plan(slots=2)) == [0, 0, 24, 48, 72, 96, 100]


def test_a_retry_takes_its_place_when_it_is_due() -> None:
    queue = Waiting()
    retry = queue.later(30)
    jobs = [queue.task() for _ in range(4)]
    plan = queue.plan(slots=1)
    assert plan.order == [*jobs[:2], retry, *jobs[2:]]
    assert starts(plan) == [0, 24, 48, 72, 96]


def test_a_retry_starts_when_it_is_due_though_a_slot_is_free_before() -> None:
    queue = Waiting()
    queue.later(30)
    assert starts(queue.plan(slots=1)) == [30]


def test_a_run_that_nobody_knows_the_start_of_is_taken_to_be_half_done() -> None:
    queue = Waiting()
    queue.running(gone_s=None)
    queue.task()
    assert starts(queue.plan(slots=1)) == [12]


def test_a_new_task_s_start_is_known_if_a_slot_is_free_or_all_runs_are_of_known_length() -> None:
    queue, known = Waiting(), {PERSONAS: [24.0]}
    assert queue.plan(slots=0, known=known).add(a_task()).at is None
    queue.running(task_type=PLAN)
    assert queue.plan(slots=1, known=known).add(a_task()).at is None
    assert queue.plan(slots=2, known=known).add(a_task()).at is not None
    assert queue.plan(slots=1).add(a_task()).at is not None


def test_what_depends_on_runs_of_unknown_length_is_not_told_and_neither_is_what_comes_after() -> None:
    queue = Waiting()
    for task_type in (PERSONAS, PLAN, PERSONAS, PERSONAS, PERSONAS):
        queue.task(task_type=task_type)
    assert starts(queue.plan(slots=2, known={PERSONAS: [24.0]})) == [0, 0, None, None, None]
    assert starts(queue.plan(slots=2, known={PLAN: [100.0]})) == [0, 0, None, None, None]
    assert starts(queue.plan(slots=0)) == [None] * 5
    assert starts(queue.plan(slots=5, known={})) == [0] * 5


def test_a_run_that_takes_longer_than_any_before_is_given_a_quarter_more() -> None:
    queue = Waiting()
    queue.running(gone_s=40)
    queue.task()
    assert starts(queue.plan(slots=1)) == [10]


def test_who_comes_now_is_told_what_the_next_plan_says() -> None:
    chance = random.Random(7)
    for _ in range(300):
        queue, slots, limit = Waiting(), chance.randint(1, 6), chance.randint(0, 3)
        types, users = [PERSONAS, PLAN], ["ada", "bea", "eve"]
        for user in users:
            for _ in range(chance.randint(0, min(limit or 3, slots // 3))):
                queue.running(user, chance.choice(types), chance.choice([None, 3, 50]))
        for _ in range(chance.randint(0, 12)):
            queue.task(chance.choice(users), chance.choice(types), ahead_s=chance.choice([0, 600]))
        mine = a_task(user_id=chance.choice(users), priority=chance.choice(list(Priority)))
        told = queue.plan(slots, limit).add(mine)
        ahead_s = HEAD_START[mine.priority].total_seconds()
        job = job_id(mine).encode()
        queue.state.types[job] = mine.type.encode()
        queue.state.waiting.append((job, AT_S - ahead_s))
        queue.state.waiting.sort(key=lambda each: (each[1], each[0]))
        plan = queue.plan(slots, limit)
        then, all_starts = plan.start_of(mine), starts(plan)
        assert then is not None and then.at is not None and told.at is not None
        assert abs(told.at - then.at) < timedelta(seconds=2)
        same_moment = all_starts[then.position - 1]
        assert all_starts[told.position - 1] == same_moment, (
            "it is another position, and not of the same moment"
        )


def test_those_who_come_one_after_the_other_are_told_different_positions() -> None:
    queue = Waiting()
    queue.task("busy")
    plan = queue.plan(slots=1)
    assert [plan.add(a_task()).position for _ in range(3)] == [2, 3, 4]


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
