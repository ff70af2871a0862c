"""Runs the built-in task types with their offline drafts."""

from typing import Any

from herald import TaskType
from herald.testing import TestRun, run
from herald.worker import tasks

TASK_TYPES: dict[str, TaskType[Any, Any, Any]] = {
    each.name: each for each in (tasks.generate_media_plan, tasks.generate_brand_kit, tasks.generate_personas)
}
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


async def generated(name: str, payload: dict[str, Any] | None = None, **options: Any) -> TestRun[Any]:
    """Run a task of a built-in type, by default with its entry in `PAYLOADS`; ``options`` are those of `run`."""
    task_type = TASK_TYPES[name]
    return await run(task_type, task_type.payload.model_validate(payload or PAYLOADS[name]), **options)


async def result_of(name: str, payload: dict[str, Any] | None = None) -> Any:
    """The result of such a task, as it is stored."""
    return (await generated(name, payload)).result.wire()
