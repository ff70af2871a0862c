"""Reads tasks from MongoDB: pages and snapshots for users, and batches for maintenance."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from herald.shared.tasks.documents import Page, readable
from herald.shared.tasks.models import ACTIVE, ENDED, PublicTask, Task, TaskStatus

_PRIVATE = {
    "_id": 0,
    "payload": 0,
    "history": 0,
    "idempotencyKey": 0,
    "requestDigest": 0,
    "traceparent": 0,
    "unannounced": 0,
    "typeDigest": 0,
    "deadline": 0,
    "traceback": 0,
}
MAX_LISTED = 200
"""Maximum number of tasks on a page or in a batch."""
MAX_SHARED = 2000
"""Maximum number of tasks that one query for snapshots returns, and of unfinished tasks in a snapshot."""
MAX_ENDED = 200
"""Maximum number of ended tasks in a snapshot."""
_UNFINISHED = {"status": {"$nin": list(ENDED)}, "completedAt": None}
"""Matches tasks that have not ended, including those in a status that only a newer version knows."""


def _ended(after: datetime) -> dict[str, Any]:
    """Matches tasks that ended after a time."""
    return {"completedAt": {"$gt": after}}


def _owned_by(user_id: str | None, brand_id: str | None) -> dict[str, Any]:
    """Matches a user's tasks, or a brand's."""
    return {"userId": user_id} if user_id is not None else {"brandId": brand_id}


def _snapshot(tasks: Iterable[PublicTask]) -> Page:
    """The tasks in a snapshot's order: unfinished ones, then some of the ended ones; each newest first."""
    newest_first = sorted(tasks, key=lambda task: task.task_id, reverse=True)
    ended = Page([task for task in newest_first if task.completed_at is not None]).first(MAX_ENDED)
    return Page([task for task in newest_first if task.completed_at is None] + ended.tasks, ended.after)


class TaskQueries:
    """Queries for many tasks; ``Store.queries`` is one.

    Documents that cannot be read are left out. Each method raises ``pymongo.errors.PyMongoError`` if MongoDB
    cannot be reached.
    """

    def __init__(self, tasks: Any) -> None:
        self._tasks = tasks

    # Public tasks, for users and operators

    async def by_ids(self, task_ids: Sequence[str]) -> list[PublicTask]:
        """The tasks with these ids, newest first; unknown ids are left out."""
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
        """A page of a user's or a brand's tasks, newest first.

        ``after`` is the cursor of the previous page or of a snapshot. A page may have fewer tasks than
        ``limit`` and still not be the last one: the last page has no cursor.
        """
        query = _owned_by(user_id, brand_id)
        if statuses is not None:
            query["status"] = {"$in": list(statuses)}
        if after is not None:
            query["taskId"] = {"$lt": after}
        return await self._find(query, limit=limit)

    async def search(
        self, statuses: Iterable[TaskStatus] | None, *, limit: int, after: str | None = None
    ) -> Page:
        """A page of all users' tasks, newest first; ``after`` as in `list_tasks`."""
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
        """A user's or a brand's unfinished tasks, then those that ended after a time; each newest first.

        If there are too many, the oldest of each are left out.
        """
        owner = _owned_by(user_id, brand_id)
        shown = owner | {"$or": [_UNFINISHED, _ended(ended_after)]}
        found = await self._tasks.find(shown, _PRIVATE).limit(MAX_SHARED).to_list(MAX_SHARED)
        if len(found) < MAX_SHARED:
            return _snapshot(readable(PublicTask, found))
        unfinished = await self._first(owner | _UNFINISHED, MAX_SHARED)
        ended = await self._first(owner | _ended(ended_after), MAX_ENDED)
        cursors = [page.after for page in (unfinished, ended) if page.after is not None]
        return Page(unfinished.tasks + ended.tasks, max(cursors, default=None))

    async def snapshots(self, user_ids: Sequence[str], *, ended_after: datetime) -> dict[str, Page]:
        """The snapshots of many users, in one query unless they have very many tasks."""
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

    # Whole tasks, for workers

    def active(self, *, unchanged_since: datetime) -> AsyncIterator[list[Task]]:
        """All users' active tasks that have not changed since a time, in batches."""
        return self._batches({"status": {"$in": list(ACTIVE)}, "updatedAt": {"$lt": unchanged_since}})

    def overdue(self, at: datetime, *, queued_before: datetime) -> AsyncIterator[list[Task]]:
        """All users' active tasks whose deadline was before ``at``, in batches.

        Tasks without a deadline of their own have one if they were queued before ``queued_before``.
        """
        missed = [{"deadline": {"$lt": at}}, {"deadline": None, "queuedAt": {"$lt": queued_before}}]
        return self._batches({"status": {"$in": list(ACTIVE)}, "$or": missed})

    def unannounced(self, *, unchanged_since: datetime) -> AsyncIterator[list[Task]]:
        """The tasks whose last change was before a time and has not been announced, in batches.

        Tasks in a status that only a newer version knows are left for that version to announce.
        """
        known = {"status": {"$in": list(TaskStatus)}}
        return self._batches({"unannounced": True, "updatedAt": {"$lt": unchanged_since}} | known)

    async def queued(self, task_ids: Sequence[str]) -> list[Task]:
        """Those of the tasks with these ids that are queued."""
        query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.QUEUED}
        return readable(Task, await self._tasks.find(query).to_list(len(task_ids) or 1))

    async def running_attempts(self, task_ids: Sequence[str]) -> dict[str, int]:
        """The number of the running attempt of each of these tasks that is running, by task id."""
        query = {"taskId": {"$in": list(task_ids)}, "status": TaskStatus.PROCESSING}
        found = await self._tasks.find(query, {"taskId": 1, "attempt": 1}).to_list(len(task_ids))
        return {document["taskId"]: document.get("attempt", 0) for document in found}

    # Single facts, for admission

    async def count_queued(self, user_id: str, *, besides: Collection[str] = ()) -> int:
        """How many of a user's tasks are queued, not counting the ids in ``besides``."""
        query: dict[str, Any] = {"userId": user_id, "status": TaskStatus.QUEUED}
        if besides:
            query["taskId"] = {"$nin": list(besides)}
        found: int = await self._tasks.count_documents(query)
        return found

    async def has_idempotency_key(self, user_id: str, idempotency_key: str) -> bool:
        """Whether a user has a task with this idempotency key."""
        query = {"userId": user_id, "idempotencyKey": idempotency_key}
        return await self._tasks.find_one(query, {"_id": 1}) is not None

    # Reading pages and batches

    async def _first(self, query: dict[str, Any], count: int) -> Page:
        """The newest tasks that match a query, with a cursor only if there are more."""
        return (await self._page(query, count + 1)).first(count)

    async def _find(self, query: dict[str, Any], *, limit: int) -> Page:
        return await self._page(query, min(max(limit, 1), MAX_LISTED))

    async def _page(self, query: dict[str, Any], limit: int) -> Page:
        found = await self._tasks.find(query, _PRIVATE).sort("taskId", DESCENDING).limit(limit).to_list(limit)
        more = len(found) == limit and isinstance(found[-1].get("taskId"), str)
        return Page(readable(PublicTask, found), found[-1]["taskId"] if more else None)

    async def _batches(self, query: dict[str, Any]) -> AsyncIterator[list[Task]]:
        """The tasks that match a query, oldest first, in batches."""
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
