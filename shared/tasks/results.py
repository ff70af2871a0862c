"""Stores what tasks produce in MongoDB: the checkpoints of their steps, and their results."""

from typing import Any

from pymongo import ASCENDING

from herald.shared.tasks.documents import readable
from herald.shared.tasks.models import Model, Task, now
from herald.shared.tasks.records import Storage

MAX_RESULTS = 200
"""Maximum number of results that one query returns."""
RESULTS = "results"
"""The collection of results that have no other."""


class _Checkpoint(Model):
    """The output of a finished step."""

    step: str
    output: Any


class Checkpoints:
    """The outputs of finished steps, from which the next attempt of a task continues; ``Store.checkpoints``.

    Each method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, checkpoints: Any) -> None:
        self._checkpoints = checkpoints

    async def load(self, task_id: str) -> dict[str, Any]:
        """The outputs of a task's finished steps, by step name."""
        found = await self._checkpoints.find({"taskId": task_id}).to_list(None)
        return {checkpoint.step: checkpoint.output for checkpoint in readable(_Checkpoint, found)}

    async def save(self, task_id: str, step: str, output: Any) -> None:
        """Save a finished step's output (JSON values), in place of an earlier output of that step."""
        key = {"taskId": task_id, "step": step}
        await self._checkpoints.replace_one(key, {**key, "output": output, "savedAt": now()}, upsert=True)

    async def delete(self, task_id: str) -> None:
        """Delete the checkpoints of a task that has its result and will not run again."""
        await self._checkpoints.delete_many({"taskId": task_id})


class Results:
    """The results of tasks, in one collection for each kind of result; ``Store.results``.

    Each method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.
    """

    def __init__(self, database: Any) -> None:
        self._database = database

    async def result_of(self, task: Task, storage: Storage | None) -> Any | None:
        """The result of a task, or None while there is none.

        A result with a ``storage`` of its own is returned as stored: the document, or
        ``{each: [documents]}``.
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
