"""The input for personas."""

from pydantic import Field

from herald.worker.tasks.models import Line, Paragraph, Payload


class PersonasPayload(Payload):
    """The product to find customers for, and the number of personas."""

    product: Paragraph
    """What you offer, in a sentence or two."""
    market: Line | None = None
    """Where you offer it, such as a country or an industry."""
    count: int = Field(3, ge=1, le=10)
    """The number of personas."""
