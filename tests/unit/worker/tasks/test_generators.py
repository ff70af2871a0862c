"""The generators, with a model that answers at once with the rule-based draft."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from herald.shared.tasks.models import Task, Usage
from herald.shared.tasks.task_types import TASK_TYPES
from herald.worker.llm.offline import OfflineProvider
from herald.worker.llm.provider import AnswerT, Prompt
from herald.worker.tasks import GENERATORS
from herald.worker.tasks.base import Result
from herald.worker.tasks.brand_kit.colour import contrast
from herald.worker.tasks.brand_kit.draft import Look
from herald.worker.tasks.brand_kit.generator import checked_palette
from herald.worker.tasks.media_plan.draft import Week
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
    """Runs steps by asking the offline provider, and remembers which were run and what was asked."""

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


async def generated(name: str, payload: dict[str, Any] | None = None, **answers: str) -> Result:
    offline = Usage(provider="offline", model="rules")
    steps = OfflineSteps(a_task(task_id="t1", type=name, usage=offline, created_at=CREATED), answers)
    read = TASK_TYPES[name].payload.model_validate(payload or PAYLOADS[name])
    result = await GENERATORS[name].generate(steps, read)
    plan = GENERATORS[name].plan(read)
    assert steps.ran == [step.name for step in plan]
    assert len(steps.asked) >= sum(step.parts for step in plan) - 1, "one step is rules alone"
    return result


async def media_plan(objective: str = "Grow", keywords: tuple[str, ...] = ("tea",), **settings: Any) -> Any:
    payload = {"objective": objective, "keywords": list(keywords), "settings": settings}
    return (await generated("GENERATE_MEDIA_PLAN", payload)).documents[0]


def sentences(value: Any) -> Iterator[str]:
    """Every text of a document."""
    if isinstance(value, dict):
        yield from (text for part in value.values() for text in sentences(part))
    elif isinstance(value, list):
        yield from (text for part in value for text in sentences(part))
    elif isinstance(value, str):
        yield value


def test_every_task_type_has_its_generator() -> None:
    assert set(GENERATORS) == set(TASK_TYPES)


@pytest.mark.parametrize("name", TASK_TYPES)
async def test_the_steps_run_as_planned_and_the_documents_belong_to_the_task(name: str) -> None:
    result, again = await generated(name), await generated(name)
    for made, other in zip(result.documents, again.documents, strict=True):
        assert {**made, "createdAt": None} == {**other, "createdAt": None}, "not the same for the same input"
        assert made["_id"] == made[TASK_TYPES[name].result_id]
        assert made["_id"].startswith("t1")
        assert (made["taskId"], made["userId"], made["provider"]) == ("t1", "ada", "offline")


@pytest.mark.parametrize("name", TASK_TYPES)
async def test_no_sentence_ignores_the_input(name: str) -> None:
    payload = TASK_TYPES[name].payload.model_validate(PAYLOADS[name]).wire()
    words = {word.lower() for text in sentences(payload) for word in re.findall(r"\w{3,}", text)}
    for made in (await generated(name)).documents:
        own = {field: value for field, value in made.items() if field not in ("createdAt", "provider")}
        for text in sentences(own):
            assert "lorem" not in text.lower()
            said = set(re.findall(r"\w+", text.lower()))
            assert len(said) <= 6 or said & (words | {str(made.get("name")).lower()}), text


async def test_a_media_plan_is_dated_and_adds_up() -> None:
    [plan] = (await generated("GENERATE_MEDIA_PLAN")).documents
    assert Counter(post["week"] for post in plan["calendar"]) == {1: 4, 2: 4, 3: 4}
    assert (plan["startDate"], plan["endDate"]) == ("2026-09-09", "2026-09-29")
    for post in plan["calendar"]:
        first = date(2026, 9, 9) + timedelta(weeks=post["week"] - 1)
        day = date.fromisoformat(post["date"])
        assert first <= day < first + timedelta(weeks=1)
        assert day.strftime("%A") == post["day"]
        assert post["title"] and post["copy"] and post["callToAction"] and post["hashtags"]
        assert all(re.fullmatch(r"#\w+", tag) for tag in post["hashtags"])
    assert {post["channel"] for post in plan["calendar"]} == {"Radio", "Instagram", "Mail"}
    assert len({post["title"] for post in plan["calendar"]}) == 12
    assert [channel["channel"] for channel in plan["channels"]] == ["Radio", "Instagram", "Mail"]
    assert sum(channel["budget"] for channel in plan["channels"]) == 1000 == plan["budget"]["total"]
    assert sum(channel["share"] for channel in plan["channels"]) == 100
    grouped = sorted(word for group in plan["keywordGroups"] for word in group["keywords"])
    assert grouped == sorted(PAYLOADS["GENERATE_MEDIA_PLAN"]["keywords"])
    together = next(group for group in plan["keywordGroups"] if "slow craft" in group["keywords"])
    assert "craft fair" in together["keywords"]
    assert plan["measurement"] and plan["summary"] and plan["audience"]


async def test_the_largest_plan_repeats_nothing() -> None:
    plan = await media_plan(
        "Grow", ("tea",), weeks=26, postsPerWeek=14, budget=0.07, channels=["A", "a ", "B"]
    )
    assert len(plan["calendar"]) == 364
    assert len({post["title"] for post in plan["calendar"]}) == 364
    assert len({post["copy"] for post in plan["calendar"]}) == 364
    assert len({week["theme"] for week in plan["weeks"]}) == 26
    assert [channel["channel"] for channel in plan["channels"]] == ["A", "B"]
    assert round(sum(channel["budget"] for channel in plan["channels"]), 2) == 0.07


async def test_a_plan_without_settings_chooses_its_channels_and_begins_next_monday() -> None:
    crafts = await media_plan("Fill the pottery workshop", ("pottery", "gift ideas"))
    business = await media_plan("More leads for our software", ("b2b software", "team onboarding"))
    assert "Instagram" in {channel["channel"] for channel in crafts["channels"]}
    assert "LinkedIn" in {channel["channel"] for channel in business["channels"]}
    assert crafts["startDate"] == "2026-11-30"
    assert "budget" not in crafts
    assert crafts["calendar"] != business["calendar"]


async def test_another_language_is_not_pretended() -> None:
    assert "Danish was asked for" in (await media_plan(language="Danish"))["summary"]


async def test_the_user_s_braces_and_repeated_keywords_do_no_harm() -> None:
    plan = await media_plan("{goal} {0} %s", ("{keyword}", "Tea", "tea", "</input>"))
    assert [word for group in plan["keywordGroups"] for word in group["keywords"]].count("tea") == 0
    assert any("{keyword}" in post["title"] for post in plan["calendar"])


def a_week(*titles: str) -> str:
    post = {"day": "Monday", "channel": "a", "copy": "c", "hashtags": [], "callToAction": "d"}
    return json.dumps({"posts": [{**post, "title": title, "copy": f"{title}!"} for title in titles]})


async def test_a_week_that_repeats_an_earlier_one_is_written_anew() -> None:
    payload = {"objective": "o", "keywords": ["k"]}
    payload |= {"settings": {"weeks": 2, "postsPerWeek": 2, "channels": ["A"]}}  # type: ignore[dict-item]
    answers = {"week 1": a_week("One", "Two"), "week 2": a_week("Three", "one ")}
    [plan] = (await generated("GENERATE_MEDIA_PLAN", payload, **answers)).documents
    titles = [post["title"] for post in plan["calendar"]]
    assert {"One", "Two"} < set(titles) and "Three" not in titles and len(set(titles)) == 4
    assert {post["channel"] for post in plan["calendar"]} == {"A"}, "a channel is named as the brief names it"


def test_a_week_s_faults_are_named() -> None:
    from herald.shared.tasks.task_types import MediaPlanPayload
    from herald.worker.tasks.media_plan.draft import draft_groups, draft_strategy
    from herald.worker.tasks.media_plan.generator import _about_week

    payload = MediaPlanPayload.model_validate(
        {"objective": "o", "keywords": ["k"], "settings": {"channels": ["B"], "postsPerWeek": 1, "weeks": 1}}
    )
    groups = draft_groups(payload).groups
    prompt = _about_week(payload, groups, draft_strategy(payload, groups), 1)
    faults = list(prompt.faults(Week.model_validate_json(a_week("x", "X"))))
    assert faults == [
        "there are 2 posts, not 1",
        "channel 'a' is not in the plan",
        "channel 'a' is not in the plan",
        "'X' is there already",
    ]


async def test_a_brand_kit_has_colours_that_can_be_read() -> None:
    [kit] = (await generated("GENERATE_BRAND_KIT")).documents
    assert kit["brandName"] == "Northlight"
    assert "patience" in kit["positioning"] and "calm" in kit["voice"]["traits"]
    assert len(kit["taglines"]) >= 3 and len(kit["logoDirections"]) >= 2
    assert all(rule["example"] for rule in kit["voice"]["do"] + kit["voice"]["dont"])
    see_that_it_can_be_read(kit["palette"])


def see_that_it_can_be_read(palette: list[dict[str, Any]]) -> None:
    by_role = {colour["role"]: colour for colour in palette}
    assert list(by_role) == ["primary", "secondary", "accent", "background", "text"]
    background = by_role["background"]["hex"]
    assert contrast(by_role["text"]["hex"], background) >= 4.5
    for role in ("primary", "secondary", "accent"):
        assert contrast(by_role[role]["hex"], background) >= 3
    for colour in palette:
        assert colour["contrast"] >= 4.5
        assert colour["contrast"] == round(contrast(colour["hex"], colour["pairedWith"]), 2)


@pytest.mark.parametrize("background", ["#ffffff", "#000000", "#777777", "#FFEE00"])
def test_a_model_s_palette_is_made_readable(background: str) -> None:
    colour = {"name": "n", "hex": "#ffff00", "usage": "u"}
    face = {"family": "f", "fallback": "g", "reason": "r"}
    logo = {"name": "n", "idea": "i"}
    look = Look.model_validate(
        {
            **dict.fromkeys(("primary", "secondary", "accent", "text"), colour),
            "background": {**colour, "hex": background},
            **dict.fromkeys(("heading", "body"), face),
            "logoDirections": [logo, logo],
        }
    )
    see_that_it_can_be_read(checked_palette(look))


@pytest.mark.parametrize("count", [1, 7, 10])
async def test_as_many_personas_as_were_asked_for_and_no_two_alike(count: int) -> None:
    payload = {**PAYLOADS["AUTO_GENERATE_PERSONAS"], "count": count}
    result = await generated("AUTO_GENERATE_PERSONAS", payload)
    assert [made["personaId"] for made in result.documents] == [
        f"t1-{number:02d}" for number in range(1, count + 1)
    ]
    assert result.reference == {"taskId": "t1", "personaIds": [made["_id"] for made in result.documents]}
    for field in ("name", "segment", "situation", "need", "quote"):
        assert len({made[field] for made in result.documents}) == count
    assert all("Denmark" in made["segment"] for made in result.documents)


async def test_two_people_with_one_name_are_a_fault() -> None:
    person = {"segment": "s", "name": "Ada", "age": 30, "occupation": "o", "need": "n"}
    twice = json.dumps({"people": [person, {**person, "segment": "t", "name": "ada", "need": "m"}]})
    with pytest.raises(Exception, match="two people have the same name"):
        await generated("AUTO_GENERATE_PERSONAS", {"product": "p", "count": 2}, **{"": twice})


LINE = st.text(min_size=1, max_size=60).filter(str.strip)
ANY_PAYLOAD = st.one_of(
    st.fixed_dictionaries(
        {
            "objective": LINE,
            "keywords": st.lists(LINE, min_size=1, max_size=8),
            "settings": st.fixed_dictionaries(
                {"weeks": st.integers(1, 5), "postsPerWeek": st.integers(1, 14)},
                optional={
                    "channels": st.lists(LINE, max_size=5),
                    "budget": st.floats(0, 1e9, allow_nan=False),
                    "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
                    "language": LINE,
                    "tone": LINE,
                },
            ),
        }
    ).map(lambda payload: ("GENERATE_MEDIA_PLAN", payload)),
    st.fixed_dictionaries(
        {"brandName": LINE, "description": LINE},
        optional={"industry": LINE, "values": st.lists(LINE, max_size=4), "tone": LINE},
    ).map(lambda payload: ("GENERATE_BRAND_KIT", payload)),
    st.fixed_dictionaries({"product": LINE, "count": st.integers(1, 10)}, optional={"market": LINE}).map(
        lambda payload: ("AUTO_GENERATE_PERSONAS", payload)
    ),
)


@given(ANY_PAYLOAD)
@hypothesis_settings(max_examples=150, deadline=None)
def test_whatever_a_user_writes_the_drafts_have_no_fault(wanted: tuple[str, dict[str, Any]]) -> None:
    """Each draft has to pass the same checks as a model's answer, and each plan its rules."""
    asyncio.run(generated(*wanted))
