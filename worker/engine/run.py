"""What all contexts of one attempt share, and what may stop the attempt."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from herald.shared.task_api.context import TaskInfo
from herald.shared.task_api.errors import MisuseError
from herald.worker.dependencies import Dependencies
from herald.worker.engine.answer_lengths import AnswerLengths
from herald.worker.engine.checkpoints import AttemptCheckpoints
from herald.worker.engine.interruption import Interruption
from herald.worker.engine.journal import Journal
from herald.worker.engine.model_calls import ModelCalls
from herald.worker.engine.steps import Steps


class Run:
    """One run of a task's function.

    Args:
        journal: the attempt's journal.
        steps: the attempt's steps.
        dependencies: the worker's.
        state: what the ``lifespan()`` of the task's module yielded.
        interruption: stops the run.
    """

    def __init__(
        self,
        journal: Journal,
        steps: Steps,
        dependencies: Dependencies,
        state: Any,
        interruption: Interruption,
    ) -> None:
        task = journal.task
        self.journal = journal
        self.steps = steps
        self.state = state
        self.attempt = task.attempt
        self.ran: Counter[str] = Counter()
        """How often the functions of each step have been run in this attempt, by the step's name."""
        self.info = TaskInfo(
            task.task_id, task.type, task.user_id, task.brand_id, task.title, task.created_at
        )
        self.checkpoints = AttemptCheckpoints(dependencies.store, task, journal.check_ours, interruption)
        self.threads = dependencies.threads
        self.count_source = dependencies.settings.count_source
        lengths = AnswerLengths(dependencies.values)
        self.model = ModelCalls(dependencies.provider, journal.drafts, lengths, task.type)
        self._interruption = interruption
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended or has to stop; then every call of its contexts raises. Thread-safe."""
        return self._interruption.is_over

    def check(self) -> None:
        """Check that the run goes on. Thread-safe.

        Raises:
            asyncio.CancelledError: it has ended or has to stop.
        """
        if self.is_over:
            raise asyncio.CancelledError("the attempt has been stopped")

    def check_awaited(self, method: str) -> None:
        """Check that the run goes on, for a method that is awaited.

        Raises:
            asyncio.CancelledError: see `check`.
            MisuseError: it is called on another thread than the event loop's.
        """
        self.check()
        if threading.get_ident() != self._thread:
            raise MisuseError(f"ctx.{method} cannot be used in a synchronous step; make the step `async def`")

    def on_loop(self, action: Callable[[], None]) -> None:
        """Do something on the event loop: at once if this is its thread, soon otherwise. Thread-safe."""
        if threading.get_ident() == self._thread:
            action()
        else:
            self._loop.call_soon_threadsafe(action)
