"""Tasks fail at their deadline, by Redis's clock."""

from datetime import timedelta

import pytest

from herald.shared.tasks.models import EndReason, TaskStatus, now
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


async def test_a_task_s_own_deadline_counts_instead_of_the_setting(
    make_dependencies: MakeDependencies, store: Store
) -> None:
    at = now()
    late = await queued(store, queued_at=at - timedelta(seconds=90), deadline=at - timedelta(seconds=60))
    long = await queued(store, queued_at=at - timedelta(days=9), deadline=at + timedelta(days=1))
    default = await queued(store, queued_at=at - timedelta(days=9))
    await end_overdue(make_dependencies())
    failed = await loaded(store, late)
    assert (failed.status, failed.end_reason) == (TaskStatus.FAILED, EndReason.EXPIRED)
    assert failed.last_error == "the task did not end within 30 s of being queued"
    assert (await loaded(store, long)).status is TaskStatus.QUEUED
    assert (await loaded(store, default)).status is TaskStatus.FAILED
