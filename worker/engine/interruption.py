"""Why the run of a task's function has to stop before it has ended."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError


class LeaseLostError(Exception):
    """The task is no longer ours: it was cancelled, or another worker has taken it over."""


class Interruption:
    """Stops a run once. The first reason counts, whatever the task's code makes of it."""

    def __init__(self) -> None:
        self.reason: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        """Done once the run has to stop."""
        self._closed = False

    @property
    def is_over(self) -> bool:
        """Whether the run has ended or has to stop. Thread-safe."""
        return self._closed or self.reason.done()

    def close(self) -> None:
        """Record that the run has ended, even if some of its code has not."""
        self._closed = True

    @property
    def is_set(self) -> bool:
        """Whether the run has to stop."""
        return self.reason.done()

    def set(self, reason: Exception) -> None:
        """Stop the run, unless it is already stopping."""
        if not self.reason.done():
            self.reason.set_result(reason)

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Stop the run if the block finds that the task is no longer ours, or MongoDB cannot be reached."""
        try:
            yield
        except (LeaseLostError, PyMongoError) as error:
            self.set(error)
            raise
