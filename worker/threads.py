"""Runs synchronous functions on daemon threads, which never hold up the worker's exit."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from herald.shared.observability import metrics

MAX_THREADS = 64


class StepThreads:
    """Runs each function on a thread of its own, at most ``limit`` at once.

    Python cannot stop a thread. If the caller is cancelled, the thread is abandoned: its result is discarded
    and it no longer counts towards the limit.
    """

    def __init__(self, limit: int = MAX_THREADS) -> None:
        self._free = asyncio.Semaphore(limit)

    async def run(self, function: Callable[[], Any]) -> Any:
        """The result of ``function``; raises what it raises. It sees the caller's context variables."""
        async with self._free:
            loop = asyncio.get_running_loop()
            ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()

            def report(outcome: tuple[Any, BaseException | None]) -> None:
                if not ended.done():
                    ended.set_result(outcome)

            def work() -> None:
                outcome: tuple[Any, BaseException | None]
                try:
                    outcome = context.run(function), None
                except BaseException as error:
                    outcome = None, error
                with suppress(RuntimeError):  # abandoned, and the loop has been closed since
                    loop.call_soon_threadsafe(report, outcome)

            context = contextvars.copy_context()
            threading.Thread(target=work, name="step", daemon=True).start()
            try:
                result, error = await ended
            except asyncio.CancelledError:
                metrics.THREADS_ABANDONED.inc()
                raise
            if error is not None:
                raise error
            return result
