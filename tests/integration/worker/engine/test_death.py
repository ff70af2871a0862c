"""A worker that is killed in the middle of an attempt."""

import asyncio
import os
import signal
import sys

from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from herald.shared.tasks.store import Store
from herald.worker.engine.attempt import run_task
from tests.support.attempts import MakeDependencies, calls_of, loaded, queued
from tests.support.dying_attempt import die_once
from tests.support.processes import environment


async def test_the_next_attempt_repeats_no_step_that_a_killed_worker_has_finished(
    make_dependencies: MakeDependencies, store: Store, settings: Settings
) -> None:
    made = await queued(store, type=die_once.name)
    doomed = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.dying_attempt", made.task_id, env=environment(settings)
    )
    assert await asyncio.wait_for(doomed.wait(), 30) == -signal.SIGKILL
    left = await loaded(store, made)
    assert (left.status, left.attempt) == (TaskStatus.PROCESSING, 1)
    dependencies = make_dependencies(types=[die_once])
    await run_task(made.task_id, dependencies, was_lost=True)
    done = await loaded(store, made)
    assert (done.status, done.attempt, done.retry_count) == (TaskStatus.COMPLETED, 2, 0)
    assert not calls_of(dependencies)
    pids = await store.results.result_of(done, None)
    assert pids == [doomed.pid, doomed.pid, os.getpid(), os.getpid()]
