"""The input for a brand kit."""

from pydantic import Field

from herald.worker.tasks.models import Line, Paragraph, Payload


class BrandKitPayload(Payload):
    """The brand to create a kit for."""

    brand_name: Line
    description: Paragraph
    """What the brand offers, and to whom."""
    industry: Line | None = None
    values: list[Line] = Field([], max_length=12)
    """What the brand stands for, such as patience or honesty."""
    tone: Line | None = None
    """How the brand sounds, such as calm or playful."""
