"""The interface between a task type's generator and the engine that runs its steps."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from herald.shared.task_api.prompt import AnswerT, Prompt
from herald.shared.tasks.models import Task, now
from herald.shared.tasks.task_types import TASK_TYPES


class PlannedStep(NamedTuple):
    """A step that a task will run."""

    name: str
    weight: float
    """The step's share of the task's progress, relative to the weights of the other steps."""
    parts: int = 1
    """How many answers the step requests from the model."""


class Result(NamedTuple):
    """The output of a generator."""

    documents: list[dict[str, Any]]
    """Stored in the task type's collection; their ids follow from the task's, so storing twice is safe."""
    reference: dict[str, Any]
    """The value of the task's ``result`` field."""


class RunningStep(Protocol):
    """A step while it runs. Answers that an earlier attempt received are reused, not requested again."""

    async def ask(self, prompt: Prompt[AnswerT]) -> AnswerT:
        """Return the model's answer.

        Raises:
            ModelError: the model gave no usable answer.
        """

    async def ask_each(self, prompts: Mapping[str, Prompt[AnswerT]]) -> dict[str, AnswerT]:
        """Send several prompts concurrently and return the answers under the same names.

        Raises:
            ModelError: the model gave no usable answer to one of them.
        """


class Steps(Protocol):
    """The generator's view of the attempt: the task, and a way to run its steps."""

    @property
    def task(self) -> Task:
        """The task in its current state."""

    def run(self, name: str) -> AbstractAsyncContextManager[RunningStep]:
        """Run the planned step ``name``; it is completed when the block ends."""


class Generator(Protocol):
    """The work of one task type. Stateless: all it needs is in the payload and the answers."""

    task_type: str
    """Its key in `herald.shared.tasks.task_types.TASK_TYPES`."""

    def plan(self, payload: Any) -> Sequence[PlannedStep]:
        """Return the steps for ``payload`` in order. The engine adds a last step that stores the result."""

    async def generate(self, steps: Steps, payload: Any) -> Result:
        """Run the steps and build the result."""


def document(task: Task, content: dict[str, Any], number: int | None = None) -> dict[str, Any]:
    """Build a result document: ids and owner first, then ``content``.

    ``number`` counts the documents of a task that has several; it becomes part of the id.
    """
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
