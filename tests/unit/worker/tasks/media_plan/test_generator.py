"""Media plans: their calendar and budget, and what happens to answers that break a rule."""

import json
import re
from collections import Counter
from datetime import date, timedelta

from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.tasks.media_plan.answers import Week
from herald.worker.tasks.media_plan.draft import draft_groups, draft_strategy
from herald.worker.tasks.media_plan.generator import week_prompt
from tests.support.generators import PAYLOADS, generated
from tests.unit.worker.tasks.media_plan.conftest import MakePlan


def a_week(*titles: str) -> str:
    post = {"day": "Monday", "channel": "a", "copy": "c", "hashtags": [], "callToAction": "d"}
    return json.dumps({"posts": [{**post, "title": title, "copy": f"{title}!"} for title in titles]})


async def test_posts_fall_on_their_weekday_within_their_week() -> None:
    [plan] = (await generated("GENERATE_MEDIA_PLAN")).documents
    assert Counter(post["week"] for post in plan["calendar"]) == {1: 4, 2: 4, 3: 4}
    assert (plan["startDate"], plan["endDate"]) == ("2026-09-09", "2026-09-29")
    for post in plan["calendar"]:
        first = date(2026, 9, 9) + timedelta(weeks=post["week"] - 1)
        day = date.fromisoformat(post["date"])
        assert first <= day < first + timedelta(weeks=1)
        assert day.strftime("%A") == post["day"]


async def test_posts_are_complete_and_use_every_channel() -> None:
    [plan] = (await generated("GENERATE_MEDIA_PLAN")).documents
    for post in plan["calendar"]:
        assert post["title"] and post["copy"] and post["callToAction"]
        assert bool(post["hashtags"]) == (post["channel"] == "Instagram")
        assert all(re.fullmatch(r"#\w+", tag) for tag in post["hashtags"])
    assert {post["channel"] for post in plan["calendar"]} == {"Radio", "Instagram", "Mail"}
    assert len({post["title"] for post in plan["calendar"]}) == 12
    assert plan["measurement"] and plan["summary"] and plan["audience"]


async def test_channel_budgets_and_shares_add_up() -> None:
    [plan] = (await generated("GENERATE_MEDIA_PLAN")).documents
    assert [channel["channel"] for channel in plan["channels"]] == ["Radio", "Instagram", "Mail"]
    assert sum(channel["budget"] for channel in plan["channels"]) == 1000 == plan["budget"]["total"]
    assert sum(channel["share"] for channel in plan["channels"]) == 100


async def test_each_keyword_is_in_one_group_with_related_ones() -> None:
    [plan] = (await generated("GENERATE_MEDIA_PLAN")).documents
    grouped = sorted(word for group in plan["keywordGroups"] for word in group["keywords"])
    assert grouped == sorted(PAYLOADS["GENERATE_MEDIA_PLAN"]["keywords"])
    related = next(group for group in plan["keywordGroups"] if "slow craft" in group["keywords"])
    assert "craft fair" in related["keywords"]


async def test_a_plan_without_a_start_date_begins_next_monday(media_plan: MakePlan) -> None:
    plan = await media_plan()
    assert plan["startDate"] == "2026-11-30"
    assert "budget" not in plan


async def test_a_week_that_repeats_an_earlier_one_is_rewritten() -> None:
    payload = {"objective": "o", "keywords": ["k"]}
    payload |= {"settings": {"weeks": 2, "postsPerWeek": 2, "channels": ["A"]}}  # type: ignore[dict-item]
    answers = {"week 1": a_week("One", "Two"), "week 2": a_week("Three", "one ")}
    [plan] = (await generated("GENERATE_MEDIA_PLAN", payload, **answers)).documents
    titles = [post["title"] for post in plan["calendar"]]
    assert {"One", "Two"} < set(titles) and "Three" not in titles and len(set(titles)) == 4


async def test_posts_name_a_channel_as_the_brief_spells_it() -> None:
    payload = {"objective": "o", "keywords": ["k"]}
    payload |= {"settings": {"weeks": 1, "postsPerWeek": 2, "channels": ["A"]}}  # type: ignore[dict-item]
    [plan] = (await generated("GENERATE_MEDIA_PLAN", payload, **{"week 1": a_week("One", "Two")})).documents
    assert {post["channel"] for post in plan["calendar"]} == {"A"}


def test_faults_of_a_week_are_listed() -> None:
    payload = MediaPlanPayload.model_validate(
        {"objective": "o", "keywords": ["k"], "settings": {"channels": ["B"], "postsPerWeek": 1, "weeks": 1}}
    )
    groups = draft_groups(payload).groups
    prompt = week_prompt(payload, groups, draft_strategy(payload, groups), 1)
    assert list(prompt.faults(Week.model_validate_json(a_week("x", "X")))) == [
        "expected 1 post, got 2",
        "channel 'a' is not in the plan",
        "channel 'a' is not in the plan",
        "'X' repeats an earlier post",
    ]
