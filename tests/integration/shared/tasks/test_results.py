"""Storing and reading checkpoints and results."""

import asyncio
from datetime import datetime

import pytest
from bson.errors import BSONError

from herald.shared.tasks.models import Usage, now
from herald.shared.tasks.records import Storage
from herald.shared.tasks.store import Store
from tests.support.tasks import BOTH_DRIVERS, a_task

pytestmark = BOTH_DRIVERS

KITS = Storage(collection="brandKits", id_field="brandKitId")
PERSONAS = Storage(collection="personas", id_field="personaId", each="people")


async def test_the_first_output_under_a_key_stays(store: Store) -> None:
    assert await store.checkpoints.add("t", "one", '{"a":1}', attempt=1) == '{"a":1}'
    assert await store.checkpoints.add("t", "one", '{"a":2}', attempt=2) == '{"a":1}'
    assert await store.checkpoints.read("t", ["one", "two"]) == {"one": '{"a":1}'}


async def test_of_several_attempts_at_once_all_get_the_same_output(store: Store) -> None:
    outputs = await asyncio.gather(
        *(store.checkpoints.add("t", "one", str(number), attempt=number) for number in range(10))
    )
    assert len(set(outputs)) == 1


async def test_an_unreadable_output_is_replaced_once(store: Store) -> None:
    await store.checkpoints.add("t", "one", "old", attempt=1)
    assert await store.checkpoints.add("t", "one", "new", attempt=2, instead_of="old") == "new"
    assert await store.checkpoints.add("t", "one", "newer", attempt=3, instead_of="old") == "new"


async def test_all_keys_of_a_task_are_read_until_they_are_deleted(store: Store) -> None:
    keys = {f"step:{number}:1" for number in range(201)}
    await asyncio.gather(*(store.checkpoints.add("t", key, "1", attempt=1) for key in keys))
    await store.checkpoints.add("other", "one", "1", attempt=1)
    assert await store.checkpoints.keys("t") == keys
    assert set(await store.checkpoints.read("t", keys)) == keys
    await store.checkpoints.delete("t")
    assert await store.checkpoints.keys("t") == set()
    assert await store.checkpoints.keys("other") == {"one"}


async def test_an_unreadable_checkpoint_is_skipped(store: Store) -> None:
    await store.checkpoints.add("t", "one", "1", attempt=1)
    await store._database["checkpoints"].insert_one({"taskId": "t", "savedAt": now()})
    assert await store.checkpoints.keys("t") == {"one"}


async def test_a_document_saved_twice_exists_once(store: Store) -> None:
    for text in ("first", "second"):
        await store.results.save("personas", {"_id": "t-01", "taskId": "t", "text": text})
    await store.results.save("personas", {"_id": "t-02", "taskId": "t", "text": "other"})
    assert await store.results.get("personas", "t-01") == {"taskId": "t", "text": "second"}
    assert [found["text"] for found in await store.results.of_task("personas", "t")] == ["second", "other"]
    assert await store.results.get("personas", "t-03") is None


async def test_a_result_is_stored_with_its_owner_and_origin(store: Store) -> None:
    task = a_task(brand_id="b", usage=Usage(provider="offline", model="rules"))
    assert await store.results.result_of(task, None) is None
    assert await store.results.save_result(task, {"text": ["x"]}, None) == {"taskId": task.task_id}
    assert await store.results.result_of(task, None) == {"text": ["x"]}
    document = await store.results.get("results", task.task_id)
    assert document is not None and isinstance(document.pop("createdAt"), datetime)
    assert document == {
        "taskId": task.task_id,
        "userId": "ada",
        "brandId": "b",
        "provider": "offline",
        "type": task.type,
        "result": {"text": ["x"]},
    }


async def test_a_type_with_a_collection_of_its_own_has_documents_there(store: Store) -> None:
    task = a_task()
    assert await store.results.result_of(task, KITS) is None
    reference = await store.results.save_result(task, {"name": "Northlight"}, KITS)
    assert reference == {"brandKitId": task.task_id}
    found = await store.results.result_of(task, KITS)
    assert found is not None and isinstance(found.pop("createdAt"), datetime)
    assert found == {
        "brandKitId": task.task_id,
        "taskId": task.task_id,
        "userId": "ada",
        "provider": None,
        "name": "Northlight",
    }


async def test_each_item_of_a_list_may_be_a_document(store: Store) -> None:
    task = a_task()
    assert await store.results.result_of(task, PERSONAS) is None
    people = [{"number": 1, "name": "Mara"}, {"number": 2, "name": "Jon"}]
    ids = [f"{task.task_id}-01", f"{task.task_id}-02"]
    reference = await store.results.save_result(task, {"people": people}, PERSONAS)
    assert reference == {"taskId": task.task_id, "personaIds": ids}
    found = await store.results.result_of(task, PERSONAS)
    assert found is not None
    assert [(each["personaId"], each["name"]) for each in found["people"]] == list(
        zip(ids, ("Mara", "Jon"), strict=True)
    )


async def test_a_value_that_mongodb_cannot_store_is_refused(store: Store) -> None:
    with pytest.raises((BSONError, OverflowError)):
        await store.results.save_result(a_task(), {"number": 2**64}, None)
