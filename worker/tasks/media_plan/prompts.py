"""The questions to the model for a media plan."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from herald import Prompt
from herald.worker.tasks.media_plan.answers import KeywordGroup, KeywordGroups, Post, Strategy, Week
from herald.worker.tasks.media_plan.checks import repeated_titles
from herald.worker.tasks.media_plan.draft import draft_groups, draft_strategy, draft_week
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.words import counted, plain, unique

ROLE = "You are a media planner."
STYLE = "Write in the language and tone that the brief asks for."


def keywords_prompt(brief: MediaPlanPayload) -> Prompt[KeywordGroups]:
    """Ask for the keywords in groups; each keyword must be in exactly one."""

    def faults(answer: KeywordGroups) -> Iterator[str]:
        counts = Counter(plain(keyword) for group in answer.groups for keyword in group.keywords)
        expected = {plain(keyword) for keyword in brief.keywords}
        yield from (f"keyword {each!r} is missing" for each in sorted(expected - set(counts)))
        yield from (f"keyword {each!r} is not in the brief" for each in sorted(set(counts) - expected))
        yield from (f"keyword {each!r} is in several groups" for each, count in counts.items() if count > 1)

    return Prompt(
        f"{ROLE} Group the brief's keywords by search intent. Put each keyword, spelled exactly as in the "
        "brief, into exactly one group. Give each group a name, its intent, and the message that answers it. "
        f"{STYLE}",
        {"brief": brief.wire()},
        KeywordGroups,
        draft=lambda: draft_groups(brief),
        faults=faults,
    )


def strategy_prompt(brief: MediaPlanPayload, groups: Sequence[KeywordGroup]) -> Prompt[Strategy]:
    """Ask for the strategy; it must use the brief's channels and have a different theme for each week."""
    settings = brief.settings
    requested = unique(settings.channels)
    choice = "Use exactly the brief's channels" if requested else "Choose two to five channels"

    def faults(answer: Strategy) -> Iterator[str]:
        names = [channel.channel for channel in answer.channels]
        if requested and sorted(map(plain, names)) != sorted(map(plain, requested)):
            yield f"expected the channels {requested}, got {names}"
        if len(set(map(plain, names))) != len(names):
            yield "a channel is listed more than once"
        if len(answer.themes) != settings.weeks:
            yield f"expected {counted(settings.weeks, 'theme')}, got {len(answer.themes)}"
        if len(set(map(plain, answer.themes))) != len(answer.themes):
            yield "a theme is used more than once"

    return Prompt(
        f"{ROLE} Write the strategy for the brief and its keyword groups: a title, a summary and the "
        f"audience. {choice}, and give each one its role, its KPIs and its share of the budget. The plan "
        f"runs for {counted(settings.weeks, 'week')}; give each week a theme of its own. Say how success is "
        f"measured. {STYLE}",
        {"brief": brief.wire(), "groups": _wire(groups)},
        Strategy,
        draft=lambda: draft_strategy(brief, groups),
        faults=faults,
    )


def week_prompt(
    brief: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    number: int,
    earlier: Sequence[Post] = (),
) -> Prompt[Week]:
    """Ask for the posts of week ``number``, counted from 1; none may repeat one of the ``earlier`` posts."""
    settings = brief.settings
    posts = counted(settings.posts_per_week, "post")
    channels = [channel.channel for channel in strategy.channels]

    def faults(answer: Week) -> Iterator[str]:
        if len(answer.posts) != settings.posts_per_week:
            yield f"expected {posts}, got {len(answer.posts)}"
        known = set(map(plain, channels))
        yield from (
            f"channel {each.channel!r} is not in the plan"
            for each in answer.posts
            if plain(each.channel) not in known
        )
        yield from (f"{title!r} repeats an earlier post" for title in repeated_titles(answer.posts, earlier))

    taken = [post.title for post in earlier]
    avoid = " Do not reuse any of the titles listed as taken." if taken else ""
    return Prompt(
        f"You are a copywriter. Write exactly {posts} for week {number} of {settings.weeks}. Stick to "
        "the week's theme, use the keywords, and spread the posts over the days of the week and the "
        "channels. Give each post a title, copy and a call to action, and hashtags on social channels only. "
        f"Never use the same title or copy twice.{avoid} {STYLE}",
        {
            "brief": brief.wire(),
            "groups": _wire(groups),
            "channels": channels,
            "theme": strategy.themes[number - 1],
            "otherThemes": [theme for week, theme in enumerate(strategy.themes, 1) if week != number],
            **({"taken": taken} if taken else {}),
        },
        Week,
        draft=lambda: draft_week(brief, groups, channels, number),
        faults=faults,
    )


def _wire(groups: Sequence[KeywordGroup]) -> list[dict[str, Any]]:
    return [group.wire() for group in groups]
