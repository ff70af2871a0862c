"""What a generator is: a plan of named steps, and the code that runs them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from shared.models import Task, now
from worker.llm.provider import AnswerT, Prompt


class PlannedStep(NamedTuple):
    """A step that a task will take."""

    name: str
    weight: float
    """Its share of the whole work, against the other steps' weights."""


class Result(NamedTuple):
    """What a generator has made."""

    documents: list[dict[str, Any]]
    """To store in the type's collection; each ``_id`` is derived from the task's id."""
    reference: dict[str, Any]
    """What the task's ``result`` shall say."""


class Steps(Protocol):
    """What a generator works with: the task, and a way to run its steps."""

    task: Task

    async def ask(self, step: str, prompt: Prompt[AnswerT]) -> AnswerT:
        """Run a planned step by asking the model; a step that has run before is not run again."""


class Generator(Protocol):
    """One task type's work. It keeps no state: everything is in the payload and the steps' answers."""

    def plan(self, payload: Any) -> Sequence[PlannedStep]:
        """The steps that ``payload`` needs, in order."""

    async def generate(self, steps: Steps, payload: Any) -> Result:
        """Run the steps and put the result together."""


def document(task: Task, id_field: str, result_id: str, content: dict[str, Any]) -> dict[str, Any]:
    """A result document: its ids and owner, then its content."""
    owner = {"taskId": task.task_id, "userId": task.user_id}
    if task.brand_id is not None:
        owner["brandId"] = task.brand_id
    provider = task.usage.provider if task.usage else None
    return {
        "_id": result_id,
        id_field: result_id,
        **owner,
        "createdAt": now(),
        "provider": provider,
        **content,
    }
