"""MongoDB: tasks, their checkpoints and their results; every change of status is a compare-and-set."""

import inspect
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient
from pydantic.alias_generators import to_camel
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel
from pymongo.errors import DuplicateKeyError, OperationFailure

from herald.shared.observability import metrics
from herald.shared.settings import Settings
from herald.shared.tasks.documents import Page, read, readable
from herald.shared.tasks.models import (
    ACTIVE,
    ENDED,
    HISTORY_LIMIT,
    HistoryEntry,
    Model,
    Priority,
    PublicTask,
    Task,
    TaskStatus,
    interrupted_steps,
    may_become,
    now,
)
from herald.shared.tasks.stats import TaskStats
from herald.shared.tasks.task_types import TASK_TYPES

log = logging.getLogger(__name__)

_PRIVATE = {
    "_id": 0,
    "payload": 0,
    "history": 0,
    "idempotencyKey": 0,
    "requestDigest": 0,
    "traceparent": 0,
    "unannounced": 0,
}
_DAY_S = 24 * 3600
REVOCATION_KEPT_S = 31 * _DAY_S
"""A revocation is forgotten after this: a token that lives longer than a month is not revoked for good."""
_INDEX_EXISTS_WITH_OTHER_OPTIONS = {85, 86}  # IndexOptionsConflict, IndexKeySpecsConflict
MAX_LISTED = 200
"""Most tasks that one query returns."""
MAX_SHARED = 2000
"""Most tasks that one query for snapshots returns, and most unfinished tasks in one of them."""
MAX_ENDED = 200
"""Most ended tasks in a snapshot."""
_UNFINISHED = {"status": {"$nin": list(ENDED)}, "completedAt": None}
"""The part of a query that finds what has not ended, in whatever status a newer version may have put it."""


class _Checkpoint(Model):
    """What a step has put out."""

    step: str
    output: Any


def _ended(after: datetime) -> dict[str, Any]:
    """The part of a query that finds what ended after a time."""
    return {"completedAt": {"$gt": after}}


def _snapshot(tasks: Iterable[PublicTask]) -> Page:
    """The tasks in a snapshot's order: those that have not ended, then some of the others; newest first."""
    newest_first = sorted(tasks, key=lambda task: task.task_id, reverse=True)
    ended = Page([task for task in newest_first if task.completed_at is not None]).first(MAX_ENDED)
    return Page([task for task in newest_first if task.completed_at is None] + ended.tasks, ended.after)


def _of(user_id: str | None, brand_id: str | None) -> dict[str, Any]:
    """The part of a query that finds a user's tasks, or a brand's."""
    return {"userId": user_id} if user_id is not None else {"brandId": brand_id}


def _update(changes: dict[str, Any], entry: HistoryEntry | None) -> dict[str, Any]:
    """A change of a task as MongoDB's operators."""
    given = Task.model_construct(**changes)  # so that a value is stored as in a whole document
    update: dict[str, Any] = {
        "$set": given.model_dump(by_alias=True, exclude_none=True, include=set(changes)),
        "$inc": {"rev": 1},
    }
    if removed := {to_camel(name): "" for name, value in changes.items() if value is None}:
        update["$unset"] = removed
    if entry is not None:
        update["$push"] = {"history": {"$each": [entry.document()], "$slice": -HISTORY_LIMIT}}
    return update


def _after(before: Task, changes: dict[str, Any], entry: HistoryEntry | None) -> Task:
    """What a task is after a change."""
    history = [*before.history, entry][-HISTORY_LIMIT:] if entry is not None else before.history
    return Task.model_validate({**dict(before), **changes, "rev": before.rev + 1, "history": history})


