"""Shows a task's updates in a terminal: progress bars for people, lines for other programs."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from herald.shared.client.updates import SNAPSHOT, Update, has_ended
from herald.shared.tasks.models import PublicTask, TaskStatus

_OWN_DATA = ("draft", "emitted")


async def show(
    updates: AsyncGenerator[Update, None], console: Console, *, as_json: bool
) -> PublicTask | None:
    """Show updates until they end, and return the last state of a task; None if there was none."""
    screen = Lines(console, as_json=as_json) if as_json or not console.is_terminal else Bars(console)
    last: PublicTask | None = None
    with screen:
        async with aclosing(updates):
            async for update in updates:
                if update.kind not in _OWN_DATA:
                    screen.show(update)
                    last = update.task
    return last


class Lines:
    """Prints a line per update."""

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, update: Update) -> None:
        """Show a task's new state."""
        task = update.task
        kind = SNAPSHOT if update.kind == SNAPSHOT else f"task.{update.kind}"
        if self._as_json:
            line = json.dumps({"type": kind, "task": task.wire()})
        else:
            at = task.wire()["updatedAt"]
            line = f"{at} {kind} {task.task_id} {task.progress}% {_state(task)}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


class Bars:
    """Shows a bar per active task; ended tasks become lines above the bars."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[name]}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[state]}"),
            console=console,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, update: Update) -> None:
        """Show a task's new state."""
        task = update.task
        task_id, name = task.task_id, f"{task.type} {task.task_id[:12]}"
        if has_ended(task):
            if task_id in self._bars:
                self._progress.remove_task(self._bars.pop(task_id))
            self._progress.console.print(f"{name} {_state(task)}", highlight=False, markup=False)
            return
        if task_id not in self._bars:
            self._bars[task_id] = self._progress.add_task("", total=100, name=name, state="")
        self._progress.update(self._bars[task_id], completed=task.progress, state=_state(task))


def _state(task: PublicTask) -> str:
    match task.status:
        case TaskStatus.PROCESSING:
            return task.current_step or "processing"
        case TaskStatus.QUEUED if task.queue_position is not None:
            return f"queued, position {task.queue_position}"
        case TaskStatus.FAILED | TaskStatus.RETRYING:
            return f"{task.status}: {task.last_error or ''}"
        case status:
            return str(status)
