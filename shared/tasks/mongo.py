"""Connects to MongoDB with safe read and write concerns, and creates the indexes."""

import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.errors import OperationFailure

from herald.shared.settings import Settings
from herald.shared.tasks.revocations import REVOCATION_KEPT_S

DAY_S = 24 * 3600
_INDEX_EXISTS_WITH_OTHER_OPTIONS = {85, 86}  # IndexOptionsConflict, IndexKeySpecsConflict


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Any]:
    """The database at ``settings.mongo_url``; connections open on first use.

    The URL cannot weaken reads and writes. A write returns once a majority of the replica set has it in its
    journal, so that no crash takes back what a response or an event has shown. For the same reason, a read
    returns only data that a majority has.
    """
    driver: Any = {"motor": AsyncIOMotorClient, "pymongo": AsyncMongoClient}[settings.mongo_driver]
    client = driver(
        settings.mongo_url,
        tz_aware=True,
        w="majority",
        journal=True,
        fsync=False,
        readConcernLevel="majority",
        readPreference="primary",
        serverSelectionTimeoutMS=5000,
        timeoutMS=10_000,
        appname="herald",
    )
    try:
        yield client[settings.database]
    finally:
        await result_of(client.close())


async def result_of(call: Any) -> Any:
    """The result of a driver's method that is a coroutine in PyMongo and an ordinary method in Motor."""
    return await call if inspect.isawaitable(call) else call


async def ensure_indexes(database: Any, *, retention_s: int) -> None:
    """Create the indexes that are missing; safe to call from many processes at once.

    Ended tasks and checkpoints are deleted after ``retention_s`` seconds.

    Raises:
        pymongo.errors.PyMongoError: MongoDB cannot be reached, or rejects an index.
    """
    await database["tasks"].create_indexes(
        [
            IndexModel([("taskId", ASCENDING)], unique=True),
            IndexModel([("userId", ASCENDING), ("status", ASCENDING)]),
            IndexModel([("userId", ASCENDING), ("taskId", DESCENDING)]),
            IndexModel([("brandId", ASCENDING), ("status", ASCENDING)]),
            IndexModel([("brandId", ASCENDING), ("taskId", DESCENDING)]),
            IndexModel([("status", ASCENDING), ("taskId", ASCENDING)]),
            IndexModel([("unannounced", ASCENDING)], sparse=True),
            IndexModel(
                [("userId", ASCENDING), ("idempotencyKey", ASCENDING)],
                unique=True,
                partialFilterExpression={"idempotencyKey": {"$exists": True}},
            ),
        ]
    )
    await _expire_after(database, "tasks", "completedAt", retention_s)
    await database["checkpoints"].create_indexes(
        [IndexModel([("taskId", ASCENDING), ("step", ASCENDING)], unique=True)]
    )
    await _expire_after(database, "checkpoints", "savedAt", retention_s)
    await _expire_after(database, "revocations", "until", REVOCATION_KEPT_S)


async def _expire_after(database: Any, collection: str, field: str, seconds: int) -> None:
    """Let MongoDB delete a document once the time in ``field`` is ``seconds`` ago."""
    try:
        await database[collection].create_index(field, expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code not in _INDEX_EXISTS_WITH_OTHER_OPTIONS:
            raise
        changed = {"keyPattern": {field: ASCENDING}, "expireAfterSeconds": seconds}
        await database.command("collMod", collection, index=changed)
