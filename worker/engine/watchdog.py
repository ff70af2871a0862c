"""Logs code that blocks the event loop: nothing else in the worker can run meanwhile."""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

STALLED_AFTER_S = 1.0
CHECK_EVERY_S = 0.25


@asynccontextmanager
async def watching() -> AsyncIterator[None]:
    """Watch the running event loop until the block ends.

    A daemon thread asks the loop for an answer every `CHECK_EVERY_S`. If none comes within `STALLED_AFTER_S`,
    it logs what the loop is executing, once for each stall.
    """
    stopping = threading.Event()
    watch = _Watch(asyncio.get_running_loop(), threading.get_ident(), stopping)
    threading.Thread(target=watch.run, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        stopping.set()


class _Watch:
    def __init__(self, loop: asyncio.AbstractEventLoop, thread_id: int, stopping: threading.Event) -> None:
        self._loop = loop
        self._thread_id = thread_id
        self._stopping = stopping

    def run(self) -> None:
        while not self._stopping.wait(CHECK_EVERY_S):
            answered, asked_at = threading.Event(), time.monotonic()
            try:
                self._loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop has been closed
                return
            if answered.wait(STALLED_AFTER_S) or self._stopping.is_set():
                continue
            self._report()
            while not answered.wait(CHECK_EVERY_S):
                if self._stopping.is_set():
                    return
            log.warning("the event loop runs again, after %.1f s", time.monotonic() - asked_at)

    def _report(self) -> None:
        frame = sys._current_frames().get(self._thread_id)
        stack = "".join(traceback.format_stack(frame)) if frame is not None else "unknown"
        log.warning(
            "the event loop has been blocked for %g s, and with it every task of this worker, here:\n%s",
            STALLED_AFTER_S,
            stack,
        )
