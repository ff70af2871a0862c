"""Runs generators with the offline provider's answers, without a worker or a database."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from herald.shared.task_api.prompt import AnswerT, Prompt
from herald.shared.tasks.models import Task, Usage
from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.llm.offline import OfflineProvider
from herald.worker.tasks import GENERATORS
from herald.worker.tasks.base import Result
from tests.support.tasks import a_task

PAYLOADS: dict[str, dict[str, Any]] = {
    "GENERATE_MEDIA_PLAN": {
        "objective": "Sell out the autumn workshop",
        "keywords": ["pottery", "slow craft", "gift ideas", "clay", "craft fair"],
        "settings": {
            "weeks": 3,
            "postsPerWeek": 4,
            "channels": ["Radio", "Instagram", "Mail"],
            "budget": 1000,
            "startDate": "2026-09-09",
        },
    },
    "GENERATE_BRAND_KIT": {
        "brandName": "Northlight",
        "description": "Tableware from the sea",
        "industry": "crafts",
        "values": ["patience"],
        "tone": "calm",
    },
    "AUTO_GENERATE_PERSONAS": {"product": "A weekend pottery course", "market": "Denmark", "count": 7},
}
CREATED = datetime(2026, 11, 24, 9, tzinfo=UTC)


class OfflineSteps:
    """Runs steps with the offline provider, or with scripted ``answers`` by part, and records what happened."""

    def __init__(self, task: Task, answers: Mapping[str, str] | None = None) -> None:
        self.task = task
        self.ran: list[str] = []
        self.asked: list[Prompt[Any]] = []
        self._answers = dict(answers or {})
        self._provider = OfflineProvider(0)

    @asynccontextmanager
    async def run(self, name: str) -> AsyncIterator["OfflineSteps"]:
        self.ran.append(name)
        yield self

    async def ask(self, prompt: Prompt[AnswerT]) -> AnswerT:
        return (await self.ask_each({"": prompt}))[""]

    async def ask_each(self, prompts: Mapping[str, Prompt[AnswerT]]) -> dict[str, AnswerT]:
        return {part: await self._answer(part, prompt) for part, prompt in prompts.items()}

    async def _answer(self, part: str, prompt: Prompt[AnswerT]) -> AnswerT:
        self.asked.append(prompt)
        if part in self._answers:
            return prompt.parse(self._answers.pop(part))
        return prompt.parse("".join([piece.text async for piece in self._provider.write(prompt)]))


async def generated(task_type: str, payload: dict[str, Any] | None = None, **answers: str) -> Result:
    """The result of a task type for ``payload``, by default that of `PAYLOADS`; checks that it followed its plan."""
    offline = Usage(provider="offline", model="rules")
    steps = OfflineSteps(a_task(task_id="t1", type=task_type, usage=offline, created_at=CREATED), answers)
    parsed = TASK_TYPES[task_type].payload.model_validate(payload or PAYLOADS[task_type])
    result = await GENERATORS[task_type].generate(steps, parsed)
    plan = GENERATORS[task_type].plan(parsed)
    assert steps.ran == [step.name for step in plan]
    assert len(steps.asked) >= sum(step.parts for step in plan) - 1, (
        "at most one step may work without the model"
    )
    return result
