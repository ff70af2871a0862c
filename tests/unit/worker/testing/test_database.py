"""The database in memory behaves like MongoDB in what the engine uses, and refuses the rest."""

from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from herald.worker.testing.database import Collection


async def test_documents_are_found_by_their_fields() -> None:
    things = Collection("things")
    for number in (2, 1, 3):
        await things.insert_one(
            {"_id": f"t{number}", "number": number, "kind": "odd" if number % 2 else "even"}
        )
    odd = await things.find({"kind": "odd"}, {"_id": 0}).sort("number", -1).to_list(5)
    assert odd == [{"number": 3, "kind": "odd"}, {"number": 1, "kind": "odd"}]
    assert await things.find_one({"number": {"$in": [2, 9]}}) == {"_id": "t2", "number": 2, "kind": "even"}
    assert await things.find_one({"number": 9}) is None


async def test_a_second_document_with_the_same_unique_fields_is_refused() -> None:
    checkpoints = Collection("checkpoints")
    await checkpoints.insert_one({"taskId": "t", "step": "a"})
    await checkpoints.insert_one({"taskId": "t", "step": "b"})
    with pytest.raises(DuplicateKeyError):
        await checkpoints.insert_one({"taskId": "t", "step": "a"})


async def test_an_update_changes_the_stored_document_only() -> None:
    tasks = Collection("tasks")
    given = {"taskId": "t", "rev": 1, "history": [1, 2], "note": "x"}
    await tasks.insert_one(given)
    update: dict[str, dict[str, Any]] = {
        "$set": {"status": "queued"},
        "$unset": {"note": ""},
        "$inc": {"rev": 1},
        "$push": {"history": {"$each": [3], "$slice": -2}},
    }
    assert (await tasks.update_one({"taskId": "t", "rev": 1}, update)).matched_count == 1
    assert (await tasks.update_one({"taskId": "t", "rev": 1}, update)).matched_count == 0
    assert await tasks.find_one({"taskId": "t"}) == {
        "taskId": "t",
        "rev": 2,
        "history": [2, 3],
        "status": "queued",
    }
    assert given["rev"] == 1


async def test_documents_are_replaced_and_deleted() -> None:
    results = Collection("results")
    assert (await results.replace_one({"_id": "r"}, {"_id": "r"})).matched_count == 0
    await results.replace_one({"_id": "r"}, {"_id": "r", "value": 1}, upsert=True)
    assert await results.find_one({"_id": "r"}) == {"_id": "r", "value": 1}
    await results.delete_many({"value": 1})
    assert await results.find({}).to_list(None) == []


async def test_unknown_operators_are_errors() -> None:
    things = Collection("things")
    await things.insert_one({"_id": "t", "number": 1})
    with pytest.raises(NotImplementedError, match=r"\$gt"):
        await things.find_one({"number": {"$gt": 0}})
    with pytest.raises(NotImplementedError, match=r"\$max"):
        await things.update_one({"_id": "t"}, {"$max": {"number": 2}})
