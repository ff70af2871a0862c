"""Reads snapshots, the state that a channel's subscribers start from: active and recently ended tasks."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from herald.server.admin.overview import OverviewReader
from herald.shared.aio import DataLoader
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.documents import Page
from herald.shared.tasks.models import PublicTask, now
from herald.shared.tasks.store import Store

Placed = Callable[[Sequence[PublicTask]], Awaitable[list[PublicTask]]]
"""Adds their positions in the queue to queued tasks."""


class Snapshots:
    """Reads snapshots; those of users who connect at the same time are read together."""

    def __init__(
        self, store: Store, placed: Placed, overviews: OverviewReader, *, recent_s: float, most_bytes: int
    ) -> None:
        self._store = store
        self._overviews = overviews
        self._placed = placed
        self._recent = timedelta(seconds=recent_s)
        self._most_bytes = most_bytes
        self._of_users = DataLoader(self._read_users)

    async def read(self, channel: str) -> bytes:
        """Return the snapshot of ``channel`` as JSON: a `TaskSnapshot`; for operators, ``{"overview": …}``.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be read.
        """
        parsed = Channel.parse(channel)
        if parsed is None:
            page = Page([])
        elif parsed.kind == "ops":
            overview = await self._overviews.read()
            return orjson.dumps({"overview": orjson.Fragment(overview.encode())})
        elif parsed.kind == "task":
            page = Page(await self._store.queries.by_ids([parsed.id]))
        elif parsed.kind == "brand":
            page = await self._store.queries.snapshot(brand_id=parsed.id, ended_after=self._since())
        else:
            page = await self._of_users.load(parsed.id)
        return _encoded(page._replace(tasks=await self._placed(page.tasks)), self._most_bytes)

    async def _read_users(self, user_ids: Sequence[str]) -> dict[str, Page]:
        return await self._store.queries.snapshots(user_ids, ended_after=self._since())

    def _since(self) -> datetime:
        return now() - self._recent


def _encoded(page: Page, most_bytes: int) -> bytes:
    """A `TaskSnapshot` as JSON, with as many of the tasks as fit into ``most_bytes``."""
    tasks: list[orjson.Fragment] = []
    size = 0
    for task in page.tasks:
        encoded = task.encode().encode()
        size += len(encoded) + 1
        if size > most_bytes:
            break
        tasks.append(orjson.Fragment(encoded))
    snapshot: dict[str, Any] = {"tasks": tasks}
    after = page.first(len(tasks)).after
    if after is not None:
        snapshot |= {"truncated": True, "after": after}
    return orjson.dumps(snapshot)
