"""The steps of a task as users see them: one row for each name; pure data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from herald.shared.task_api.task_type import MAX_STEPS
from herald.shared.tasks.models import Step


def declared_rows(steps: Sequence[Step], declared: Iterable[str]) -> list[Step]:
    """The rows at the start of an attempt: the declared steps, then others of earlier attempts."""
    known = {step.name: step for step in steps}
    names = dict.fromkeys([*declared, *known])
    return [known.get(name, Step(name=name)) for name in names]


@dataclass
class Row:
    """All calls of steps with one name, in this attempt."""

    step: Step
    """As it is shown."""
    total: int = 0
    """How many items the calls have; a plain step is one item."""
    done: int = 0
    """How many of the items are done."""
    running: dict[int, float] = field(default_factory=dict)
    """The fraction that is done of each running item."""
    begun: int = 0
    """How many calls have begun."""
    calls: int = 0
    """How many calls are running."""

    @property
    def has_begun(self) -> bool:
        """Whether any call has begun in this attempt, or in an earlier one that completed the step."""
        return self.begun > 0 or self.step.status == "completed"

    def fraction(self, usual_calls: int = 1) -> float:
        """How much is done, from 0 to 1, if there are ``usual_calls`` or as many as have begun already."""
        if not self.total:
            return 1.0 if self.has_begun and not self.calls else 0.0
        of_begun = (self.done + sum(self.running.values())) / self.total
        return of_begun * self.begun / max(self.begun, usual_calls)


class StepRows:
    """The rows of a task. At most `MAX_STEPS` are shown."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._rows = {step.name: Row(step) for step in steps}
        self._begun: list[str] = []

    def row(self, name: str) -> Row:
        """The row of that name; a new one if there is none."""
        return self._rows.setdefault(name, Row(Step(name=name)))

    def rows(self) -> dict[str, Row]:
        """All rows by name, in order."""
        return self._rows

    def shown(self) -> list[Step]:
        """The steps as the task shows them."""
        return [row.step for row in list(self._rows.values())[:MAX_STEPS]]

    def current(self) -> tuple[str | None, int | None]:
        """The name and the index of the running step that began last; of the last one if none is running."""
        running = [name for name in self._begun if self._rows[name].calls]
        name = next(reversed(running or self._begun), None)
        index = list(self._rows).index(name) if name is not None else None
        return name, index if index is not None and index < MAX_STEPS else None

    def begin(self, name: str, *, items: int, done: int, at: datetime) -> Row:
        """Record that a call begins with so many items, of which some are done already."""
        row = self.row(name)
        row.calls += 1
        row.begun += 1
        row.total += items
        row.done += done
        if name in self._begun:
            self._begun.remove(name)
        self._begun.append(name)
        started_at = row.step.started_at if row.begun > 1 else None
        self._show(row, Step(name=name, status="running", started_at=started_at or at))
        return row

    def item_done(self, row: Row) -> None:
        """Record that another item is done."""
        row.done += 1
        self._show(row, row.step)

    def end(self, row: Row, *, failed: bool, at: datetime) -> None:
        """Record that a call has ended."""
        row.calls -= 1
        if failed:
            self._show(row, row.step.model_copy(update={"status": "failed"}))
        elif not row.calls:
            self._show(row, row.step.model_copy(update={"status": "completed", "completed_at": at}))

    def skip(self, name: str, *, items: int, at: datetime) -> bool:
        """Record a call whose items are all done by earlier attempts; returns whether the row has changed."""
        row = self.row(name)
        row.begun += 1
        row.total += items
        row.done += items
        if row.calls or row.step.status == "completed":
            return False
        self._show(row, row.step.model_copy(update={"status": "completed", "completed_at": at}))
        return True

    def _show(self, row: Row, step: Step) -> None:
        counts = (row.done, row.total) if row.total > 1 else (None, None)
        row.step = step.model_copy(update={"done": counts[0], "total": counts[1]})
