"""The generators, with a model that answers at once with the rule-based draft."""

from typing import Any

import pytest

from shared.catalog import TASK_TYPES
from shared.models import Task, Usage
from tests.support.tasks import a_task
from worker.generators import GENERATORS
from worker.generators.base import Result
from worker.generators.brand_kit import BLACK_TEXT_FROM
from worker.llm.offline import OfflineProvider
from worker.llm.provider import AnswerT, Prompt

PAYLOADS: dict[str, dict[str, Any]] = {
    "GENERATE_MEDIA_PLAN": {
        "objective": "Sell out the autumn workshop",
        "keywords": ["pottery", "slow craft", "gifts", "clay", "kiln"],
        "settings": {
            "weeks": 3,
            "postsPerWeek": 4,
            "channels": ["Radio", "Poster", "Mail"],
            "budget": 100,
            "startDate": "2026-09-07",
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


class RecordedSteps:
    """Runs steps by asking the offline provider, and remembers them."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.asked: list[str] = []
        self._provider = OfflineProvider(0)

    async def ask(self, step: str, prompt: Prompt[AnswerT]) -> AnswerT:
        self.asked.append(step)
        text, _ = await self._provider.write(prompt, lambda _: None)
        return prompt.parse(text)


async def generated(name: str, payload: dict[str, Any] | None = None) -> tuple[Result, list[str]]:
    steps = RecordedSteps(a_task(task_id="t1", type=name, usage=Usage(provider="offline", model="rules")))
    read = TASK_TYPES[name].payload.model_validate(payload or PAYLOADS[name])
    result = await GENERATORS[name].generate(steps, read)
    assert steps.asked == [step.name for step in GENERATORS[name].plan(read)]
    return result, steps.asked


def test_every_task_type_has_its_generator() -> None:
    assert set(GENERATORS) == set(TASK_TYPES)


@pytest.mark.parametrize("name", TASK_TYPES)
async def test_the_steps_run_as_planned_and_the_documents_belong_to_the_task(name: str) -> None:
    result, _ = await generated(name)
    again, _ = await generated(name)
    assert [made["_id"] for made in result.documents] == [made["_id"] for made in again.documents]
    for made in result.documents:
        assert made["_id"] == made[TASK_TYPES[name].result_id]
        assert made["_id"].startswith("t1")
        assert (made["taskId"], made["userId"], made["provider"]) == ("t1", "ada", "offline")


async def test_a_media_plan_uses_the_whole_brief() -> None:
    result, steps = await generated("GENERATE_MEDIA_PLAN")
    [plan] = result.documents
    assert result.reference == {"mediaPlanGroupId": "t1"}
    assert steps[2:] == ["Write week 1", "Write week 2", "Write week 3"]
    assert [week["startDate"] for week in plan["weeks"]] == ["2026-09-07", "2026-09-14", "2026-09-21"]
    posts = [post for week in plan["weeks"] for post in week["posts"]]
    assert len(posts) == 12
    assert {post["channel"] for post in posts} == {"Radio", "Poster", "Mail"}
    assert len({post["title"] for post in posts}) == 12
    spread = sorted(word for pillar in plan["pillars"] for word in pillar["keywords"])
    assert spread == sorted(PAYLOADS["GENERATE_MEDIA_PLAN"]["keywords"])
    assert sum(round(share["amount"] * 100) for share in plan["budget"]) == 100_00
    assert "sell out the autumn workshop" in plan["title"]


async def test_two_briefs_give_two_plans() -> None:
    one, _ = await generated("GENERATE_MEDIA_PLAN", {"objective": "Grow", "keywords": ["tea"]})
    other, _ = await generated("GENERATE_MEDIA_PLAN", {"objective": "Hire", "keywords": ["rust"]})
    assert one.documents[0]["weeks"] != other.documents[0]["weeks"]


async def test_a_brand_kit_has_colours_that_text_can_be_read_on() -> None:
    result, _ = await generated("GENERATE_BRAND_KIT")
    [kit] = result.documents
    assert kit["brandName"] == "Northlight"
    assert "patience" in kit["positioning"]["promise"]
    assert "calm" in kit["voice"]["traits"]
    for colour in kit["look"]["palette"]:
        dark = colour["textOnIt"] == "#ffffff"
        assert (luminance(colour["hex"]) < BLACK_TEXT_FROM + 0.01) == dark


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


async def test_as_many_personas_as_were_asked_for_and_all_of_them_different() -> None:
    result, _ = await generated("AUTO_GENERATE_PERSONAS")
    assert [made["personaId"] for made in result.documents] == [f"t1-{number:02d}" for number in range(1, 8)]
    assert result.reference == {"taskId": "t1", "personaIds": [made["_id"] for made in result.documents]}
    assert len({made["name"] for made in result.documents}) == 7
    assert all("Denmark" in made["role"] for made in result.documents)
