"""The answers that the model gives for a media plan: keyword groups, the strategy and the posts of a week."""

from typing import Literal

from pydantic import Field

from herald.worker.tasks.models import Model, Text

Day = Literal["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
DAYS: tuple[Day, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class KeywordGroup(Model):
    """Keywords that share a search intent."""

    name: Text
    intent: Text
    keywords: list[Text] = Field(min_length=1)
    message: Text


class KeywordGroups(Model):
    """All keywords of the brief, grouped."""

    groups: list[KeywordGroup] = Field(min_length=1)


class Channel(Model):
    """A channel, its role in the plan, and its KPIs."""

    channel: Text
    role: Text
    kpis: list[Text] = Field(min_length=1, max_length=5)
    share: float = Field(gt=0)
    """Share of the budget, relative to the shares of the other channels."""


class Measure(Model):
    """A metric with its target, where it is read, and how often."""

    metric: Text
    target: Text
    source: Text
    rhythm: Text


class Strategy(Model):
    """The idea of the plan."""

    title: Text
    summary: Text
    audience: Text
    channels: list[Channel] = Field(min_length=1, max_length=12)
    themes: list[Text]
    """One per week."""
    measurement: list[Measure] = Field(min_length=1)


class Post(Model):
    """An entry of the calendar."""

    day: Day
    channel: Text
    title: Text
    copy_text: Text = Field(alias="copy")
    hashtags: list[Text]
    call_to_action: Text


class Week(Model):
    """The posts of one week."""

    posts: list[Post]