def _entered(task: Task, *, by: str, note: str | None = None) -> None:
    """Count and log that a task has entered its status."""
    metrics.TRANSITIONS.labels(task.type, task.status).inc()
    if task.status is TaskStatus.FAILED:
        metrics.FAILURES.labels(task.type, task.end_reason).inc()
    about = {
        "taskId": task.task_id,
        "userId": task.user_id,
        "type": task.type,
        "attempt": task.attempt or None,
        "traceId": task.trace_id,
        "by": by,
        "endReason": task.end_reason,
        "note": note,
    }
    log.info("task is %s", task.status, extra={"about": about})


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, with another request."""


class Store:
    """Tasks, checkpoints and results in MongoDB.

    It keeps to the calls that Motor and PyMongo's ``AsyncMongoClient`` share, so either can drive it. Each
    method raises ``pymongo.errors.PyMongoError`` where MongoDB cannot be reached. Documents that cannot be
    read are left out; a method that is about a single task raises `UnreadableError` instead.

    Example::

        async with Store.connect(settings) as store:
            await store.create(task)
            task = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user")
    """

    def __init__(self, database: Any, *, retention_days: float = 30) -> None:
        self._database = database
        self._tasks = database["tasks"]
        self.stats = TaskStats(self._tasks)
        self._checkpoints = database["checkpoints"]
        self._revocations = database["revocations"]
        self._retention_s = round(retention_days * _DAY_S)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Store"]:
        """A store on ``settings.mongo_url``; connections open on first use, so this never fails.

        How safely it writes and reads is not left to the URL. A write returns once a majority of the replica
        set has it in its journal, so no crash takes back what a response or an event has shown. For the same
        reason a read sees only what a majority has.
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
            yield cls(client[settings.mongo_database], retention_days=settings.retention_days)
        finally:
            closing = client.close()  # PyMongo's is awaited, Motor's is not
            if inspect.isawaitable(closing):
                await closing

    async def ping(self) -> None:
        """Raise ``pymongo.errors.PyMongoError`` unless MongoDB answers."""
        await self._database.command("ping")

    async def ensure_indexes(self) -> None:
        """Create the indexes that are missing; safe to call from many processes at once."""
        has_key = {"idempotencyKey": {"$exists": True}}
        await self._tasks.create_indexes(
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
                    partialFilterExpression=has_key,
                ),
            ]
        )
        await self._expire_after(self._tasks, "completedAt", self._retention_s)
        await self._checkpoints.create_indexes(
            [IndexModel([("taskId", ASCENDING), ("step", ASCENDING)], unique=True)]
        )
        await self._expire_after(self._checkpoints, "savedAt", self._retention_s)
        await self._expire_after(self._revocations, "until", REVOCATION_KEPT_S)
        for collection in {task_type.collection for task_type in TASK_TYPES.values()}:
            await self._database[collection].create_indexes([IndexModel([("taskId", ASCENDING)])])

    async def _expire_after(self, collection: Any, field: str, seconds: int) -> None:
        """Let MongoDB delete documents once ``field`` is so many seconds old."""
        try:
            await collection.create_index(field, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code not in _INDEX_EXISTS_WITH_OTHER_OPTIONS:
                raise
            changed = {"keyPattern": {field: ASCENDING}, "expireAfterSeconds": seconds}
            await self._database.command("collMod", collection.name, index=changed)

    async def create(self, task: Task) -> tuple[Task, bool]:
        """Store a new task, marked as not announced; returns it and whether it is new.

        Where its user has used ``task.idempotency_key`` before, for the same request, the earlier task is
        returned and nothing is stored.

        Raises:
            IdempotencyConflictError: the key was used for another request.
            UnreadableError: the earlier task cannot be read.
        """
        task = task.model_copy(update={"unannounced": True})
        try:
            await self._tasks.insert_one(task.document())
        except DuplicateKeyError:
            earlier = task.idempotency_key and await self._tasks.find_one(
                {"userId": task.user_id, "idempotencyKey": task.idempotency_key}
            )
            if not earlier:
                raise
            found = read(Task, earlier)
            if found.request_digest != task.request_digest:
                raise IdempotencyConflictError from None
            return found, False
        _entered(task, by="user")
        return task, True

    async def get(self, task_id: str) -> Task | None:
        """The whole task, or None.

        Raises:
            UnreadableError: there is one, but it cannot be read.
        """
        document = await self._tasks.find_one({"taskId": task_id})
        return read(Task, document) if document else None

    async def get_public(self, task_ids: Sequence[str]) -> list[PublicTask]:
        """Those of the tasks that exist and can be read, newest first."""
        return (await self._find({"taskId": {"$in": list(task_ids)}}, limit=len(task_ids))).tasks

    async def list_tasks(
        self,
        user_id: str | None = None,
        *,
        brand_id: str | None = None,
        statuses: Iterable[TaskStatus] | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Page:
        """A user's or a brand's tasks, newest first; ``after`` is that of the page before, or of a snapshot.

        A page may have fewer tasks than ``limit`` and still not be the last one: see its ``after``.
        """
        query = _of(user_id, brand_id)
        if statuses is not None:
            query["status"] = {"$in": list(statuses)}
        if after is not None:
            query["taskId"] = {"$lt": after}
        return await self._find(query, limit=limit)

    async def search(
        self, statuses: Iterable[TaskStatus] | None, *, limit: int, after: str | None = None
    ) -> Page:
        """Tasks of all users, newest first; ``after`` as in `list_tasks`."""
        query: dict[str, Any] = {"status": {"$in": list(statuses)}} if statuses else {}
        if after is not None:
            query["taskId"] = {"$lt": after}
        return await self._find(query, limit=limit)

    async def snapshot(
        self,
        *,
        ended_after: datetime,
        user_id: str | None = None,
        brand_id: str | None = None,
    ) -> Page:
        """The unfinished tasks of a user or a brand, and then those that ended after a time; newest first.

        Of very many, the newest.
        """
        owner = _of(user_id, brand_id)
        shown = owner | {"$or": [_UNFINISHED, _ended(ended_after)]}
        found = await self._tasks.find(shown, _PRIVATE).limit(MAX_SHARED).to_list(MAX_SHARED)
        if len(found) < MAX_SHARED:
            return _snapshot(readable(PublicTask, found))
        unfinished = await self._first(owner | _UNFINISHED, MAX_SHARED)
        ended = await self._first(owner | _ended(ended_after), MAX_ENDED)
        cursors = [page.after for page in (unfinished, ended) if page.after is not None]
        return Page(unfinished.tasks + ended.tasks, max(cursors, default=None))

    async def snapshots(self, user_ids: Sequence[str], *, ended_after: datetime) -> dict[str, Page]:
        """`snapshot` for many users, in one query unless they have very many tasks."""
        if len(user_ids) == 1:
            return {user_ids[0]: await self.snapshot(user_id=user_ids[0], ended_after=ended_after)}
        query = {"userId": {"$in": list(user_ids)}, "$or": [_UNFINISHED, _ended(ended_after)]}
        found = await self._tasks.find(query, _PRIVATE).limit(MAX_SHARED).to_list(MAX_SHARED)
        if len(found) == MAX_SHARED:
            half = len(user_ids) // 2
            first, second = user_ids[:half], user_ids[half:]
            return await self.snapshots(first, ended_after=ended_after) | await self.snapshots(
                second, ended_after=ended_after
            )
        tasks: dict[str, list[PublicTask]] = {user_id: [] for user_id in user_ids}
        for task in readable(PublicTask, found):
            tasks[task.user_id].append(task)
        return {user_id: _snapshot(theirs) for user_id, theirs in tasks.items()}

    def active(self, *, unchanged_since: datetime) -> AsyncIterator[list[Task]]:
        """The tasks of all users that have not ended, and not changed since a time either; in batches."""
        return self._batches({"status": {"$in": list(ACTIVE)}, "updatedAt": {"$lt": unchanged_since}})

    async def _batches(self, query: dict[str, Any]) -> AsyncIterator[list[Task]]:
        """The tasks that a query finds, by their ids, in batches; unreadable ones are passed over."""
        after = ""
        while True:
            page = query | {"taskId": {"$gt": after}}
            found = (
                await self._tasks.find(page).sort("taskId", ASCENDING).limit(MAX_LISTED).to_list(MAX_LISTED)
            )
            if not found:
                return
            yield readable(Task, found)
            after = found[-1]["taskId"]

    async def _first(self, query: dict[str, Any], count: int) -> Page:
        """The newest tasks that a query finds; with a cursor only if there are more."""
        return (await self._page(query, count + 1)).first(count)

    async def _find(self, query: dict[str, Any], *, limit: int) -> Page:
        return await self._page(query, min(max(limit, 1), MAX_LISTED))

    async def _page(self, query: dict[str, Any], limit: int) -> Page:
        found = await self._tasks.find(query, _PRIVATE).sort("taskId", DESCENDING).limit(limit).to_list(limit)
        more = len(found) == limit and isinstance(found[-1].get("taskId"), str)
        return Page(readable(PublicTask, found), found[-1]["taskId"] if more else None)

    async def transition(
        self,
        task: Task | str,
        to: TaskStatus,
        *,
        by: str,
        if_attempt: int | None = None,
        note: str | None = None,
        **changes: Any,
    ) -> Task | None:
        """Move a task to ``to`` if the table of transitions allows it, and return it as it is then.

        Returns None, having changed nothing, if the task is in no status that may become ``to``, or if its
        attempt is no longer number ``if_attempt``. ``changes`` are fields of `Task` by their Python names;
        None removes a field; without ``steps`` among them, those that run are interrupted. The task is marked
        as not announced, unless it runs: then more events follow.

        ``task`` is its id; or the task as it was stored last, as far as one knows, which saves a look at it.
        """
        at = now()
        entry = HistoryEntry(at=at, status=to, by=by, note=note)
        unannounced = None if to is TaskStatus.PROCESSING else True
        moved = await self._write(
            task,
            may_become(to),
            if_attempt,
            {**changes, "unannounced": unannounced, "status": to, "updated_at": at},
            entry,
        )
        if moved is not None:
            _entered(moved, by=by, note=note)
        return moved

    async def mark_announced(self, task: Task) -> None:
        """Note that ``task`` has been published as it is; if it has changed since, nothing is noted."""
        await self._tasks.update_one(
            {"taskId": task.task_id, "rev": task.rev}, {"$unset": {"unannounced": ""}}
        )

    def unannounced(self, *, unchanged_since: datetime) -> AsyncIterator[list[Task]]:
        """The tasks whose newest transition has not been published, and was before a time; in batches.

        One to a status that only a newer version knows is left for that version to publish.
        """
        known = {"status": {"$in": list(TaskStatus)}}
        return self._batches({"unannounced": True, "updatedAt": {"$lt": unchanged_since}} | known)

    def overdue(self, *, queued_before: datetime) -> AsyncIterator[list[Task]]:
        """The tasks that were queued before a time and have not ended; in batches."""
        return self._batches({"status": {"$in": list(ACTIVE)}, "queuedAt": {"$lt": queued_before}})

    async def queued(self, task_ids: Sequence[str]) -> list[Task]:
        """Those of the tasks that are queued."""
        query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.QUEUED}
        return readable(Task, await self._tasks.find(query).to_list(len(task_ids) or 1))

    async def count_waiting(self, user_id: str, *, besides: Collection[str] = ()) -> int:
        """How many of a user's tasks are queued, without those ``besides``."""
        query: dict[str, Any] = {"userId": user_id, "status": TaskStatus.QUEUED}
        if besides:
            query["taskId"] = {"$nin": list(besides)}
        found: int = await self._tasks.count_documents(query)
        return found

    async def of_key(self, user_id: str, idempotency_key: str) -> bool:
        """Whether a user has a task with this idempotency key."""
        query = {"userId": user_id, "idempotencyKey": idempotency_key}
        return await self._tasks.find_one(query, {"_id": 1}) is not None

    async def attempts(self, task_ids: Sequence[str]) -> dict[str, int]:
        """The numbers of the attempts that run now, by task id; without the tasks that do not run."""
        query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.PROCESSING}
        found = await self._tasks.find(query, {"taskId": 1, "attempt": 1}).to_list(len(task_ids))
        return {document["taskId"]: document.get("attempt", 0) for document in found}

    async def set_priority(self, task_id: str, priority: Priority) -> Task | None:
        """Change a queued task's priority; None, unchanged, if it is not queued."""
        changes = {"priority": priority, "updated_at": now(), "unannounced": True}
        return await self._write(task_id, {TaskStatus.QUEUED}, None, changes)

    async def record(self, task: Task | str, attempt: int, **changes: Any) -> Task | None:
        """Store how far the running attempt is; None, unchanged, if ``attempt`` is not that one."""
        return await self._write(task, {TaskStatus.PROCESSING}, attempt, {**changes, "updated_at": now()})

    async def _write(
        self,
        task: Task | str,
        statuses: Collection[TaskStatus],
        attempt: int | None,
        changes: dict[str, Any],
        entry: HistoryEntry | None = None,
    ) -> Task | None:
        """Compare and set: the change is written to the version that it was decided on, or decided again."""
        before = task if isinstance(task, Task) else await self.get(task)
        while before is not None:
            if before.status not in statuses or attempt not in (None, before.attempt):
                return None
            decided = changes
            if entry is not None and "steps" not in changes:
                steps = interrupted_steps(before.steps, entry.status)
                decided = changes if steps == before.steps else {**changes, "steps": steps}
            version = {"taskId": before.task_id, "rev": before.rev}
            written = await self._tasks.update_one(version, _update(decided, entry))
            if written.matched_count:
                return _after(before, decided, entry)
            before = await self.get(before.task_id)
        return None

    async def checkpoints(self, task_id: str) -> dict[str, Any]:
        """The outputs of a task's finished steps, by the step's name."""
        found = await self._checkpoints.find({"taskId": task_id}).to_list(None)
        return {kept.step: kept.output for kept in readable(_Checkpoint, found)}

    async def save_checkpoint(self, task_id: str, step: str, output: Any) -> None:
        """Keep a finished step's output (JSON values); a second one for the same step replaces it."""
        key = {"taskId": task_id, "step": step}
        await self._checkpoints.replace_one(key, {**key, "output": output, "savedAt": now()}, upsert=True)

    async def drop_checkpoints(self, task_id: str) -> None:
        """Forget a task's checkpoints: it has its result, and will not run again."""
        await self._checkpoints.delete_many({"taskId": task_id})

    async def put_result(self, collection: str, document: dict[str, Any]) -> None:
        """Write a result under its ``_id``; writing it again replaces it, so there is never a second copy."""
        await self._database[collection].replace_one({"_id": document["_id"]}, document, upsert=True)

    async def result(self, collection: str, result_id: str) -> dict[str, Any] | None:
        """The result with that id, without ``_id``, or None."""
        found: dict[str, Any] | None = await self._database[collection].find_one(
            {"_id": result_id}, {"_id": 0}
        )
        return found

    async def results_of(self, collection: str, task_id: str) -> list[dict[str, Any]]:
        """All results of a task, in the order of their ids."""
        found = self._database[collection].find({"taskId": task_id}).sort("_id", ASCENDING)
        documents: list[dict[str, Any]] = await found.to_list(MAX_LISTED)
        return [{name: value for name, value in document.items() if name != "_id"} for document in documents]

    async def revoke_tokens(self, user_id: str, until: float) -> None:
        """Keep that a user's tokens issued up to a moment are revoked; an earlier moment changes nothing.

        ``until`` is Unix time in seconds.
        """
        # The date, of whole milliseconds, is for the index; the moment itself is compared with tokens.
        changes = {"moment": until, "until": datetime.fromtimestamp(until, UTC)}
        await self._revocations.update_one({"_id": user_id}, {"$max": changes}, upsert=True)

    async def revocations(self) -> dict[str, float]:
        """By user, the moment up to which tokens are revoked; without those that are forgotten."""
        since = datetime.fromtimestamp(time.time() - REVOCATION_KEPT_S, UTC)
        found = await self._revocations.find({"until": {"$gt": since}}).to_list(None)
        return {document["_id"]: document["moment"] for document in found}
