"""Stores tasks in MongoDB, and is the only writer of their status: each change is a compare-and-set."""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from pydantic.alias_generators import to_camel
from pymongo.errors import DuplicateKeyError

from herald.shared.observability import metrics
from herald.shared.settings import Settings
from herald.shared.tasks.documents import read
from herald.shared.tasks.models import (
    HISTORY_LIMIT,
    HistoryEntry,
    Priority,
    Task,
    TaskStatus,
    interrupted_steps,
    may_become,
    now,
)
from herald.shared.tasks.mongo import DAY_S, ensure_indexes, open_database
from herald.shared.tasks.queries import TaskQueries
from herald.shared.tasks.results import Checkpoints, Results
from herald.shared.tasks.revocations import RevocationStore
from herald.shared.tasks.stats import TaskStats
from herald.shared.tasks.task_type_store import TaskTypeStore

log = logging.getLogger(__name__)


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, for another request."""


class Store:
    """Everything that Herald keeps in MongoDB; this class itself writes tasks.

    It uses only the calls that Motor and PyMongo's ``AsyncMongoClient`` share, so either can drive it. Each
    method raises ``pymongo.errors.PyMongoError`` if MongoDB cannot be reached, and `UnreadableError` if a
    task is stored in a form that this version cannot read.

    Example::

        async with Store.connect(settings) as store:
            await store.create(task)
            task = await store.transition(task.task_id, TaskStatus.CANCELLED, by="user")
            page = await store.queries.list_tasks(task.user_id)
    """

    def __init__(self, database: Any, *, retention_days: float = 30) -> None:
        self._database = database
        self._tasks = database["tasks"]
        self._retention_s = round(retention_days * DAY_S)
        self.queries = TaskQueries(self._tasks)
        self.stats = TaskStats(self._tasks)
        self.checkpoints = Checkpoints(database["checkpoints"])
        self.results = Results(database)
        self.revocations = RevocationStore(database["revocations"])
        self.task_types = TaskTypeStore(database)

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Store"]:
        """A store on ``settings.mongo_url``; connections open on first use."""
        async with open_database(settings) as database:
            yield cls(database, retention_days=settings.retention_days)

    async def ping(self) -> None:
        """Raise ``pymongo.errors.PyMongoError`` unless MongoDB answers."""
        await self._database.command("ping")

    async def ensure_indexes(self) -> None:
        """Create the indexes that are missing; safe to call from many processes at once."""
        await ensure_indexes(self._database, retention_s=self._retention_s)

    async def create(self, task: Task) -> tuple[Task, bool]:
        """Store a new task, marked as unannounced; returns the stored task and whether it is new.

        If its user has already used ``task.idempotency_key`` for the same request, nothing is stored and the
        earlier task is returned.

        Raises:
            IdempotencyConflictError: the key was used for another request.
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
        _count_and_log(task, by="user")
        return task, True

    async def get(self, task_id: str) -> Task | None:
        """The whole task, or None."""
        document = await self._tasks.find_one({"taskId": task_id})
        return read(Task, document) if document else None

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
        """Move a task to status ``to`` if the table of transitions allows it; returns the changed task.

        Returns None and changes nothing if the task's status may not become ``to``, or if its attempt is no
        longer number ``if_attempt``. ``changes`` are fields of `Task` by their Python names; None removes a
        field. Running steps are interrupted, unless ``changes`` include ``steps``. The task is marked as
        unannounced, unless it starts to run: a running task publishes more events anyway.

        ``task`` is an id, or the task as last read or written, which saves reading it again.
        """
        at = now()
        entry = HistoryEntry(at=at, status=to, by=by, note=note)
        unannounced = None if to is TaskStatus.PROCESSING else True
        changed = await self._write(
            task,
            may_become(to),
            if_attempt,
            {**changes, "unannounced": unannounced, "status": to, "updated_at": at},
            entry,
        )
        if changed is not None:
            _count_and_log(changed, by=by, note=note)
        return changed

    async def record(
        self, task: Task | str, attempt: int, *, entry: HistoryEntry | None = None, **changes: Any
    ) -> Task | None:
        """Store the progress of a running attempt; None, unchanged, if ``attempt`` is not the running one.

        ``entry`` is added to the task's history.
        """
        changes["updated_at"] = now()
        return await self._write(task, {TaskStatus.PROCESSING}, attempt, changes, entry)

    async def set_priority(self, task_id: str, priority: Priority) -> Task | None:
        """Change the priority of a queued task; None, unchanged, if it is not queued."""
        changes = {"priority": priority, "updated_at": now(), "unannounced": True}
        return await self._write(task_id, {TaskStatus.QUEUED}, None, changes)

    async def mark_announced(self, task: Task) -> None:
        """Clear a task's "unannounced" mark, unless the task has changed since this version."""
        await self._tasks.update_one(
            {"taskId": task.task_id, "rev": task.rev}, {"$unset": {"unannounced": ""}}
        )

    async def _write(
        self,
        task: Task | str,
        statuses: Collection[TaskStatus],
        attempt: int | None,
        changes: dict[str, Any],
        entry: HistoryEntry | None = None,
    ) -> Task | None:
        """Compare and set: write to the version that was checked; if it has changed, check the new one."""
        before = task if isinstance(task, Task) else await self.get(task)
        while before is not None:
            if before.status not in statuses or attempt not in (None, before.attempt):
                return None
            decided = changes
            if "status" in changes and "steps" not in changes:
                steps = interrupted_steps(before.steps, changes["status"])
                decided = changes if steps == before.steps else {**changes, "steps": steps}
            version = {"taskId": before.task_id, "rev": before.rev}
            written = await self._tasks.update_one(version, _update(decided, entry))
            if written.matched_count:
                return _after(before, decided, entry)
            before = await self.get(before.task_id)
        return None


def _update(changes: dict[str, Any], entry: HistoryEntry | None) -> dict[str, Any]:
    """A change of a task, as MongoDB's operators."""
    given = Task.model_construct(**changes)  # stores each value in the same form as a whole document
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
    """A task after a change."""
    history = [*before.history, entry][-HISTORY_LIMIT:] if entry is not None else before.history
    return Task.model_validate({**dict(before), **changes, "rev": before.rev + 1, "history": history})


def _count_and_log(task: Task, *, by: str, note: str | None = None) -> None:
    """Count and log a task's new status."""
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
