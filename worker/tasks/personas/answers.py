"""The answers that the model gives for personas: an outline of all, then each one in full."""

from pydantic import Field

from herald.worker.tasks.models import Model, Text


class Sketch(Model):
    """A persona in outline: a typical person from one segment of the market."""

    segment: Text
    name: Text
    age: int = Field(ge=12, le=100)
    occupation: Text
    need: Text


class Sketches(Model):
    """One person for each segment."""

    people: list[Sketch]


class Portrait(Model):
    """The details of a persona."""

    situation: Text
    goals: list[Text] = Field(min_length=2, max_length=6)
    frustrations: list[Text] = Field(min_length=1, max_length=6)
    objections: list[Text] = Field(min_length=1, max_length=6)
    channels: list[Text] = Field(min_length=1, max_length=6)
    quote: Text
