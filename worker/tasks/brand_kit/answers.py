"""The answers that the model gives for a brand kit: positioning, voice and look."""

from typing import Annotated

from pydantic import Field, StringConstraints

from herald.worker.tasks.models import Model, Text

Hex = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class Positioning(Model):
    """What the brand stands for."""

    positioning: Text
    mission: Text
    audience: Text
    difference: Text
    taglines: list[Text] = Field(min_length=3, max_length=6)


class Rule(Model):
    """A rule of style with an example."""

    rule: Text
    example: Text


class Voice(Model):
    """How the brand speaks."""

    traits: list[Text] = Field(min_length=1)
    do: list[Rule] = Field(min_length=2)
    dont: list[Rule] = Field(min_length=2)
    sample: Text


class Colour(Model):
    """A colour and its use."""

    name: Text
    hex: Hex
    usage: Text


class Typeface(Model):
    """A typeface, its fallback, and why it suits the brand."""

    family: Text
    fallback: Text
    reason: Text


class Logo(Model):
    """A direction for the logo."""

    name: Text
    idea: Text


class Look(Model):
    """How the brand looks."""

    primary: Colour
    secondary: Colour
    accent: Colour
    background: Colour
    text: Colour
    heading: Typeface
    body: Typeface
    logo_directions: list[Logo] = Field(min_length=2, max_length=5)
