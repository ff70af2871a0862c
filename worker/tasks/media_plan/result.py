"""The result: a media plan with a dated calendar."""

import datetime

from pydantic import Field

from herald.worker.tasks.media_plan.answers import Channel, KeywordGroup, Measure, Post
from herald.worker.tasks.models import Model


class Budget(Model):
    """The budget of the whole plan."""

    total: float
    currency: str


class BudgetedChannel(Channel):
    """A channel with its share of the budget."""

    share: int = Field(ge=0, le=100)
    """In percent."""
    budget: float | None = None
    """In units of the plan's currency; None if the brief has no budget."""


class ThemedWeek(Model):
    """A week of the plan."""

    number: int
    start_date: datetime.date
    theme: str


class ScheduledPost(Post):
    """A post with its date."""

    date: datetime.date
    week: int
    """The number of its week, from 1."""


class MediaPlan(Model):
    """A strategy and a dated calendar of posts."""

    objective: str
    language: str
    tone: str
    title: str
    summary: str
    audience: str
    keyword_groups: list[KeywordGroup]
    budget: Budget | None = None
    channels: list[BudgetedChannel]
    start_date: datetime.date
    end_date: datetime.date
    weeks: list[ThemedWeek]
    calendar: list[ScheduledPost]
    measurement: list[Measure]
