"""Loads many keys with few calls: who asks while a call runs is served by the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Batch(Generic[KeyT, ValueT]):
    """Gathers single loads into calls for many.

    A load's call always begins after the load was asked for, so its answer is never older than the question.

    Example::

        positions = Batch(feed.positions)
        position = await positions.load("tasks#ada")
    """

    def __init__(
        self, fetch: Callable[[Sequence[KeyT]], Awaitable[Mapping[KeyT, ValueT]]], *, most: int = 128
    ) -> None:
        self._fetch = fetch
        self._most = most
        self._asked: dict[KeyT, asyncio.Future[ValueT]] = {}
        self._fetching: asyncio.Task[None] | None = None

    async def load(self, key: KeyT) -> ValueT:
        """What ``fetch`` has for ``key``; raises what it raises."""
        future = self._asked.get(key)
        if future is None:
            future = self._asked[key] = asyncio.get_running_loop().create_future()
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._run())
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            while self._asked:
                keys = list(self._asked)[: self._most]
                futures = {key: self._asked.pop(key) for key in keys}
                await self._load(futures)
        finally:
            self._fetching = None

    async def _load(self, futures: dict[KeyT, "asyncio.Future[ValueT]"]) -> None:
        try:
            found = await self._fetch(list(futures))
            for key, future in futures.items():
                future.set_result(found[key])
        except BaseException as error:
            for future in futures.values():
                if not future.done():
                    future.set_exception(
                        error if isinstance(error, Exception) else ConnectionError("stopped")
                    )
                    future.exception()  # whoever asked may have left
            if not isinstance(error, Exception):
                raise
