"""Stores the task types that workers have announced, and which application each belongs to."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from herald.shared.tasks.documents import readable
from herald.shared.tasks.models import now
from herald.shared.tasks.records import RegistrationProblem, TaskTypeRecord

OWNED_FOR_S = 24 * 3600.0
"""How long a type stays with an application of which no worker is online, in seconds."""
_SCHEMAS = ("payloadSchema", "resultSchema")


class TypeCollisionError(Exception):
    """Another application owns the task type; the message says which, and what to do."""


class TaskTypeStore:
    """The task types in MongoDB; ``Store.task_types`` is one.

    ``taskTypes`` has one document for each type and digest, which never changes. ``taskTypeOwners`` has one
    for each type, with its application and when a worker of it was last online. Each method raises
    ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached.

    Example::

        record = await store.task_types.announce(record_of(task_type, "shop"))
        await store.task_types.keep([record.type])  # now and then, while the worker is online
    """

    def __init__(self, database: Any) -> None:
        self._database = database
        self._types = database["taskTypes"]
        self._owners = database["taskTypeOwners"]
        self._problems = database["registrationProblems"]

    async def announce(self, record: TaskTypeRecord) -> TaskTypeRecord:
        """Store a task type, and return it as stored: with the time of its first announcement.

        The collection in which the type stores its results gets its index.

        Raises:
            TypeCollisionError: another application owns the type.
        """
        await self._own(record)
        if record.storage is not None:
            by_task = IndexModel([("taskId", ASCENDING)])
            await self._database[record.storage.collection].create_indexes([by_task])
        try:
            await self._types.insert_one(document_of(record))
        except DuplicateKeyError:
            stored = await self._types.find_one({"_id": _id(record)})
            [record] = _records([stored])
        await self._problems.delete_one({"_id": f"{record.type} {record.app}"})
        return record

    async def _own(self, record: TaskTypeRecord) -> None:
        at = now()
        free = [{"app": record.app}, {"seenAt": {"$lt": at - timedelta(seconds=OWNED_FOR_S)}}]
        owner = {"app": record.app, "seenAt": at}
        try:
            await self._owners.update_one({"_id": record.type, "$or": free}, {"$set": owner}, upsert=True)
        except DuplicateKeyError:
            stored = await self._owners.find_one({"_id": record.type})
            if stored is not None and stored["app"] == record.app:
                return  # another worker of the application was faster
            other = stored and stored["app"]
            raise TypeCollisionError(
                f"the task type {record.type} belongs to the application {other!r}, so {record.app!r} cannot "
                f"announce it; rename the type, or stop all workers of {other!r} for a day"
            ) from None

    async def keep(self, types: Iterable[str]) -> None:
        """Record that a worker of these types is online, so that they stay with their application."""
        await self._owners.update_many({"_id": {"$in": list(types)}}, {"$set": {"seenAt": now()}})

    async def all(self) -> list[TaskTypeRecord]:
        """Every announced form of every type, those of an earlier owner left out; the newest last."""
        owners = {owner["_id"]: owner["app"] for owner in await self._owners.find({}).to_list(None)}
        records = _records(await self._types.find({}).to_list(None))
        return sorted((each for each in records if owners.get(each.type) == each.app), key=_rank)

    async def report(self, problem: RegistrationProblem) -> None:
        """Store why an application's worker could not announce a type, in place of an earlier problem."""
        name = f"{problem.type} {problem.app}"
        await self._problems.replace_one({"_id": name}, problem.document(), upsert=True)

    async def problems(self) -> list[RegistrationProblem]:
        """The problems of the last day, the newest first."""
        found = readable(RegistrationProblem, await self._problems.find({}).to_list(None))
        since = now() - timedelta(seconds=OWNED_FOR_S)
        return sorted((each for each in found if each.at > since), key=lambda each: each.at, reverse=True)


def _rank(record: TaskTypeRecord) -> tuple[int, datetime]:
    return record.rank


def _id(record: TaskTypeRecord) -> str:
    return f"{record.type} {record.digest} {record.app}"


def document_of(record: TaskTypeRecord) -> dict[str, Any]:
    """A record as it is stored; schemas as JSON text, because their ``$ref`` has a meaning in MongoDB."""
    document = record.document()
    return {"_id": _id(record), **document, **{name: json.dumps(document[name]) for name in _SCHEMAS}}


def _records(documents: Iterable[dict[str, Any]]) -> list[TaskTypeRecord]:
    decoded = [document | {name: json.loads(document[name]) for name in _SCHEMAS} for document in documents]
    return readable(TaskTypeRecord, decoded)
