"""Builds the stored media plan from its answers: dates, budgets and canonical channel names."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from herald.shared.tasks.task_types import MediaPlanPayload
from herald.worker.tasks.media_plan.answers import DAYS, KeywordGroup, Post, Strategy, Week
from herald.worker.tasks.media_plan.money import minor_units, split
from herald.worker.tasks.words import hashtag, plain


def assemble_plan(
    payload: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    weeks: Sequence[Week],
    created: date,
) -> dict[str, Any]:
    """Return the plan's document without ids.

    The plan starts on the date in the brief, or else on the first Monday after ``created``.
    """
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
        "keywordGroups": [group.wire() for group in groups],
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
    """The channels with their shares in percent and, if the brief has a budget, with their amounts."""
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
    """The date of the post's weekday in a week of the plan; weeks begin on the weekday of ``start``."""
    first = start + timedelta(weeks=week - 1)
    return first + timedelta(days=(DAYS.index(post.day) - first.weekday()) % 7)
