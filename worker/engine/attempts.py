"""The attempts that this worker runs now, so that they can be stopped from outside."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Protocol


class StopReason(Enum):
    """Why an attempt is stopped by its worker."""

    LOST = "the task was cancelled, or another worker has it"
    SHUTDOWN = "the worker stops"


class Attempt(Protocol):
    """A running attempt, as it is kept here."""

    lease_until: float
    """Until when, by the event loop's clock, nobody else can have taken the task over."""

    @property
    def task_id(self) -> str:
        """The task that it is at."""

    @property
    def number(self) -> int:
        """Which attempt at its task it is."""

    def stop(self, reason: StopReason) -> None:
        """End the attempt, unless it is just ending; a call to a model is broken off."""


class Runs:
    """Finds running attempts by their tasks."""

    def __init__(self) -> None:
        self._running: dict[str, Attempt] = {}
        self._handing_back = False

    @contextmanager
    def keep(self, attempt: Attempt) -> Iterator[None]:
        """Keep ``attempt`` until the block ends."""
        self._running[attempt.task_id] = attempt
        if self._handing_back:  # it was about to begin when the worker was told to stop
            attempt.stop(StopReason.SHUTDOWN)
        try:
            yield
        finally:
            if self._running.get(attempt.task_id) is attempt:
                del self._running[attempt.task_id]

    def now(self) -> list[Attempt]:
        """The attempts that run at this moment."""
        return list(self._running.values())

    def stop(self, task_id: str) -> None:
        """Stop the attempt at a task, if it runs here; the task is somebody else's matter now."""
        attempt = self._running.get(task_id)
        if attempt is not None:
            attempt.stop(StopReason.LOST)

    def hand_back(self) -> None:
        """Stop every attempt, and those that are about to begin, so that other workers can go on."""
        self._handing_back = True
        for attempt in self.now():
            attempt.stop(StopReason.SHUTDOWN)

    def renewed(self, task_id: str, until: float) -> None:
        """Note that the lease of a task's job has been renewed."""
        if task_id in self._running:
            self._running[task_id].lease_until = until


def stop_superseded(attempts: Sequence[Attempt], running: Mapping[str, int]) -> None:
    """Stop the attempts that are not those of ``running`` (by task), which was read after they began."""
    for attempt in attempts:
        if running.get(attempt.task_id) != attempt.number:
            attempt.stop(StopReason.LOST)
