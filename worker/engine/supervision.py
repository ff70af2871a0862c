"""Runs a task's code until it ends, takes too long, or has to stop."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from herald.shared.aio import cancel_and_wait
from herald.shared.observability import metrics
from herald.worker.engine.interruption import Interruption
from herald.worker.engine.journal import Journal
from herald.worker.engine.retry_policy import AttemptTimeoutError

log = logging.getLogger(__name__)

STOP_WITHIN_S = 5.0
"""How long a task's code may take to end when it is cancelled, in seconds; then it is abandoned."""
CANCEL_AGAIN_S = 1.0
"""Code that swallows a cancellation is cancelled again after this time, in seconds."""


async def supervised(
    code: Coroutine[Any, Any, Any], *, journal: Journal, interruption: Interruption, timeout_s: float
) -> Any:
    """Run ``code``, and publish its progress meanwhile; returns its result.

    Args:
        code: runs the task's function.
        journal: the attempt's journal.
        interruption: stops the code.
        timeout_s: how long it may take, in seconds.

    Raises:
        AttemptTimeoutError: it took too long.
        Exception: the reason of the interruption; or what the code raised.
    """
    loop = asyncio.get_running_loop()
    working = loop.create_task(code, name=f"code of task {journal.task.task_id}")
    publishing = loop.create_task(journal.keep_publishing())
    publishing.add_done_callback(lambda ended: _interrupt_if_failed(ended, interruption))
    timer = loop.call_later(timeout_s, lambda: interruption.set(AttemptTimeoutError(timeout_s)))
    try:
        await asyncio.wait((working, interruption.reason), return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
        interruption.close()
        await _end(working)
        await cancel_and_wait(publishing)
    if interruption.is_set:
        raise interruption.reason.result()
    return working.result()


def _interrupt_if_failed(publishing: asyncio.Task[Any], interruption: Interruption) -> None:
    if not publishing.cancelled() and isinstance(error := publishing.exception(), Exception):
        interruption.set(error)


async def _end(working: asyncio.Task[Any]) -> None:
    """Cancel the code if it is still running, and wait until it has ended, for a limited time."""
    loop = asyncio.get_running_loop()
    until = loop.time() + STOP_WITHIN_S
    while not working.done() and (left_s := until - loop.time()) > 0:
        working.cancel()
        await asyncio.wait((working,), timeout=min(CANCEL_AGAIN_S, left_s))
    if not working.done():
        log.error("abandoned the %s: it did not end when it was cancelled", working.get_name())
        metrics.ATTEMPTS_ABANDONED.inc()
    working.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
