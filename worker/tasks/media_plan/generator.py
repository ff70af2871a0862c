"""``GENERATE_MEDIA_PLAN``: from an objective and keywords to a strategy and a dated calendar of posts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from herald.shared.tasks.models import EndReason
from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.llm.provider import Prompt, ProviderError
from herald.worker.tasks.base import PlannedStep, Result, RunningStep, Steps, document
from herald.worker.tasks.media_plan.draft import (
    DAYS,
    KeywordGroup,
    KeywordGroups,
    Post,
    Strategy,
    Week,
    draft_groups,
    draft_strategy,
    draft_week,
)
from herald.worker.tasks.media_plan.money import minor_units, split
from herald.worker.tasks.words import hashtag, plain, unique

KEYWORDS, STRATEGY, POSTS, CHECK = (
    "Analyzing keywords",
    "Drafting strategy",
    "Writing posts",
    "Checking the plan",
)
MANNER = "Write in the brief's language and tone."


class MediaPlanGenerator:
    """Keywords, strategy, and then all weeks at once; a lost worker costs at most the weeks being written."""

    task_type = "GENERATE_MEDIA_PLAN"

    def plan(self, payload: MediaPlanPayload) -> Sequence[PlannedStep]:
        """Always the same steps; the posts weigh as much as there are weeks."""
        weeks = payload.settings.weeks
        return [
            PlannedStep(KEYWORDS, 2),
            PlannedStep(STRATEGY, 3),
            PlannedStep(POSTS, 3 + weeks, parts=weeks),
            PlannedStep(CHECK, 1),
        ]

    async def generate(self, steps: Steps, payload: MediaPlanPayload) -> Result:
        """One document: the groups, the strategy with its budget, and the calendar."""
        async with steps.run(KEYWORDS) as step:
            groups = (await step.ask(_about_keywords(payload))).groups
        async with steps.run(STRATEGY) as step:
            strategy = await step.ask(_about_strategy(payload, groups))
        about_week = partial(_about_week, payload, groups, strategy)
        async with steps.run(POSTS) as step:
            written = await step.ask_each(
                {_name(number): about_week(number) for number in range(1, payload.settings.weeks + 1)}
            )
        async with steps.run(CHECK) as step:
            weeks = await _without_repetitions(step, list(written.values()), about_week)
            plan = _put_together(payload, groups, strategy, weeks, steps.task.created_at.date())
            if faults := list(faults_of(plan, payload)):
                raise ProviderError(
                    f"the plan does not add up: {'; '.join(faults)}. Start again, or change the input",
                    EndReason.BAD_OUTPUT,
                    retryable=False,
                )
        task = steps.task
        return Result([document(task, plan)], {"mediaPlanGroupId": task.task_id})


# What the model is asked


def _about_keywords(payload: MediaPlanPayload) -> Prompt[KeywordGroups]:
    def faults(answer: KeywordGroups) -> Iterator[str]:
        found = Counter(plain(keyword) for group in answer.groups for keyword in group.keywords)
        wanted = {plain(keyword) for keyword in payload.keywords}
        yield from (f"keyword {each!r} is missing" for each in sorted(wanted - set(found)))
        yield from (f"keyword {each!r} is not in the brief" for each in sorted(set(found) - wanted))
        yield from (f"keyword {each!r} is in several groups" for each, count in found.items() if count > 1)

    return Prompt(
        "You plan media for a brand. Sort the brief's keywords into groups of those that the same people "
        "look for in the same mind: each keyword as it stands, in exactly one group. Name each group, its "
        f"intent, and the message for it. {MANNER}",
        {"brief": payload.wire()},
        KeywordGroups,
        lambda: draft_groups(payload),
        faults,
    )


def _about_strategy(payload: MediaPlanPayload, groups: Sequence[KeywordGroup]) -> Prompt[Strategy]:
    settings = payload.settings
    asked_for = unique(settings.channels)
    channels = "the brief's channels, all of them and no other" if asked_for else "two to five channels"

    def faults(answer: Strategy) -> Iterator[str]:
        names = [channel.channel for channel in answer.channels]
        if asked_for and sorted(map(plain, names)) != sorted(map(plain, asked_for)):
            yield f"channels are {names}, not {asked_for}"
        if len(set(map(plain, names))) != len(names):
            yield "a channel is there twice"
        if len(answer.themes) != settings.weeks:
            yield f"there are {len(answer.themes)} themes, not {settings.weeks}"
        if len(set(map(plain, answer.themes))) != len(answer.themes):
            yield "a theme is there twice"

    return Prompt(
        "You plan media for a brand. From the brief and its keyword groups, write the strategy: title, "
        f"summary, audience; for {channels}: its role, its key figures, and its share of the budget; one "
        f"theme for each of the {settings.weeks} weeks, no two alike; and how success is measured. {MANNER}",
        {"brief": payload.wire(), "groups": _wire(groups)},
        Strategy,
        lambda: draft_strategy(payload, groups),
        faults,
    )


def _about_week(
    payload: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    number: int,
    earlier: Sequence[Post] = (),
) -> Prompt[Week]:
    wanted = payload.settings.posts_per_week
    channels = [channel.channel for channel in strategy.channels]

    def faults(answer: Week) -> Iterator[str]:
        if len(answer.posts) != wanted:
            yield f"there are {len(answer.posts)} posts, not {wanted}"
        known = set(map(plain, channels))
        yield from (
            f"channel {each.channel!r} is not in the plan"
            for each in answer.posts
            if plain(each.channel) not in known
        )
        yield from (f"{title!r} is there already" for title in _repeated(answer.posts, earlier))

    taken = [post.title for post in earlier]
    avoided = "; no title like the taken ones" if taken else ""
    return Prompt(
        f"You write for a brand. Write exactly {wanted} posts for week {number} of {payload.settings.weeks}, "
        "about its theme, spread over the week and the channels, and made of the keywords: title, copy, "
        f"hashtags, call to action. No two titles and no two copies alike{avoided}. {MANNER}",
        {
            "brief": payload.wire(),
            "groups": _wire(groups),
            "channels": channels,
            "theme": strategy.themes[number - 1],
            "otherThemes": [theme for week, theme in enumerate(strategy.themes, 1) if week != number],
            **({"taken": taken} if taken else {}),
        },
        Week,
        lambda: draft_week(payload, groups, channels, number),
        faults,
    )


def _wire(groups: Sequence[KeywordGroup]) -> list[dict[str, Any]]:
    return [group.wire() for group in groups]


# What is checked


def _name(week: int) -> str:
    return f"week {week}"


def _repeated(posts: Sequence[Post], earlier: Sequence[Post]) -> list[str]:
    """The titles of those ``posts`` whose title or copy is there already."""
    seen: set[str] = set()
    found = []
    for number, post in enumerate([*earlier, *posts]):
        said = {plain(post.title), plain(post.copy_text)}
        if said & seen and number >= len(earlier):
            found.append(post.title)
        seen |= said
    return found


async def _without_repetitions(
    step: RunningStep, weeks: Sequence[Week], about_week: Callable[..., Prompt[Week]]
) -> list[Week]:
    """The weeks, of which those that repeat an earlier one are written anew.

    They were written at the same time and could not know of each other.
    """
    kept: list[Week] = []
    for number, written in enumerate(weeks, 1):
        earlier = [post for week in kept for post in week.posts]
        week = written
        if _repeated(week.posts, earlier):
            again = await step.ask_each({_name(number): about_week(number, earlier)})
            week = again[_name(number)]
        kept.append(week)
    return kept


def faults_of(plan: Mapping[str, Any], payload: MediaPlanPayload) -> Iterator[str]:
    """What is wrong with a whole plan."""
    settings, calendar = payload.settings, plan["calendar"]
    if len(calendar) != settings.weeks * settings.posts_per_week:
        yield f"there are {len(calendar)} posts, not {settings.weeks * settings.posts_per_week}"
    for number, count in sorted(Counter(post["week"] for post in calendar).items()):
        if count != settings.posts_per_week:
            yield f"week {number} has {count} posts, not {settings.posts_per_week}"
    for post in calendar:
        if not plan["startDate"] <= post["date"] <= plan["endDate"]:
            yield f"{post['title']!r} is on {post['date']}, outside the plan"
    for field in ("title", "copy"):
        twice = [
            text for text, count in Counter(plain(post[field]) for post in calendar).items() if count > 1
        ]
        yield from (f"{field} {text[:60]!r} is there twice" for text in twice)
    if plan.get("budget"):
        digits = minor_units(settings.currency)
        spent = round(sum(channel["budget"] for channel in plan["channels"]), digits)
        if spent != plan["budget"]["total"]:
            yield f"the channels' budgets are {spent}, not {plan['budget']['total']}"


# What comes of it


def _put_together(
    payload: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    weeks: Sequence[Week],
    created: date,
) -> dict[str, Any]:
    settings = payload.settings
    start = settings.start_date or _next_monday(created)
    names = {plain(channel.channel): channel.channel for channel in strategy.channels}
    calendar = [
        {
            "date": _date(start, number, post).isoformat(),
            "week": number,
            **post.wire(),
            "channel": names[plain(post.channel)],
            "hashtags": list(dict.fromkeys(filter(None, map(hashtag, post.hashtags)))),
        }
        for number, week in enumerate(weeks, 1)
        for post in week.posts
    ]
    return {
        "objective": payload.objective,
        "language": settings.language,
        "tone": settings.tone,
        "title": strategy.title,
        "summary": strategy.summary,
        "audience": strategy.audience,
        "keywordGroups": _wire(groups),
        **_channels(payload, strategy),
        "startDate": start.isoformat(),
        "endDate": (start + timedelta(weeks=settings.weeks, days=-1)).isoformat(),
        "weeks": [
            {"number": number, "startDate": (start + timedelta(weeks=number - 1)).isoformat(), "theme": theme}
            for number, theme in enumerate(strategy.themes, 1)
        ],
        "calendar": sorted(calendar, key=lambda post: str(post["date"])),
        "measurement": [measure.wire() for measure in strategy.measurement],
    }


def _channels(payload: MediaPlanPayload, strategy: Strategy) -> dict[str, Any]:
    """The channels, with what each may spend where there is a budget."""
    settings = payload.settings
    shares = [channel.share for channel in strategy.channels]
    percents = split(100, shares, digits=0)
    channels = [
        {**channel.wire(), "share": int(percent)}
        for channel, percent in zip(strategy.channels, percents, strict=True)
    ]
    if settings.budget is None:
        return {"channels": channels}
    total = round(settings.budget, minor_units(settings.currency))
    amounts = split(total, shares, digits=minor_units(settings.currency))
    for channel, amount in zip(channels, amounts, strict=True):
        channel["budget"] = amount
    return {"budget": {"total": total, "currency": settings.currency}, "channels": channels}


def _next_monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _date(start: date, week: int, post: Post) -> date:
    """The post's day in the plan's week, which begins on the weekday of ``start``."""
    first = start + timedelta(weeks=week - 1)
    return first + timedelta(days=(DAYS.index(post.day) - first.weekday()) % 7)
