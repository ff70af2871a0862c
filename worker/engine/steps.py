"""The steps of an attempt: shows them in the task, times them, and derives the task's progress from them."""

import math
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from herald.shared.observability import tracing
from herald.shared.task_api.task_type import MAX_STEPS
from herald.shared.tasks.models import now
from herald.worker.engine.interruption import Interruption
from herald.worker.engine.journal import Journal
from herald.worker.engine.progress import percent_done
from herald.worker.engine.step_rows import Row, StepRows
from herald.worker.engine.text import storable
from herald.worker.engine.timing import StepClock, UsualSteps

MAX_MESSAGE = 200


class Steps:
    """The steps of one attempt.

    Args:
        journal: stores and publishes the steps.
        clock: times them.
        usual: the steps of earlier runs.
        declared: the names of the steps that the task type has declared.
        interruption: stops the run if the task is no longer ours, or MongoDB cannot be reached.
    """

    def __init__(
        self,
        journal: Journal,
        clock: StepClock,
        usual: UsualSteps,
        declared: Iterable[str],
        interruption: Interruption,
    ) -> None:
        self._journal = journal
        self._interruption = interruption
        self._clock = clock
        self._usual = usual
        self._declared = list(declared)
        self._rows = StepRows(journal.task.steps)
        self._expected: dict[str, int] = {}
        self._reported = 0.0
        self._skipped = False

    async def begin(self) -> None:
        """Read what is known about the steps of earlier runs."""
        usual = await self._usual.of(self._journal.task.type)
        self._expected = {name: usual.get(name, 1) for name in self._declared} or usual
        completed = {name for name, row in self._rows.rows().items() if row.has_begun}
        await self._clock.begin(name for name in self._expected if name not in completed)

    @asynccontextmanager
    async def call(
        self, name: str, *, items: int = 1, done: int = 0, limit: int = 1
    ) -> AsyncIterator["RunningCall"]:
        """Show that a call of the step ``name`` runs until the block ends.

        Args:
            name: the step's name.
            items: how many items the call has.
            done: how many of them earlier attempts have done.
            limit: how many run at once.

        Raises:
            LeaseLostError: see `Journal`.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        rounds = math.ceil((items - done) / limit)
        row = self._rows.begin(name, items=items, done=done, at=now())
        call = RunningCall(self, row, row.begun)
        started = self._clock.start(name, rounds=rounds)
        self._skipped = self._skipped or done > 0
        self._show()
        completed = False
        try:
            await self._record()
            with tracing.span(name):
                yield call
            completed = True
        finally:
            self._rows.end(row, failed=not completed, at=now())
            self._clock.finish(name, started, rounds=rounds, completed=completed)
            self._show()
        await self._record(call.note)

    async def skip(self, name: str, *, items: int) -> None:
        """Show that earlier attempts have done all items of a call of the step ``name``.

        Raises:
            LeaseLostError: see `Journal`.
            pymongo.errors.PyMongoError: MongoDB cannot be reached.
        """
        self._skipped = True
        changed = self._rows.skip(name, items=items, at=now())
        self._clock.skip(name)
        self._show() if changed else self._advance()
        if changed:
            await self._record()

    def report(self, fraction: float, message: str | None) -> None:
        """Show how much of the task is done, from 0 to 1, unless steps were declared; and what it does."""
        if not self._declared:
            self._reported = max(self._reported, fraction)
            self._advance()
        self.say(message)

    def say(self, message: str | None) -> None:
        """Show ``message`` as the task's current step."""
        if message:
            self._journal.show(current_step=storable(message, MAX_MESSAGE))

    async def record(self) -> None:
        """Record the steps and durations of a completed task, for the estimates of later ones."""
        calls = {name: row.begun for name, row in self._rows.rows().items() if row.begun}
        if calls and calls != self._expected:
            await self._usual.remember(self._journal.task.type, dict(list(calls.items())[:MAX_STEPS]))
        await self._clock.record(is_whole_run=not self._skipped)

    def changed(self, *, rows: bool) -> None:
        """Show the progress; with ``rows``, the rows as well."""
        if rows:
            self._journal.show(steps=self._rows.shown())
        self._advance()

    def item_done(self, row: Row) -> None:
        """Show that another item is done."""
        self._rows.item_done(row)
        self.changed(rows=row.total > 1)

    async def _record(self, note: str | None = None) -> None:
        with self._interruption.guarding():
            await self._journal.record("task.step", note=note)

    def _show(self) -> None:
        name, index = self._rows.current()
        self._journal.show(steps=self._rows.shown(), current_step=name, current_step_index=index)
        self._advance()

    def _advance(self) -> None:
        done = percent_done(self._rows.rows(), self._expected, self._clock.usual_s)
        self._journal.advance(max(done, 100 * self._reported))


class RunningCall:
    """A call of a step while it runs."""

    def __init__(self, steps: Steps, row: Row, number: int) -> None:
        self._steps = steps
        self._row = row
        self.number = number
        """Which call of a step with this name it is in this attempt, from 1."""
        self.note: str | None = None
        """Added to the task's history when the call ends."""

    def advance(self, item: int, fraction: float, message: str | None = None) -> None:
        """Show how much of an item is done, from 0 to 1; it never goes back."""
        running = self._row.running
        running[item] = max(running.get(item, 0.0), fraction)
        self._steps.changed(rows=False)
        self._steps.say(message)

    def item_done(self, item: int) -> None:
        """Show that an item is done."""
        self._row.running.pop(item, None)
        self._steps.item_done(self._row)
