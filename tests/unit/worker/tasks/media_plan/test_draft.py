"""The offline drafts of media plans: no repetition, and correct sentences whatever the user wrote."""

import re
from collections import Counter

import pytest

from herald.worker.tasks.media_plan.formats import (
    ARTICLE,
    EMAIL,
    LINES,
    OTHER,
    POSTER,
    SEARCH,
    SEARCH_ADS,
    SOCIAL,
    STORIES,
    VIDEO,
    Kind,
    kind_of,
)
from herald.worker.tasks.media_plan.themes import SUITABLE, THEMES
from tests.unit.worker.tasks.media_plan.conftest import MakePlan


async def test_the_largest_plan_repeats_no_title_copy_or_theme(media_plan: MakePlan) -> None:
    plan = await media_plan(
        "Grow", ("tea",), weeks=26, postsPerWeek=14, budget=0.07, channels=["A", "a ", "B"]
    )
    assert len(plan["calendar"]) == 364
    assert len({post["title"] for post in plan["calendar"]}) == 364
    assert len({post["copy"] for post in plan["calendar"]}) == 364
    assert len({week["theme"] for week in plan["weeks"]}) == 26
    assert [channel["channel"] for channel in plan["channels"]] == ["A", "B"]
    assert round(sum(channel["budget"] for channel in plan["channels"]), 2) == 0.07


@pytest.mark.parametrize("posts_per_week", range(1, 15))
async def test_no_week_of_any_length_repeats_a_post(media_plan: MakePlan, posts_per_week: int) -> None:
    calendar = (await media_plan("Grow", ("tea", "Tee"), weeks=26, postsPerWeek=posts_per_week))["calendar"]
    for field in ("title", "copy"):
        assert len({post[field] for post in calendar}) == 26 * posts_per_week


def test_there_is_a_theme_per_week_and_a_format_per_post() -> None:
    assert len({theme.doing for theme in THEMES}) == len({theme.do for theme in THEMES}) == len(THEMES) == 26
    assert len({theme.line for theme in THEMES}) == 26
    for formats in (STORIES, SEARCH_ADS, LINES):
        assert (
            len({form.title for form in formats})
            == len({form.copy for form in formats})
            == len(formats)
            == 14
        )


async def test_themes_suit_the_intent_of_the_week_s_keywords(media_plan: MakePlan) -> None:
    assert {do for suitable in SUITABLE.values() for do in suitable} <= {theme.do for theme in THEMES}
    plan = await media_plan("Grow", ("best dog shampoo", "dog grooming price"), weeks=3)
    assert [week["theme"] for week in plan["weeks"]] == [
        "Comparing your options: best dog shampoo",
        "Setting a budget: dog grooming price",
        "Reading reviews: best dog shampoo",
    ]


async def test_channels_are_chosen_from_the_words_of_the_brief(media_plan: MakePlan) -> None:
    crafts = await media_plan("Fill the pottery workshop", ("pottery", "gift ideas"))
    business = await media_plan("More leads for our software", ("b2b software", "team onboarding"))
    assert "Instagram" in {channel["channel"] for channel in crafts["channels"]}
    assert "LinkedIn" in {channel["channel"] for channel in business["channels"]}
    assert crafts["calendar"] != business["calendar"]


async def test_a_single_word_such_as_how_does_not_suggest_videos(media_plan: MakePlan) -> None:
    plan = await media_plan("Grow", ("dog grooming leeds", "how often to groom a cockapoo"))
    assert [channel["channel"] for channel in plan["channels"]] == ["Instagram", "Google Ads", "Facebook"]


async def test_a_business_is_not_sent_to_consumer_networks(media_plan: MakePlan) -> None:
    plan = await media_plan("Sell payroll software", ("payroll software for restaurants",))
    assert {channel["channel"] for channel in plan["channels"]} == {"LinkedIn", "Google Ads", "Newsletter"}


async def test_ads_are_not_suggested_without_a_budget(media_plan: MakePlan) -> None:
    plan = await media_plan("Grow", ("buy tickets",), budget=0)
    assert "Google Ads" not in {channel["channel"] for channel in plan["channels"]}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (SEARCH, ["Google Ads", "Bing", "SEA"]),
        (POSTER, ["Local press", "Billboard", "Out-of-home", "Radio spots", "Direct mail", "Plakate"]),
        (EMAIL, ["Newsletter", "E-Mail", "email"]),
        (ARTICLE, ["Blog", "SEO articles"]),
        (VIDEO, ["YouTube"]),
        (SOCIAL, ["instagram", "Facebook Ads", "X"]),
        (OTHER, ["Trade fairs", "WhatsApp", "陶芸"]),
    ],
)
def test_the_kind_of_a_channel_follows_from_its_name(kind: Kind, names: list[str]) -> None:
    for name in names:
        assert kind_of(name) is kind, name


