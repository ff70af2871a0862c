"""Updates of a task, and how they are made of the messages on the feed; pure data, no I/O."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from herald.shared.tasks.models import ENDED, PublicTask

SNAPSHOT = "snapshot"


class Draft(NamedTuple):
    """A piece of text that the task is writing.

    Join the pieces of one ``(attempt, step, part)``. ``start`` is the position of the piece in that text, in
    characters; 0 begins it again.
    """

    text: str
    start: int
    step: str
    part: str | None
    attempt: int


class Emitted(NamedTuple):
    """Data that the task's code has emitted."""

    name: str
    data: Any
    attempt: int


@dataclass(frozen=True)
class Update:
    """One change of a task.

    ``kind`` is ``queued``, ``processing``, ``step``, ``progress``, ``retrying``, ``completed``, ``failed`` or
    ``cancelled``; ``draft`` for a piece of a draft; ``emitted`` for the task's own data; ``snapshot`` for the
    current state, where the changes that led to it are no longer known. A newer Herald may send others.
    """

    kind: str
    task: PublicTask
    """The task after the change."""
    draft: Draft | None = None
    """Only with the kind ``draft``."""
    emitted: Emitted | None = None
    """Only with the kind ``emitted``."""

    @property
    def status(self) -> str:
        """The task's status."""
        return self.task.status

    @property
    def progress(self) -> int:
        """The task's progress in percent."""
        return self.task.progress

    @property
    def step(self) -> str | None:
        """The name of the current step; None while there is none."""
        return self.task.current_step


class UpdateReader:
    """Turns the messages of a channel into updates, in order and each once.

    A state that is not newer than the last one of its task is dropped, so late messages do no harm.
    """

    def __init__(self) -> None:
        self._versions: dict[str, tuple[int, int]] = {}
        self.latest: PublicTask | None = None
        """The task of the newest update."""

    def read(self, message: dict[str, Any]) -> Iterator[Update]:
        """The update in one message, if it has one."""
        kind = str(message.get("type", "")).removeprefix("task.")
        if "task" in message:
            yield from self._newer(kind, [message["task"]])
        elif self.latest is not None and kind == "delta":
            piece = Draft(
                message["text"],
                message["start"],
                message["step"],
                message.get("part"),
                message["attempt"],
            )
            yield Update("draft", self.latest, draft=piece)
        elif self.latest is not None and kind == "emitted":
            emitted = Emitted(message["name"], message["data"], message["attempt"])
            yield Update("emitted", self.latest, emitted=emitted)

    def begin(self, tasks: list[Any], earlier: Iterable[dict[str, Any]] = ()) -> Iterator[Update]:
        """The updates in earlier messages, then the states in a snapshot that are newer."""
        if self.latest is None and tasks:
            self.latest = PublicTask.model_validate(tasks[0])  # if the earlier messages begin with a draft
        for message in earlier:
            yield from self.read(message)
        yield from self._newer(SNAPSHOT, tasks)

    def _newer(self, kind: str, tasks: Iterable[Any]) -> Iterator[Update]:
        for each in tasks:
            task = PublicTask.model_validate(each)
            version = (task.rev, task.tick)
            if version > self._versions.get(task.task_id, (0, -1)):
                self._versions[task.task_id] = version
                self.latest = task
                yield Update(kind, task)


def has_ended(task: PublicTask) -> bool:
    """Whether a task has ended, even with a status that only a newer Herald knows."""
    return task.status in ENDED or task.completed_at is not None
