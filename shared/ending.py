"""Ends tasks for certain."""

import asyncio
from typing import Any

AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until they have ended; whatever they end with is not raised.

    One that has not ended after a while is cancelled again: a cancel that comes just as a timeout runs out
    may be mistaken for it, as in redis-py, which looks at each connection with a timeout of 0.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
