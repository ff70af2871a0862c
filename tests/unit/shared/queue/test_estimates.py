"""Estimated starts and positions of tasks in simulated queues."""

import random
from datetime import timedelta

from herald.shared.queue.estimates import Estimates, GroupEstimates
from herald.shared.queue.groups import Group
from herald.shared.queue.jobs import HEAD_START, job_id
from herald.shared.queue.queue import QueueState
from herald.shared.tasks.models import Priority, now
from tests.support.tasks import a_task

PERSONAS, PLAN = "AUTO_GENERATE_PERSONAS", "GENERATE_MEDIA_PLAN"
AT_S = 1_700_000_000.0
KNOWN = {PERSONAS: [20.0, 24.0, 28.0], PLAN: [100.0]}


class QueueBuilder:
    """Builds the state of a queue; each task is queued a second after the one before."""

    def __init__(self) -> None:
        self.state = QueueState(AT_S, [], [], [], {})

    def task(self, user: str = "ada", task_type: str = PERSONAS, *, ahead_s: float = 0) -> bytes:
        job = self._job(user, task_type)
        self.state.waiting.append((job, AT_S - 1000 + len(self.state.types) - ahead_s))
        self.state.waiting.sort(key=lambda each: (each[1], each[0]))
        return job

    def running(self, user: str = "ada", task_type: str = PERSONAS, elapsed_s: float | None = 0) -> bytes:
        job = self._job(user, task_type)
        self.state.running.append((job, elapsed_s))
        return job

    def later(self, due_in_s: float, user: str = "ada") -> bytes:
        job = self._job(user, PERSONAS)
        self.state.later.append((job, AT_S - 2000, due_in_s))
        return job

    def _job(self, user: str, task_type: str) -> bytes:
        job = f"{len(self.state.types):06}:0:{user}".encode()
        self.state.types[job] = task_type.encode()
        return job

    def estimates(self, slots: int, limit: int = 0, known: dict[str, list[float]] = KNOWN) -> GroupEstimates:
        return GroupEstimates(self.state, slots=slots, run_durations=known, user_limit=limit)


def starts(estimates: GroupEstimates) -> list[int | None]:
    """The seconds until each task starts, in order; None for unknown ones."""
    at = now()
    found = [estimates.start_at(position).at for position in range(1, len(estimates.order) + 1)]
    return [None if start is None else round((start - at).total_seconds()) for start in found]


def test_each_task_starts_when_a_slot_becomes_free() -> None:
    queue = QueueBuilder()
    queue.running(elapsed_s=4)
    queue.running(elapsed_s=14)
    jobs = [queue.task() for _ in range(5)]
    estimates = queue.estimates(slots=3)
    assert estimates.order == jobs
    assert starts(estimates) == [0, 10, 20, 24, 34]


