"""Tracks the attempts that are running in this worker, so that they can be stopped."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Protocol


class StopReason(Enum):
    """Why a worker stops an attempt."""

    LOST = "the task was cancelled, or another worker has it"
    SHUTDOWN = "the worker is stopping"


class RunningAttempt(Protocol):
    """The part of an attempt that is used here; `herald.worker.engine.attempt.Attempt` implements it."""

    lease_until: float
    """Before this time, by the event loop's clock, no other worker can have taken over the task."""

    @property
    def task_id(self) -> str:
        """The task's id."""

    @property
    def number(self) -> int:
        """The attempt's number, from 1."""

    def stop(self, reason: StopReason) -> None:
        """Stop the attempt, unless it is already ending; this cancels a running call to the model."""


class RunningAttempts:
    """Finds running attempts by their task ids."""

    def __init__(self) -> None:
        self._by_task: dict[str, RunningAttempt] = {}
        self._handing_back = False

    @contextmanager
    def track(self, attempt: RunningAttempt) -> Iterator[None]:
        """Track ``attempt`` until the block ends."""
        self._by_task[attempt.task_id] = attempt
        if self._handing_back:  # the worker began to stop while this attempt was being claimed
            attempt.stop(StopReason.SHUTDOWN)
        try:
            yield
        finally:
            if self._by_task.get(attempt.task_id) is attempt:
                del self._by_task[attempt.task_id]

    def now(self) -> list[RunningAttempt]:
        """The attempts that are running at this moment."""
        return list(self._by_task.values())

    def stop(self, task_id: str) -> None:
        """Stop the attempt at a task, if it is running here, because the task is no longer ours."""
        attempt = self._by_task.get(task_id)
        if attempt is not None:
            attempt.stop(StopReason.LOST)

    def stop_superseded(self, attempts: Sequence[RunningAttempt], current: Mapping[str, int]) -> None:
        """Stop each of ``attempts`` that is no longer running according to MongoDB.

        Args:
            attempts: attempts that were running here before ``current`` was read.
            current: the number of each task's running attempt in MongoDB, by task id.
        """
        for attempt in attempts:
            if current.get(attempt.task_id) != attempt.number:
                attempt.stop(StopReason.LOST)

    def hand_back(self) -> None:
        """Stop all attempts, and those about to begin, so that other workers can continue their tasks."""
        self._handing_back = True
        for attempt in self.now():
            attempt.stop(StopReason.SHUTDOWN)

    def renewed(self, task_id: str, until: float) -> None:
        """Record that the lease on a task's job lasts until ``until``, by the event loop's clock."""
        if task_id in self._by_task:
            self._by_task[task_id].lease_until = until
