"""``GENERATE_BRAND_KIT``: positioning, voice and a visual identity."""

import colorsys
import hashlib
from collections.abc import Sequence

from pydantic import Field

from shared.catalog import BrandKitPayload
from shared.models import Model
from worker.generators.base import PlannedStep, Result, Steps, document
from worker.llm.provider import Prompt

POSITIONING, VOICE, LOOK = "Find the position", "Shape the voice", "Design the look"
TYPEFACES = [("Fraunces", "Inter"), ("Space Grotesk", "Source Sans 3"), ("Playfair Display", "Lato")]
BLACK_TEXT_FROM = 0.179
"""Relative luminance from which black text has more contrast than white (from WCAG's ratio)."""


class Positioning(Model):
    """What the brand stands for."""

    promise: str
    audience: str
    difference: str
    taglines: list[str]


class Voice(Model):
    """How the brand speaks."""

    traits: list[str]
    do: list[str]
    avoid: list[str]
    sample: str


class Colour(Model):
    """One colour of the palette."""

    name: str
    hex: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    text_on_it: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")
    use: str


class Look(Model):
    """How the brand looks."""

    palette: list[Colour]
    heading_typeface: str
    body_typeface: str
    logo_idea: str


class BrandKitGenerator:
    """Three steps, each building on the one before."""

    def plan(self, _: BrandKitPayload) -> Sequence[PlannedStep]:
        """Always the same three."""
        return [PlannedStep(POSITIONING, 2), PlannedStep(VOICE, 2), PlannedStep(LOOK, 3)]

    async def generate(self, steps: Steps, payload: BrandKitPayload) -> Result:
        """One document with the three parts."""
        brief = payload.wire()
        positioning = await steps.ask(
            POSITIONING,
            Prompt(
                "You are a brand strategist. From the brief, find the brand's position and three taglines.",
                {"brief": brief},
                Positioning,
                lambda: _positioning(payload),
            ),
        )
        voice = await steps.ask(
            VOICE,
            Prompt(
                "Describe the brand's voice: its traits, what to do, what to avoid, and a sample paragraph.",
                {"brief": brief, "positioning": positioning.wire()},
                Voice,
                lambda: _voice(payload),
            ),
        )
        look = await steps.ask(
            LOOK,
            Prompt(
                "Design the brand's look: a palette of five colours with legible text on each, a heading and "
                "a body typeface from Google Fonts, and an idea for a logo.",
                {"brief": brief, "positioning": positioning.wire(), "voice": voice.wire()},
                Look,
                lambda: _look(payload),
            ),
        )
        content = {
            "brandName": payload.brand_name,
            "positioning": positioning.wire(),
            "voice": voice.wire(),
            "look": look.wire(),
        }
        task = steps.task
        return Result([document(task, "brandKitId", task.task_id, content)], {"brandKitId": task.task_id})


def _values(payload: BrandKitPayload) -> list[str]:
    return payload.values or ["clarity", "care", "craft"]


def _positioning(payload: BrandKitPayload) -> Positioning:
    field = payload.industry or "its field"
    first = _values(payload)[0]
    return Positioning(
        promise=f"{payload.brand_name} stands for {', '.join(_values(payload))}: {payload.description}",
        audience=f"People in {field} for whom {first} decides",
        difference=f"Where others in {field} talk of features, {payload.brand_name} shows {first}",
        taglines=[
            f"{payload.brand_name}. {first.capitalize()}, every day.",
            f"More {first}, less noise.",
            f"{first.capitalize()} you can see.",
        ],
    )


def _voice(payload: BrandKitPayload) -> Voice:
    traits = [payload.tone] if payload.tone else ["warm", "precise"]
    values = _values(payload)
    return Voice(
        traits=[*traits, *values[:2]],
        do=[f"Let each text show {value}" for value in values],
        avoid=[
            "Superlatives without proof",
            f"Words that the people of {payload.industry or 'the field'} do not use",
        ],
        sample=f"At {payload.brand_name}, {values[0]} comes first. {payload.description}",
    )


def _look(payload: BrandKitPayload) -> Look:
    seed = hashlib.sha256(f"{payload.brand_name}|{payload.industry}|{payload.tone}".encode()).digest()
    hue = seed[0] / 256
    shades = [
        ("Primary", hue, 0.42, 0.65, "headings, buttons, the logo"),
        ("Accent", (hue + 0.45) % 1, 0.55, 0.75, "one thing a page that asks for attention"),
        ("Deep", hue, 0.16, 0.45, "text and footers"),
        ("Soft", hue, 0.92, 0.5, "backgrounds"),
        ("Neutral", hue, 0.6, 0.08, "lines and captions"),
    ]
    heading, body = TYPEFACES[seed[1] % len(TYPEFACES)]
    return Look(
        palette=[_colour(*shade) for shade in shades],
        heading_typeface=heading,
        body_typeface=body,
        logo_idea=f"The letter {payload.brand_name[0].upper()} cut from a single shape that suggests "
        f"{_values(payload)[0]}",
    )


def _colour(name: str, hue: float, lightness: float, saturation: float, use: str) -> Colour:
    rgb = colorsys.hls_to_rgb(hue, lightness, saturation)
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb]  # noqa: PLR2004
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return Colour(
        name=name,
        hex="#" + "".join(f"{round(part * 255):02x}" for part in rgb),
        text_on_it="#000000" if luminance >= BLACK_TEXT_FROM else "#ffffff",
        use=use,
    )
