"""The task types that Herald knows: what each one takes and where its result is kept; pure data."""

from datetime import date
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from herald.shared.tasks.models import Model

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Paragraph = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Payload(Model):
    """A request's input; a field that the type does not know is an error, not a silence."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class MediaPlanSettings(Payload):
    """How a media plan shall be cut."""

    channels: list[Line] = Field([], max_length=12)
    budget: float | None = Field(None, ge=0, le=1e9)
    """Total to spend, in ``currency``."""
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    start_date: date | None = Field(None, le=date(9998, 12, 31))
    """So early that the plan ends before dates do (`datetime.date.max`)."""
    weeks: int = Field(4, ge=1, le=26)
    language: Line = "English"
    posts_per_week: int = Field(3, ge=1, le=14)
    tone: Line = "clear and friendly"


class MediaPlanPayload(Payload):
    """Input of ``GENERATE_MEDIA_PLAN``."""

    objective: Paragraph
    keywords: list[Line] = Field(min_length=1, max_length=50)
    settings: MediaPlanSettings = MediaPlanSettings()


class BrandKitPayload(Payload):
    """Input of ``GENERATE_BRAND_KIT``."""

    brand_name: Line
    description: Paragraph
    industry: Line | None = None
    values: list[Line] = Field([], max_length=12)
    tone: Line | None = None


class PersonasPayload(Payload):
    """Input of ``AUTO_GENERATE_PERSONAS``."""

    product: Paragraph
    market: Line | None = None
    count: int = Field(3, ge=1, le=10)


class TaskType(NamedTuple):
    """What the server must know of a task type to accept it and to serve its result."""

    payload: type[Payload]
    collection: str
    """MongoDB collection of the results."""
    result_id: str
    """Name of the id field that each result document carries."""


TASK_TYPES: dict[str, TaskType] = {
    "GENERATE_MEDIA_PLAN": TaskType(MediaPlanPayload, "mediaPlanGroups", "mediaPlanGroupId"),
    "GENERATE_BRAND_KIT": TaskType(BrandKitPayload, "brandKits", "brandKitId"),
    "AUTO_GENERATE_PERSONAS": TaskType(PersonasPayload, "personas", "personaId"),
}
