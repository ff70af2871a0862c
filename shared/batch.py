"""Loads many keys with few calls: who asks while a call runs is served by the next one."""

import asyncio
import itertools
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
        self._asked: dict[KeyT, list[asyncio.Future[ValueT]]] = {}
        self._fetching: asyncio.Task[None] | None = None

    async def load(self, key: KeyT) -> ValueT:
        """What ``fetch`` has for ``key``; raises what it raises."""
        waiter: asyncio.Future[ValueT] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(key, []).append(waiter)
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._run())
        return await waiter

    async def _run(self) -> None:
        try:
            while self._asked:
                keys = list(self._asked)[: self._most]
                await self._load({key: self._asked.pop(key) for key in keys})
        finally:
            self._fetching = None

    async def _load(self, waiting: dict[KeyT, list[asyncio.Future[ValueT]]]) -> None:
        try:
            found = await self._fetch(list(waiting))
            for key, waiters in waiting.items():
                for waiter in waiters:
                    if not waiter.done():  # who asked may have left
                        waiter.set_result(found[key])
        except BaseException as error:
            told = error if isinstance(error, Exception) else ConnectionError("stopped")
            for waiter in itertools.chain(*waiting.values()):
                if not waiter.done():
                    waiter.set_exception(told)
            if not isinstance(error, Exception):
                raise
