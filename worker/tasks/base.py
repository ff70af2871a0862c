"""What a generator is: a plan of named steps, and the code that runs them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from herald.shared.tasks.models import Task, now
from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.llm.provider import AnswerT, Prompt


class PlannedStep(NamedTuple):
    """A step that a task will take."""

    name: str
    weight: float
    """Its share of the whole work, against the other steps' weights."""
    parts: int = 1
    """Answers that it asks the model for."""


class Result(NamedTuple):
    """What a generator has made."""

    documents: list[dict[str, Any]]
    """To store in the type's collection; each ``_id`` is derived from the task's id."""
    reference: dict[str, Any]
    """What the task's ``result`` shall say."""


class RunningStep(Protocol):
    """A step while it runs. An answer that an earlier attempt was given is not asked for again."""

    async def ask(self, prompt: Prompt[AnswerT]) -> AnswerT:
        """The model's answer."""

    async def ask_each(self, prompts: Mapping[str, Prompt[AnswerT]]) -> dict[str, AnswerT]:
        """The model's answers to several questions, which it is asked at the same time, by their names."""


class Steps(Protocol):
    """What a generator works with: the task, and a way to run its steps."""

    @property
    def task(self) -> Task:
        """The task as it is now."""

    def run(self, name: str) -> AbstractAsyncContextManager[RunningStep]:
        """Run a planned step; it is done where the block ends."""


class Generator(Protocol):
    """One task type's work. It keeps no state: everything is in the payload and the steps' answers."""

    task_type: str
    """The name under which `herald.shared.tasks.task_types` knows it."""

    def plan(self, payload: Any) -> Sequence[PlannedStep]:
        """The steps that ``payload`` needs, in order; storing the result comes after them."""

    async def generate(self, steps: Steps, payload: Any) -> Result:
        """Run the steps and put the result together."""


def document(task: Task, content: dict[str, Any], number: int | None = None) -> dict[str, Any]:
    """A result document: its ids and owner, then its content; ``number`` where a task makes several."""
    result_id = task.task_id if number is None else f"{task.task_id}-{number:02d}"
    owner = {"taskId": task.task_id, "userId": task.user_id}
    if task.brand_id is not None:
        owner["brandId"] = task.brand_id
    return {
        "_id": result_id,
        TASK_TYPES[task.type].result_id: result_id,
        **owner,
        "createdAt": now(),
        "provider": task.usage.provider if task.usage else None,
        **content,
    }
