"""Two helpers for asyncio: `cancel_and_wait` ends tasks reliably, `DataLoader` batches loads."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

CANCEL_AGAIN_S = 1.0


async def cancel_and_wait(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended; their exceptions are not raised.

    A task that has not ended after a second is cancelled again, because a library may swallow a cancellation:
    redis-py polls each connection with a timeout of 0, and takes a cancellation during the poll for the
    timeout.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)


class DataLoader(Generic[KeyT, ValueT]):
    """Batches single loads: all keys requested while a call is running are fetched by the next call.

    A key is always fetched after it was requested, so the value is never older than the request.

    Example::

        positions = DataLoader(feed.positions)
        position = await positions.load("tasks#ada")
    """

    def __init__(
        self, fetch: Callable[[Sequence[KeyT]], Awaitable[Mapping[KeyT, ValueT]]], *, max_keys: int = 128
    ) -> None:
        self._fetch = fetch
        self._max_keys = max_keys
        self._requested: dict[KeyT, list[asyncio.Future[ValueT]]] = {}
        self._fetching: asyncio.Task[None] | None = None

    async def load(self, key: KeyT) -> ValueT:
        """The value that ``fetch`` returns for ``key``.

        Raises:
            Exception: any exception of ``fetch``, for each of the keys that it was called with.
            ConnectionError: the call was cancelled, because the event loop is closing.
        """
        waiter: asyncio.Future[ValueT] = asyncio.get_running_loop().create_future()
        self._requested.setdefault(key, []).append(waiter)
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._run())
        return await waiter

    async def _run(self) -> None:
        try:
            while self._requested:
                keys = list(self._requested)[: self._max_keys]
                await self._load({key: self._requested.pop(key) for key in keys})
        finally:
            self._fetching = None

    async def _load(self, waiting: dict[KeyT, list[asyncio.Future[ValueT]]]) -> None:
        try:
            values = await self._fetch(list(waiting))
            for key, waiters in waiting.items():
                for waiter in waiters:
                    if not waiter.done():  # its caller may have been cancelled
                        waiter.set_result(values[key])
        except BaseException as error:
            failure = error if isinstance(error, Exception) else ConnectionError("the load was cancelled")
            for waiter in itertools.chain(*waiting.values()):
                if not waiter.done():
                    waiter.set_exception(failure)
            if not isinstance(error, Exception):
                raise
