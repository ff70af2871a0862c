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

WithEstimates = Callable[[Sequence[PublicTask]], Awaitable[list[PublicTask]]]
"""Adds the position and the estimated start to queued tasks."""


class Snapshots:
    """Reads snapshots; one query serves all users who connect at the same time.

    A snapshot includes tasks that ended up to ``recent_s`` seconds ago. Tasks that do not fit into
    ``max_bytes`` are left out.
    """

    def __init__(
        self,
        store: Store,
        with_estimates: WithEstimates,
        overviews: OverviewReader,
        *,
        recent_s: float,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._overviews = overviews
        self._with_estimates = with_estimates
        self._recent = timedelta(seconds=recent_s)
        self._max_bytes = max_bytes
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
        tasks = await self._with_estimates(page.tasks)
        return _encoded(page._replace(tasks=tasks), self._max_bytes)

    async def _read_users(self, user_ids: Sequence[str]) -> dict[str, Page]:
        return await self._store.queries.snapshots(user_ids, ended_after=self._since())

    def _since(self) -> datetime:
        return now() - self._recent


def _encoded(page: Page, max_bytes: int) -> bytes:
    """A `TaskSnapshot` as JSON, with as many of the tasks as fit into ``max_bytes``."""
    tasks: list[orjson.Fragment] = []
    size = 0
    for task in page.tasks:
        encoded = task.encode().encode()
        size += len(encoded) + 1
        if size > max_bytes:
            break
        tasks.append(orjson.Fragment(encoded))
    snapshot: dict[str, Any] = {"tasks": tasks}
    after = page.first(len(tasks)).after
    if after is not None:
        snapshot |= {"truncated": True, "after": after}
    return orjson.dumps(snapshot)
