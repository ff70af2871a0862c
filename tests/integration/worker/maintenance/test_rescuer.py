"""Tasks that Redis has lost are put back in the queue."""

from datetime import timedelta

import pytest

from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.attempts import until_status
from tests.support.processes import WORKER, environment, running
from tests.support.tasks import a_task


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.PROCESSING, TaskStatus.RETRYING])
async def test_a_task_that_redis_has_lost_runs_after_all(
    settings: Settings, store: Store, status: TaskStatus
) -> None:
    long_ago = now() - timedelta(minutes=5)
    task, _ = await store.create(a_task(status=status, updated_at=long_ago))
    with running(WORKER, environment(settings)):
        await until_status(store, task, TaskStatus.COMPLETED)
