"""Media plans: their calendar and budget, and what happens to answers that break a rule."""

import json
import re
from collections import Counter
from datetime import date, timedelta

from herald.testing import run
from herald.worker.tasks.media_plan.answers import KeywordGroups, Strategy, Week
from herald.worker.tasks.media_plan.assembly import assemble_plan
from herald.worker.tasks.media_plan.checks import plan_faults
from herald.worker.tasks.media_plan.draft import draft_groups, draft_strategy
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.media_plan.prompts import week_prompt
from herald.worker.tasks.media_plan.task import generate_media_plan
from tests.support.built_in import PAYLOADS, generated, result_of
from tests.unit.worker.tasks.media_plan.conftest import MakePlan


def a_brief(**settings: object) -> MediaPlanPayload:
    return MediaPlanPayload.model_validate(
        {"objective": "o", "keywords": ["k"], "settings": {"channels": ["A"], **settings}}
    )


def first_answers(brief: MediaPlanPayload) -> tuple[KeywordGroups, Strategy]:
    groups = draft_groups(brief)
    return groups, draft_strategy(brief, groups.groups)


def a_week(*titles: str) -> str:
    post = {"day": "Monday", "channel": "a", "copy": "c", "hashtags": [], "callToAction": "d"}
    return json.dumps({"posts": [{**post, "title": title, "copy": f"{title}!"} for title in titles]})


async def test_posts_fall_on_their_weekday_within_their_week() -> None:
    plan = await result_of("GENERATE_MEDIA_PLAN")
    assert Counter(post["week"] for post in plan["calendar"]) == {1: 4, 2: 4, 3: 4}
    assert (plan["startDate"], plan["endDate"]) == ("2026-09-09", "2026-09-29")
    for post in plan["calendar"]:
        first = date(2026, 9, 9) + timedelta(weeks=post["week"] - 1)
        day = date.fromisoformat(post["date"])
        assert first <= day < first + timedelta(weeks=1)
        assert day.strftime("%A") == post["day"]


async def test_posts_are_complete_and_use_every_channel() -> None:
    plan = await result_of("GENERATE_MEDIA_PLAN")
    for post in plan["calendar"]:
        assert post["title"] and post["copy"] and post["callToAction"]
        assert bool(post["hashtags"]) == (post["channel"] == "Instagram")
        assert all(re.fullmatch(r"#\w+", tag) for tag in post["hashtags"])
    assert {post["channel"] for post in plan["calendar"]} == {"Radio", "Instagram", "Mail"}
    assert len({post["title"] for post in plan["calendar"]}) == 12
    assert plan["measurement"] and plan["summary"] and plan["audience"]


async def test_channel_budgets_and_shares_add_up() -> None:
    plan = await result_of("GENERATE_MEDIA_PLAN")
    assert [channel["channel"] for channel in plan["channels"]] == ["Radio", "Instagram", "Mail"]
    assert sum(channel["budget"] for channel in plan["channels"]) == 1000 == plan["budget"]["total"]
    assert sum(channel["share"] for channel in plan["channels"]) == 100


async def test_each_keyword_is_in_one_group_with_related_ones() -> None:
    plan = await result_of("GENERATE_MEDIA_PLAN")
    grouped = sorted(word for group in plan["keywordGroups"] for word in group["keywords"])
    assert grouped == sorted(PAYLOADS["GENERATE_MEDIA_PLAN"]["keywords"])
    related = next(group for group in plan["keywordGroups"] if "slow craft" in group["keywords"])
    assert "craft fair" in related["keywords"]


async def test_a_plan_without_a_start_date_begins_next_monday() -> None:
    planned = await generated("GENERATE_MEDIA_PLAN", {"objective": "o", "keywords": ["k"]})
    start, created = planned.result.start_date, planned.task.created_at.date()
    assert start.strftime("%A") == "Monday" and timedelta(0) < start - created <= timedelta(weeks=1)


async def test_a_plan_without_a_budget_has_no_amounts(media_plan: MakePlan) -> None:
    plan = await media_plan()
    assert "budget" not in plan and not any("budget" in channel for channel in plan["channels"])


async def test_a_week_that_repeats_an_earlier_one_is_rewritten() -> None:
    brief = a_brief(weeks=2, postsPerWeek=2)
    weeks = [a_week("One", "Two"), a_week("Three", "one "), a_week("Four", "Five")]
    done = await run(generate_media_plan, brief, model=[*first_answers(brief), *weeks])
    assert {post.title for post in done.result.calendar} == {"One", "Two", "Four", "Five"}
    assert done.prompts[-1].data["taken"] == ["One", "Two"]
    assert (done.drafts[-1].step, done.drafts[-1].part) == ("Checking the plan", "week 2")


async def test_a_rewritten_week_is_not_requested_twice() -> None:
    brief = a_brief(weeks=2, postsPerWeek=1)
    weeks = [a_week("One"), a_week("one"), a_week("Two")]
    model = [*first_answers(brief), *weeks]
    done = await run(generate_media_plan, brief, model=model, crash_after="Checking the plan")
    assert len(done.prompts) == len(model) and done.task.attempt == 2


async def test_posts_name_a_channel_as_the_brief_spells_it() -> None:
    brief = a_brief(weeks=1, postsPerWeek=2)
    done = await run(generate_media_plan, brief, model=[*first_answers(brief), a_week("One", "Two")])
    assert {post.channel for post in done.result.calendar} == {"A"}


def test_faults_of_a_plan_are_listed() -> None:
    brief = a_brief(weeks=1, postsPerWeek=1, startDate="2026-09-09")
    copy = {"day": "Monday", "channel": "A", "title": "x", "copy": "y", "hashtags": [], "callToAction": "z"}
    groups, strategy = first_answers(brief)
    two_posts = Week.model_validate({"posts": [copy, {**copy, "title": "z"}]})
    plan = assemble_plan(brief, groups.groups, strategy, [two_posts], date(2026, 9, 1))
    assert list(plan_faults(plan, brief)) == [
        "expected 1 post, got 2",
        "week 1: expected 1 post, got 2",
        "the copy 'y' is used more than once",
    ]


def test_faults_of_a_week_are_listed() -> None:
    brief = a_brief(weeks=1, postsPerWeek=1, channels=["B"])
    groups, strategy = first_answers(brief)
    prompt = week_prompt(brief, groups.groups, strategy, 1)
    assert list(prompt.faults(Week.model_validate_json(a_week("x", "X")))) == [
        "expected 1 post, got 2",
        "channel 'a' is not in the plan",
        "channel 'a' is not in the plan",
        "'X' repeats an earlier post",
    ]
