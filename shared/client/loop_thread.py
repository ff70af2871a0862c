"""Runs coroutines for synchronous code, on an event loop in a thread of its own."""

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from herald.shared.aio import cancel_and_wait

ValueT = TypeVar("ValueT")

_END: Any = object()


class _Running(NamedTuple):
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    thread: threading.Thread
    process: int


class LoopThread:
    """An event loop in a daemon thread, which starts with the first call and ends with `close`.

    It works where another event loop runs already, as in Jupyter, and after a fork: the child starts its own.
    Safe for use by several threads.

    Args:
        name: the thread's name.
        at_end: called on the event loop before it ends, also if this object is forgotten without `close`.

    Example::

        loop = LoopThread("herald-client", http.aclose)
        response = loop.run(http.get("/"))
        loop.close()
    """

    def __init__(self, name: str, at_end: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._at_end = at_end
        self._running: _Running | None = None
        self._closed = False
        self._lock = threading.Lock()

    def run(self, work: Coroutine[Any, Any, ValueT]) -> ValueT:
        """Run a coroutine, and return its result; if this is interrupted, it is cancelled.

        Raises:
            RuntimeError: it is closed, before or meanwhile; or this is its own thread.
        """
        try:
            running = self._start()
        except RuntimeError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, running.loop)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("This client was closed") from None
        finally:
            future.cancel()  # does nothing if it has ended

    def iterate(self, items: AsyncGenerator[ValueT, None]) -> Iterator[ValueT]:
        """The items of an asynchronous generator, which is closed at the end.

        Raises:
            RuntimeError: see `run`.
        """
        try:
            while (item := self.run(_next(items))) is not _END:
                yield item
        finally:
            with suppress(RuntimeError):  # closed meanwhile, or interrupted and so ending by itself
                self.run(_close(items))

    def close(self) -> None:
        """Cancel what is running, and end the thread. May be called again."""
        with self._lock:
            self._closed = True
            running, self._running = self._running, None
        if running is not None:
            _stop(running)

    def _start(self) -> _Running:
        with self._lock:
            if self._closed:
                raise RuntimeError("This client is closed")
            if self._running is None or self._running.process != os.getpid():
                self._running = _started(self._name, self._at_end)
                weakref.finalize(self, _stop, self._running)
            if threading.current_thread() is self._running.thread:
                raise RuntimeError("The event loop cannot wait for itself")
            return self._running


async def _next(items: AsyncGenerator[ValueT, None]) -> ValueT:
    return await anext(items, _END)


async def _close(items: AsyncGenerator[Any, None]) -> None:
    await items.aclose()


def _started(name: str, at_end: Callable[[], Awaitable[None]]) -> _Running:
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await cancel_and_wait(*others)
        await at_end()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name=name, daemon=True)
    thread.start()
    loop, stop = ready.result()
    return _Running(loop, stop, thread, os.getpid())


def _stop(running: _Running) -> None:
    if running.process != os.getpid() or not running.thread.is_alive():
        return
    with suppress(RuntimeError):  # the loop is closed
        running.loop.call_soon_threadsafe(running.stop.set)
    if threading.current_thread() is not running.thread:
        running.thread.join()
