"""The task types: the payload that each one takes, and where its result is stored; pure data."""

from datetime import date
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from herald.shared.tasks.models import Model

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Payload(Model):
    """The input of a task; unknown fields are rejected."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, use_attribute_docstrings=True, extra="forbid"
    )


class MediaPlanSettings(Payload):
    """The channels, budget, dates and style of a media plan."""

    channels: list[Line] = Field([], max_length=12)
    budget: float | None = Field(None, ge=0, le=1e9)
    """The total budget, in units of ``currency``."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
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
    keywords: list[Line] = Field(min_length=1, max_length=50)
    settings: MediaPlanSettings = MediaPlanSettings()


class BrandKitPayload(Payload):
    """The brand to create a kit for."""

    brand_name: Line
    description: Paragraph
    industry: Line | None = None
    values: list[Line] = Field([], max_length=12)
    tone: Line | None = None


class PersonasPayload(Payload):
    """The product to find customers for, and the number of personas."""

    product: Paragraph
    market: Line | None = None
    count: int = Field(3, ge=1, le=10)


class TaskType(NamedTuple):
    """The information that the server needs to accept tasks of a type and serve their results."""

    payload: type[Payload]
    collection: str
    """The MongoDB collection of the results."""
    result_id: str
    """The field with the id of a result document."""


TASK_TYPES: dict[str, TaskType] = {
    "GENERATE_MEDIA_PLAN": TaskType(MediaPlanPayload, "mediaPlanGroups", "mediaPlanGroupId"),
    "GENERATE_BRAND_KIT": TaskType(BrandKitPayload, "brandKits", "brandKitId"),
    "AUTO_GENERATE_PERSONAS": TaskType(PersonasPayload, "personas", "personaId"),
}
