"""The result: a brand kit."""

from typing import Literal

from herald.worker.tasks.brand_kit.answers import Hex, Logo, Typeface, Voice
from herald.worker.tasks.models import Model

Role = Literal["primary", "secondary", "accent", "background", "text"]


class Swatch(Model):
    """A colour of the palette."""

    role: Role
    name: str
    hex: Hex
    usage: str
    paired_with: Hex
    """The colour that it is used with."""
    contrast: float
    """The contrast ratio of the two, from 1 to 21."""


class Typography(Model):
    """The typefaces for headings and body text."""

    heading: Typeface
    body: Typeface


class BrandKit(Model):
    """What a brand stands for, how it speaks and how it looks."""

    brand_name: str
    positioning: str
    mission: str
    audience: str
    difference: str
    taglines: list[str]
    voice: Voice
    palette: list[Swatch]
    typography: Typography
    logo_directions: list[Logo]
