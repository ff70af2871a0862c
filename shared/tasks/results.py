"""Stores what tasks produce in MongoDB: the checkpoints of their steps, and their results."""

from collections.abc import Collection
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from herald.shared.tasks.documents import readable
from herald.shared.tasks.models import Model, Task, now
from herald.shared.tasks.records import Storage

MAX_RESULTS = 200
"""Maximum number of results that one query returns."""
RESULTS = "results"
"""The collection of results that have no other."""


class _Key(Model):
    """The key of a checkpoint."""

    step: str


class _Checkpoint(_Key):
    """The output of a finished step, as JSON text."""

    output: str


class Checkpoints:
    """The outputs of finished steps, from which the next attempt of a task continues; ``Store.checkpoints``.

    Each one is written once: whoever comes second gets the output of the first. Each method raises
    ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, checkpoints: Any) -> None:
        self._checkpoints = checkpoints

    async def keys(self, task_id: str) -> set[str]:
        """The keys of all checkpoints of a task."""
        found = self._checkpoints.find({"taskId": task_id}, {"_id": 0, "taskId": 1, "step": 1})
        return {checkpoint.step for checkpoint in readable(_Key, await found.to_list(None))}

    async def read(self, task_id: str, keys: Collection[str]) -> dict[str, str]:
        """The outputs of those checkpoints that exist, as JSON texts by key."""
        if not keys:
            return {}
        found = self._checkpoints.find({"taskId": task_id, "step": {"$in": list(keys)}})
        return {each.step: each.output for each in readable(_Checkpoint, await found.to_list(None))}

    async def add(
        self, task_id: str, key: str, output: str, *, attempt: int, instead_of: str | None = None
    ) -> str:
        """Store a finished step's output (JSON text), unless the key has one; returns the one that is stored.

        Args:
            task_id: the task.
            key: the checkpoint's key.
            output: the output.
            attempt: the number of the attempt that stores it.
            instead_of: an output that cannot be read any more; it is replaced if it is still there.
        """
        checkpoint = {"taskId": task_id, "step": key}
        content = {"output": output, "attempt": attempt, "savedAt": now()}
        if instead_of is not None:
            replaced = await self._checkpoints.update_one(
                {**checkpoint, "output": instead_of}, {"$set": content}
            )
            if replaced.matched_count:
                return output
        try:
            await self._checkpoints.insert_one({**checkpoint, **content})
        except DuplicateKeyError:
            return (await self.read(task_id, [key])).get(key, output)
        return output

    async def delete(self, task_id: str) -> None:
        """Delete the checkpoints of a task that has its result and will not run again."""
        await self._checkpoints.delete_many({"taskId": task_id})


class Results:
    """The results of tasks; ``Store.results``.

    Each method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, database: Any) -> None:
        self._database = database

    async def save_result(self, task: Task, value: Any, storage: Storage | None) -> dict[str, Any]:
        """Store the result of a task; returns the reference to it for ``task.result``.

        Storing a result again replaces it, so there is never a duplicate.

        Args:
            task: the task.
            value: the result, as JSON values.
            storage: where to store it; by default in the collection ``results``.

        Raises:
            bson.errors.BSONError, OverflowError: MongoDB cannot store the value.
        """
        if storage is None:
            await self.save(RESULTS, {**_owned(task, task.task_id), "type": task.type, "result": value})
            return {"taskId": task.task_id}
        if storage.each is None:
            await self.save(storage.collection, _document(task, storage, task.task_id, value))
            return {storage.id_field: task.task_id}
        ids = [f"{task.task_id}-{number:02d}" for number in range(1, len(value[storage.each]) + 1)]
        for result_id, item in zip(ids, value[storage.each], strict=True):
            await self.save(storage.collection, _document(task, storage, result_id, item))
        return {"taskId": task.task_id, f"{storage.id_field}s": ids}

    async def result_of(self, task: Task, storage: Storage | None) -> Any | None:
        """The result of a task, or None while there is none.

        A result with its own ``storage`` is returned as stored: the document, or ``{each: [documents]}``.
        """
        if storage is None:
            found = await self.get(RESULTS, task.task_id)
            return found and found["result"]
        if storage.each is None:
            return await self.get(storage.collection, task.task_id)
        documents = await self.of_task(storage.collection, task.task_id)
        return {storage.each: documents} if documents else None

    async def save(self, collection: str, document: dict[str, Any]) -> None:
        """Save a result under its ``_id``; saving it again replaces it, so there is never a duplicate."""
        await self._database[collection].replace_one({"_id": document["_id"]}, document, upsert=True)

    async def get(self, collection: str, result_id: str) -> dict[str, Any] | None:
        """The result with that id, without ``_id``, or None."""
        found: dict[str, Any] | None = await self._database[collection].find_one(
            {"_id": result_id}, {"_id": 0}
        )
        return found

    async def of_task(self, collection: str, task_id: str) -> list[dict[str, Any]]:
        """The results of a task, at most `MAX_RESULTS`, in the order of their ``_id``, which is left out."""
        found = self._database[collection].find({"taskId": task_id}).sort("_id", ASCENDING)
        documents: list[dict[str, Any]] = await found.to_list(MAX_RESULTS)
        return [{name: value for name, value in document.items() if name != "_id"} for document in documents]


def _document(task: Task, storage: Storage, result_id: str, content: dict[str, Any]) -> dict[str, Any]:
    owned = _owned(task, result_id)
    return {"_id": owned.pop("_id"), storage.id_field: result_id, **owned, **content}


def _owned(task: Task, result_id: str) -> dict[str, Any]:
    """The fields that every result has: whose it is, and where it comes from."""
    brand = {"brandId": task.brand_id} if task.brand_id is not None else {}
    return {
        "_id": result_id,
        "taskId": task.task_id,
        "userId": task.user_id,
        **brand,
        "createdAt": now(),
        "provider": task.usage.provider if task.usage else None,
    }
