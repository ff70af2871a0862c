"""Tasks fail at their deadline, by Redis's clock."""

from datetime import timedelta

import pytest

from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from herald.worker.maintenance.deadlines import end_overdue
from tests.support.attempts import MakeDependencies, loaded, queued


async def test_a_worker_with_a_fast_clock_fails_no_task_before_its_deadline(
    make_dependencies: MakeDependencies, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await queued(store)
    monkeypatch.setattr("herald.worker.maintenance.deadlines.now", lambda: now() + timedelta(days=2))
    await end_overdue(make_dependencies())
    assert (await loaded(store, task)).status is TaskStatus.QUEUED
