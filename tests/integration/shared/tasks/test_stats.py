"""Aggregate statistics over all tasks."""

from datetime import timedelta

from herald.shared.tasks.models import EndReason, TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS, stored

pytestmark = BOTH_DRIVERS


async def test_active_tasks_are_counted_and_ended_ones_are_listed(store: Store) -> None:
    at = now()
    for ago in (5, 60):
        await stored(store, queued_at=at - timedelta(seconds=ago))
    await stored(store, type="GENERATE_BRAND_KIT", status=TaskStatus.RETRYING)
    for ago in (1, 2, 3, 90):
        ended = {"status": TaskStatus.FAILED, "end_reason": EndReason.QUOTA}
        await stored(store, completed_at=at - timedelta(minutes=ago), user_id=f"u{ago}", **ended)
    counts = {(group.type, group.status): group for group in await store.stats.active_counts()}
    assert set(counts) == {
        ("AUTO_GENERATE_PERSONAS", TaskStatus.QUEUED),
        ("GENERATE_BRAND_KIT", TaskStatus.RETRYING),
    }
    queued = counts["AUTO_GENERATE_PERSONAS", TaskStatus.QUEUED]
    assert queued.tasks == 2 and queued.queued_since == at - timedelta(seconds=60)
    lately = await store.stats.recently_ended(after=at - timedelta(hours=1), limit=2)
    assert [task.completed_at for task in lately] == [at - timedelta(minutes=ago) for ago in (1, 2)]
    assert lately[0].end_reason is EndReason.QUOTA and lately[0].started_at is None
    found = await store.queries.search([TaskStatus.FAILED], limit=10)
    assert len({task.user_id for task in found.tasks}) == len(found.tasks) == 4
