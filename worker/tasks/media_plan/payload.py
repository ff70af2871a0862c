"""The input for a media plan."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from herald.worker.tasks.models import Line, Paragraph, Payload


class MediaPlanSettings(Payload):
    """The channels, budget, dates and style of a media plan."""

    channels: list[Line] = Field([], max_length=12)
    """Where to publish; by default, the plan chooses channels that suit the brief."""
    budget: float | None = Field(None, ge=0, le=1e9)
    """The total budget, in units of the currency."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    """A three-letter code (ISO 4217)."""
    # The latest start from which the plan still ends before `datetime.date.max`.
    start_date: date | None = Field(None, le=date(9998, 12, 31))
    """The first day of the plan; by default the Monday after the task was created."""
    weeks: int = Field(4, ge=1, le=26)
    language: Line = "English"
    posts_per_week: int = Field(3, ge=1, le=14)
    tone: Line = "clear and friendly"


class MediaPlanPayload(Payload):
    """The objective and keywords to plan for, and the settings of the plan."""

    objective: Paragraph
    """What the campaign is to achieve."""
    keywords: list[Line] = Field(min_length=1, max_length=50)
    """What the audience searches for and talks about."""
    settings: MediaPlanSettings = MediaPlanSettings()
