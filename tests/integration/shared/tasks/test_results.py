"""Saving and loading checkpoints and results."""

import asyncio

from herald.shared.tasks.models import now
from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS

pytestmark = BOTH_DRIVERS


async def test_checkpoints_are_kept_by_step_until_they_are_deleted(store: Store) -> None:
    await store.checkpoints.save("t", "one", {"a": [1, None, "x"]})
    await store.checkpoints.save("t", "one", {"a": 2})
    await store.checkpoints.save("t", "two", ["b"])
    await store.checkpoints.save("other", "one", 1)
    assert await store.checkpoints.load("t") == {"one": {"a": 2}, "two": ["b"]}
    await store.checkpoints.delete("t")
    assert await store.checkpoints.load("t") == {}
    assert await store.checkpoints.load("other") == {"one": 1}


async def test_all_checkpoints_of_a_task_are_loaded(store: Store) -> None:
    outputs = {f"step {number}": number for number in range(201)}
    await asyncio.gather(*(store.checkpoints.save("t", step, output) for step, output in outputs.items()))
    assert await store.checkpoints.load("t") == outputs


async def test_a_result_saved_twice_exists_once(store: Store) -> None:
    for text in ("first", "second"):
        await store.results.save("personas", {"_id": "t-01", "taskId": "t", "text": text})
    await store.results.save("personas", {"_id": "t-02", "taskId": "t", "text": "other"})
    assert await store.results.get("personas", "t-01") == {"taskId": "t", "text": "second"}
    assert [found["text"] for found in await store.results.of_task("personas", "t")] == ["second", "other"]
    assert await store.results.get("personas", "t-03") is None


async def test_an_unreadable_checkpoint_is_skipped(store: Store) -> None:
    await store.checkpoints.save("t", "one", 1)
    await store._database["checkpoints"].insert_one({"taskId": "t", "savedAt": now()})
    assert await store.checkpoints.load("t") == {"one": 1}
