"""Builds the media plan from the model's answers: dates, budgets and canonical channel names."""

from collections.abc import Sequence
from datetime import date, timedelta

from herald.worker.tasks.media_plan.answers import DAYS, KeywordGroup, Post, Strategy, Week
from herald.worker.tasks.media_plan.money import minor_units, split
from herald.worker.tasks.media_plan.payload import MediaPlanPayload
from herald.worker.tasks.media_plan.result import (
    Budget,
    BudgetedChannel,
    MediaPlan,
    ScheduledPost,
    ThemedWeek,
)
from herald.worker.tasks.words import hashtag, plain


def assemble_plan(
    payload: MediaPlanPayload,
    groups: Sequence[KeywordGroup],
    strategy: Strategy,
    weeks: Sequence[Week],
    created: date,
) -> MediaPlan:
    """Put the plan together.

    It starts on the date in the brief, or else on the first Monday after ``created``.
    """
    settings = payload.settings
    start = settings.start_date or _next_monday(created)
    names = {plain(channel.channel): channel.channel for channel in strategy.channels}
    calendar = [
        ScheduledPost.model_validate(
            {
                **dict(post),
                "date": _date(start, number, post),
                "week": number,
                "channel": names[plain(post.channel)],
                "hashtags": list(dict.fromkeys(filter(None, map(hashtag, post.hashtags)))),
            }
        )
        for number, week in enumerate(weeks, 1)
        for post in week.posts
    ]
    budget, channels = _budget(payload, strategy)
    return MediaPlan(
        objective=payload.objective,
        language=settings.language,
        tone=settings.tone,
        title=strategy.title,
        summary=strategy.summary,
        audience=strategy.audience,
        keyword_groups=list(groups),
        budget=budget,
        channels=channels,
        start_date=start,
        end_date=start + timedelta(weeks=settings.weeks, days=-1),
        weeks=[
            ThemedWeek(number=number, start_date=start + timedelta(weeks=number - 1), theme=theme)
            for number, theme in enumerate(strategy.themes, 1)
        ],
        calendar=sorted(calendar, key=lambda post: post.date),
        measurement=strategy.measurement,
    )


def _budget(payload: MediaPlanPayload, strategy: Strategy) -> tuple[Budget | None, list[BudgetedChannel]]:
    """The brief's budget, and the channels with their shares in percent and as amounts."""
    settings = payload.settings
    shares = [channel.share for channel in strategy.channels]
    channels = [
        BudgetedChannel.model_validate({**dict(channel), "share": int(percent)})
        for channel, percent in zip(strategy.channels, split(100, shares, digits=0), strict=True)
    ]
    if settings.budget is None:
        return None, channels
    digits = minor_units(settings.currency)
    total = round(settings.budget, digits)
    for channel, amount in zip(channels, split(total, shares, digits=digits), strict=True):
        channel.budget = amount
    return Budget(total=total, currency=settings.currency), channels


def _next_monday(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _date(start: date, week: int, post: Post) -> date:
    """The date of the post's weekday in a week of the plan; weeks begin on the weekday of ``start``."""
    first = start + timedelta(weeks=week - 1)
    return first + timedelta(days=(DAYS.index(post.day) - first.weekday()) % 7)
