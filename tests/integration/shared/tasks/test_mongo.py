"""The read and write concerns, and the indexes."""

import asyncio

from pymongo import ReadPreference

from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS, stored

pytestmark = BOTH_DRIVERS


async def test_tasks_and_checkpoints_are_unique_and_expire(store: Store) -> None:
    information = await store._tasks.index_information()
    found = {",".join(name for name, _ in index["key"]): index for index in information.values()}
    assert found["taskId"]["unique"]
    assert "userId,status" in found
    assert found["userId,idempotencyKey"]["unique"]
    assert found["userId,idempotencyKey"]["partialFilterExpression"] == {"idempotencyKey": {"$exists": True}}
    assert found["completedAt"]["expireAfterSeconds"] == 30 * 24 * 3600
    information = await store._database["checkpoints"].index_information()
    found = {",".join(name for name, _ in index["key"]): index for index in information.values()}
    assert found["taskId,step"]["unique"]
    assert found["savedAt"]["expireAfterSeconds"] == 30 * 24 * 3600


async def test_indexes_follow_a_changed_retention(store: Store, settings: Settings) -> None:
    await store.ensure_indexes()
    async with Store.connect(settings.model_copy(update={"retention_days": 1})) as other:
        await other.ensure_indexes()
        information = await other._tasks.index_information()
    expiries = [
        index["expireAfterSeconds"] for index in information.values() if "expireAfterSeconds" in index
    ]
    assert expiries == [24 * 3600]


async def test_several_processes_can_create_the_indexes_at_once(settings: Settings) -> None:
    async with Store.connect(settings) as one, Store.connect(settings) as other:
        await asyncio.gather(one.ensure_indexes(), other.ensure_indexes())


async def test_the_url_cannot_weaken_reads_or_writes(settings: Settings) -> None:
    weak = "&w=0&journal=false&fsync=true&readConcernLevel=local&readPreference=secondary"
    weakened = settings.model_copy(update={"mongo_url": settings.mongo_url + weak})
    async with Store.connect(weakened) as store:
        database = store._database
        assert database.write_concern.document == {"w": "majority", "j": True, "fsync": False}
        assert database.read_concern.document == {"level": "majority"}
        assert database.read_preference == ReadPreference.PRIMARY
        task = await stored(store)
        assert await store.get(task.task_id) == task
