"""What a test learns about a task that has run."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any, Generic, NamedTuple, TypeVar

from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.events import Message, TaskEvent
from herald.shared.tasks.models import Task, TaskStatus

OutT = TypeVar("OutT")


class StepRun(NamedTuple):
    """A step of the task."""

    name: str
    status: str
    """``completed``, or what it was when the task ended."""
    ran_in: list[int]
    """The number of the attempt of each run of its function: ``[1]`` if the second attempt did not repeat it.

    A `map` has an entry for each item.
    """


class StreamedDraft(NamedTuple):
    """A text that was streamed while it was written."""

    attempt: int
    step: str
    part: str | None
    text: str


class TestRun(Generic[OutT]):
    """A task that has run in a test, and everything that its users have seen of it.

    Args:
        task: the task at its end.
        result: its result; None unless it has completed.
        ran: how often the functions of each step have been run, for each attempt.
        errors: the exceptions that its function has raised, one for each failed attempt.
        progress: the percentages that its attempts have reached.
        emitted: the names and data that it has emitted.
        prompts: the prompts that the model was asked.
        published: all messages of the feed.
    """

    __test__ = False  # pytest would take it for a test

    def __init__(
        self,
        task: Task,
        result: OutT | None,
        *,
        ran: Sequence[Mapping[str, int]],
        errors: Sequence[BaseException],
        progress: Sequence[int],
        emitted: Sequence[tuple[str, Any]],
        prompts: Sequence[Prompt[Any]],
        published: Sequence[Message],
    ) -> None:
        self.task = task
        """The task at its end: its ``status``, ``last_error``, ``end_reason``, ``usage``, …"""
        self.errors = list(errors)
        """The exceptions that the task's function has raised, in order."""
        self.progress = [percent for percent, _ in groupby(progress)]
        """The percentages that the task has reached, in order; clients see those that last long enough."""
        self.emitted = list(emitted)
        """What the task has emitted: names and JSON values, in order."""
        self.prompts = list(prompts)
        """The prompts that the model was asked, in order."""
        self._result = result
        self._ran = ran
        channel = str(Channel.task(task.task_id))
        self._messages = [json.loads(data) for name, data in published if name == channel]

    @property
    def result(self) -> OutT:
        """The task's result.

        Raises:
            AssertionError: the task has failed; its cause is what the task's function has raised last.
        """
        if self.task.status is not TaskStatus.COMPLETED:
            cause = self.errors[-1] if self.errors else None
            raise AssertionError(
                f"{self.task.type} has failed in attempt {self.task.attempt}: {self.task.last_error} "
                f"({self.task.end_reason})"
            ) from cause
        return self._result  # type: ignore[return-value]  # None only where the result is None

    @property
    def steps(self) -> dict[str, StepRun]:
        """The steps by name, in the order in which users see them."""
        return {
            step.name: StepRun(
                step.name,
                step.status,
                [attempt for attempt, ran in enumerate(self._ran, 1) for _ in range(ran.get(step.name, 0))],
            )
            for step in self.task.steps
        }

    @cached_property
    def events(self) -> list[TaskEvent]:
        """The task's events, as clients receive them."""
        other = {"task.delta", "task.emitted"}
        return [TaskEvent.model_validate(each) for each in self._messages if each["type"] not in other]

    @property
    def drafts(self) -> list[StreamedDraft]:
        """The texts that were streamed, in the order in which they began."""
        drafts: list[StreamedDraft] = []
        newest: dict[tuple[Any, ...], int] = {}
        for delta in (each for each in self._messages if each["type"] == "task.delta"):
            written = (delta["attempt"], delta["step"], delta.get("part"))
            if delta["start"] == 0:
                newest[written] = len(drafts)
                drafts.append(StreamedDraft(*written, delta["text"]))
            else:
                index = newest[written]
                drafts[index] = drafts[index]._replace(text=drafts[index].text + delta["text"])
        return drafts

    def __repr__(self) -> str:
        return f"<TestRun {self.task.type}: {self.task.status} in attempt {self.task.attempt}>"