def test_a_user_at_the_limit_waits_and_others_do_not() -> None:
    queue = QueueBuilder()
    many = [queue.task("busy") for _ in range(97)]
    other = queue.task("bea")
    estimates = queue.estimates(slots=20, limit=10)
    assert estimates.order == [*many[:10], other, *many[10:]]
    assert starts(estimates) == [0] * 11 + [24 * (number // 10) for number in range(10, 97)]


def test_a_head_start_moves_a_task_ahead() -> None:
    queue = QueueBuilder()
    first, second, hurried = queue.task(), queue.task(), queue.task(ahead_s=600)
    estimates = queue.estimates(slots=1)
    assert estimates.order == [hurried, first, second]
    assert starts(estimates) == [0, 24, 48]


def test_each_type_has_its_own_durations() -> None:
    queue = QueueBuilder()
    queue.task(task_type=PLAN)
    for _ in range(6):
        queue.task()
    assert starts(queue.estimates(slots=2)) == [0, 0, 24, 48, 72, 96, 100]


def test_a_retry_takes_its_old_place_once_it_is_due() -> None:
    queue = QueueBuilder()
    retry = queue.later(30)
    jobs = [queue.task() for _ in range(4)]
    estimates = queue.estimates(slots=1)
    assert estimates.order == [*jobs[:2], retry, *jobs[2:]]
    assert starts(estimates) == [0, 24, 48, 72, 96]


def test_a_retry_does_not_start_before_it_is_due() -> None:
    queue = QueueBuilder()
    queue.later(30)
    assert starts(queue.estimates(slots=1)) == [30]


def test_a_run_with_an_unknown_start_is_assumed_half_done() -> None:
    queue = QueueBuilder()
    queue.running(elapsed_s=None)
    queue.task()
    assert starts(queue.estimates(slots=1)) == [12]


def test_a_new_task_s_start_is_known_if_a_slot_is_free_or_all_durations_are_known() -> None:
    queue, known = QueueBuilder(), {PERSONAS: [24.0]}
    assert queue.estimates(slots=0, known=known).add(a_task()).at is None
    queue.running(task_type=PLAN)
    assert queue.estimates(slots=1, known=known).add(a_task()).at is None
    assert queue.estimates(slots=2, known=known).add(a_task()).at is not None
    assert queue.estimates(slots=1).add(a_task()).at is not None


def test_starts_after_a_run_of_unknown_duration_are_unknown() -> None:
    queue = QueueBuilder()
    for task_type in (PERSONAS, PLAN, PERSONAS, PERSONAS, PERSONAS):
        queue.task(task_type=task_type)
    assert starts(queue.estimates(slots=2, known={PERSONAS: [24.0]})) == [0, 0, None, None, None]
    assert starts(queue.estimates(slots=2, known={PLAN: [100.0]})) == [0, 0, None, None, None]
    assert starts(queue.estimates(slots=0)) == [None] * 5
    assert starts(queue.estimates(slots=5, known={})) == [0] * 5


def test_a_run_longer_than_all_earlier_ones_is_expected_to_take_a_quarter_more() -> None:
    queue = QueueBuilder()
    queue.running(elapsed_s=40)
    queue.task()
    assert starts(queue.estimates(slots=1)) == [10]


def test_a_new_task_s_start_agrees_with_the_next_estimates() -> None:
    chance = random.Random(7)
    for _ in range(300):
        queue, slots, limit = QueueBuilder(), chance.randint(1, 6), chance.randint(0, 3)
        types, users = [PERSONAS, PLAN], ["ada", "bea", "eve"]
        for user in users:
            for _ in range(chance.randint(0, min(limit or 3, slots // 3))):
                queue.running(user, chance.choice(types), chance.choice([None, 3, 50]))
        for _ in range(chance.randint(0, 12)):
            queue.task(chance.choice(users), chance.choice(types), ahead_s=chance.choice([0, 600]))
        mine = a_task(user_id=chance.choice(users), priority=chance.choice(list(Priority)))
        estimate = queue.estimates(slots, limit).add(mine)
        ahead_s = HEAD_START[mine.priority].total_seconds()
        job = job_id(mine).encode()
        queue.state.types[job] = mine.type.encode()
        queue.state.waiting.append((job, AT_S - ahead_s))
        queue.state.waiting.sort(key=lambda each: (each[1], each[0]))
        estimates = queue.estimates(slots, limit)
        then, all_starts = estimates.start_of(job_id(mine).encode()), starts(estimates)
        assert then is not None and then.at is not None and estimate.at is not None
        assert abs(estimate.at - then.at) < timedelta(seconds=2)
        same_moment = all_starts[then.position - 1]
        assert all_starts[estimate.position - 1] == same_moment, "its position belongs to another start"


def test_tasks_added_one_after_another_get_different_positions() -> None:
    queue = QueueBuilder()
    queue.task("busy")
    estimates = queue.estimates(slots=1)
    assert [estimates.add(a_task()).position for _ in range(3)] == [2, 3, 4]


def test_each_type_has_only_the_slots_of_its_own_workers() -> None:
    queue = QueueBuilder()
    plans = [queue.task(task_type=PLAN) for _ in range(2)]
    people = [queue.task() for _ in range(2)]
    groups = [Group(frozenset([PLAN]), 1), Group(frozenset([PERSONAS]), 2)]
    estimates = Estimates(queue.state, groups, KNOWN, user_limit=0)
    found = {job: start for job, start in estimates.front(5).items() if start is not None}
    at = min(start.at for start in found.values() if start.at)
    after_s = {job: round((start.at - at).total_seconds()) for job, start in found.items() if start.at}
    assert after_s == {plans[0]: 0, plans[1]: 100, people[0]: 0, people[1]: 0}
    assert [found[job].position for job in [*plans, *people]] == [1, 2, 1, 2]


def test_a_task_whose_type_no_worker_runs_has_no_position_and_no_start() -> None:
    queue = QueueBuilder()
    plans = [queue.task(task_type=PLAN) for _ in range(3)]
    job = queue.task()
    estimates = Estimates(queue.state, [Group(frozenset([PERSONAS]), 1)], KNOWN, user_limit=0)
    assert not estimates.has_worker(PLAN) and estimates.has_worker(PERSONAS)
    assert estimates.add(a_task(type=PLAN)) is None
    front = estimates.front(2)
    assert {each: front[each] for each in plans[:2]} == {plans[0]: None, plans[1]: None}
    start = front.pop(job)
    assert start is not None and start.position == 1 and front.keys() == set(plans[:2])
    assert estimates.start_of_job(plans[0]) is None and estimates.start_of_job(job) == start