@pytest.mark.parametrize("channel", ["Google Ads", "Local press", "Billboard", "Radio", "Newsletter", "Blog"])
async def test_posts_fit_their_channel(media_plan: MakePlan, channel: str) -> None:
    plan = await media_plan("Grow", ("tea",), weeks=26, postsPerWeek=14, channels=[channel])
    kind = kind_of(channel)
    for post in plan["calendar"]:
        text = f"{post['title']} {post['copy']} {post['callToAction']}"
        assert not post["hashtags"] and "#" not in text
        assert "comments" not in text and "Follow us" not in text
        if kind in (SEARCH, POSTER):
            assert len(post["copy"]) <= 110 and "Tell us" not in text, text


@pytest.mark.parametrize(("keywords", "channels"), [(1, 3), (2, 2), (3, 3), (4, 2), (2, 4), (3, 6)])
@pytest.mark.parametrize("posts_per_week", [3, 4, 7])
async def test_each_channel_gets_every_keyword_in_turn(
    media_plan: MakePlan, keywords: int, channels: int, posts_per_week: int
) -> None:
    words = tuple(f"{letter} tea" for letter in "abcd"[:keywords])
    names = [f"Channel {number}" for number in range(channels)]
    plan = await media_plan("Grow", words, weeks=26, postsPerWeek=posts_per_week, channels=names)
    pairs = {(post["channel"], post["title"].split(":")[0].lower()) for post in plan["calendar"]}
    assert len(pairs) == keywords * channels


async def test_a_full_week_varies_its_openings(media_plan: MakePlan) -> None:
    plan = await media_plan(
        "Grow", ("tea", "coffee"), weeks=4, postsPerWeek=14, channels=["Instagram", "Email"]
    )
    for week in range(1, 5):
        posts = [post["copy"] for post in plan["calendar"] if post["week"] == week]
        openings = Counter(re.split(r"(?<=[.!?:]) ", copy)[0] for copy in posts)
        assert max(openings.values()) <= 2, openings


async def test_a_plan_opens_with_the_first_keyword_of_the_brief(media_plan: MakePlan) -> None:
    plan = await media_plan("Sell out the workshop", ("pottery", "gifts"), weeks=2)
    assert plan["calendar"][0]["title"] == "Pottery: a checklist for getting started"


async def test_a_plan_uses_every_keyword(media_plan: MakePlan) -> None:
    keywords = (
        "pottery",
        "buy mugs",
        "best clay",
        "how to glaze",
        "studio near me",
        "craft fair",
        "slow craft",
    )
    plan = await media_plan("Grow", keywords, weeks=2, postsPerWeek=7)
    used = {post["title"].split(":")[0].lower() for post in plan["calendar"]}
    assert used == set(keywords)


async def test_the_summary_says_that_drafts_are_in_english_only(media_plan: MakePlan) -> None:
    assert "Language requested: Danish." in (await media_plan(language="Danish"))["summary"]
    assert "Language requested" not in (await media_plan(language="British English"))["summary"]


async def test_braces_and_repeated_keywords_in_the_input_are_harmless(media_plan: MakePlan) -> None:
    plan = await media_plan("{goal} {0} %s", ("{keyword}", "Tea", "tea", "</input>"), weeks=4)
    assert [word for group in plan["keywordGroups"] for word in group["keywords"]].count("tea") == 0
    assert any("{keyword}" in post["title"] for post in plan["calendar"])


async def test_titles_keep_the_spelling_of_names(media_plan: MakePlan) -> None:
    plan = await media_plan("Grow", ("iPhone repair",), weeks=1)
    assert all(post["title"].startswith("iPhone repair: ") for post in plan["calendar"])


async def test_a_title_is_cut_at_a_word_that_can_end_it(media_plan: MakePlan) -> None:
    plan = await media_plan("Sell 40 mobile dog grooming packages in the suburbs of Leeds by May", weeks=4)
    assert plan["title"] == "Sell 40 mobile dog grooming packages in the suburbs: media plan for 4 weeks"


async def test_a_keyword_that_is_a_question_stays_one_sentence(media_plan: MakePlan) -> None:
    plan = await media_plan("Grow", ("What is payroll?",), postsPerWeek=14, channels=["Radio", "Blog"])
    for post in plan["calendar"]:
        text = f"{post['title']} {post['copy']}"
        assert not re.search(r"[?][:.?]|[.][.?]", text), text


async def test_numbers_agree_with_their_nouns(media_plan: MakePlan) -> None:
    plan = await media_plan("Grow!", weeks=1, postsPerWeek=1, channels=["Radio"])
    assert plan["title"] == "Grow: media plan for 1 week"
    assert "1 post over 1 week via Radio, based on 1 keyword in 1 group." in plan["summary"]


async def test_amounts_are_written_in_their_currency(media_plan: MakePlan) -> None:
    plan = await media_plan(budget=1000, currency="JPY", weeks=2)
    spending = next(measure for measure in plan["measurement"] if measure["metric"] == "Spending")
    assert spending["target"] == "No more than ¥1,000 in total, about ¥500 a week"
