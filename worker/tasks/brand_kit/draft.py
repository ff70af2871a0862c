"""A brand kit's answers: the position, the voice, and the look."""

from typing import Annotated

from pydantic import Field, StringConstraints

from herald.shared.tasks.models import Model
from herald.shared.tasks.task_types import BrandKitPayload
from herald.worker.tasks.brand_kit.colour import READABLE, VISIBLE, from_hls, standing_out
from herald.worker.tasks.words import clip, dice, listing, lower_first, telling_words, upper_first

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Hex = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class Positioning(Model):
    """What the brand stands for."""

    positioning: Text
    mission: Text
    audience: Text
    difference: Text
    taglines: list[Text] = Field(min_length=3, max_length=6)


class Rule(Model):
    """Something to do or not to do, with an example."""

    rule: Text
    example: Text


class Voice(Model):
    """How the brand speaks."""

    traits: list[Text] = Field(min_length=1)
    do: list[Rule] = Field(min_length=2)
    dont: list[Rule] = Field(min_length=2)
    sample: Text


class Colour(Model):
    """One colour, and what it is for."""

    name: Text
    hex: Hex
    usage: Text


class Typeface(Model):
    """One typeface, and why it."""

    family: Text
    fallback: Text
    reason: Text


class Logo(Model):
    """One direction that a logo could take."""

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


HUES = {
    "sea": 0.55, "ocean": 0.55, "water": 0.55, "blue": 0.6, "sky": 0.56, "ice": 0.53, "health": 0.5, "clean": 0.5,
    "forest": 0.38, "garden": 0.33, "green": 0.36, "nature": 0.35, "plant": 0.35, "farm": 0.28, "tea": 0.3,
    "clay": 0.05, "pottery": 0.05, "earth": 0.07, "wood": 0.08, "coffee": 0.07, "bread": 0.09, "bakery": 0.09,
    "sun": 0.12, "light": 0.13, "honey": 0.12, "gold": 0.13, "food": 0.03, "fire": 0.02, "energy": 0.04,
    "rose": 0.95, "flower": 0.92, "beauty": 0.93, "love": 0.96, "wine": 0.95, "night": 0.7, "star": 0.68,
    "software": 0.66, "data": 0.62, "tech": 0.64, "bank": 0.6, "law": 0.62, "music": 0.78, "game": 0.76,
}  # fmt: skip
"""Where on the colour circle a word belongs, from 0 to 1."""

TYPEFACES = [
    ({"calm", "warm", "quiet", "honest", "craft", "patience", "tradition"}, ("Fraunces", "Georgia, serif"), ("Inter", "system-ui, sans-serif")),
    ({"bold", "direct", "technical", "precise", "modern", "fast"}, ("Space Grotesk", "Arial, sans-serif"), ("Source Sans 3", "system-ui, sans-serif")),
    ({"playful", "fun", "young", "friendly", "cheerful"}, ("Baloo 2", "Verdana, sans-serif"), ("Nunito", "system-ui, sans-serif")),
    ({"elegant", "luxury", "fine", "exclusive", "classic"}, ("Playfair Display", "Georgia, serif"), ("Lato", "system-ui, sans-serif")),
]  # fmt: skip


def _values(payload: BrandKitPayload) -> list[str]:
    """The brand's values; where none are named, what its description is about."""
    found = [value.lower() for value in payload.values] or telling_words(payload.description, 3)
    return found or [payload.brand_name]


def _about(payload: BrandKitPayload) -> str:
    return lower_first(clip(payload.description, 20))


def draft_positioning(payload: BrandKitPayload) -> Positioning:
    """The position, from name, description, industry and values."""
    name, values, about = payload.brand_name, _values(payload), _about(payload)
    field = payload.industry or f"what {name} does"
    first, last = values[0], values[-1]
    return Positioning(
        positioning=f"For people who look for {listing(values)}, {name} is the choice in {field}: {about}.",
        mission=f"{name} exists to bring {first} to {field}, with {about}.",
        audience=f"People near {field} for whom {first} decides, and who notice when {last} is missing.",
        difference=f"Others in {field} name their features; {name} shows {listing(values[:2])} and lets people judge.",
        taglines=[
            f"{name}. {upper_first(first)}, every day.",
            f"{upper_first(last)} you can see: {name}.",
            f"{name}: {clip(about, 6)}",
            f"More {first}. More {name}.",
        ],
    )


def draft_voice(payload: BrandKitPayload) -> Voice:
    """The voice, from tone and values."""
    name, values, about = payload.brand_name, _values(payload), _about(payload)
    tones = [tone.strip() for tone in (payload.tone or "").replace(" and ", ",").split(",") if tone.strip()]
    traits = list(dict.fromkeys([*(tones or ["warm", "precise"]), *values[:2]]))
    field = payload.industry or name
    return Voice(
        traits=traits,
        do=[
            Rule(rule=f"Show {values[0]} in what you tell", example=f"“At {name}, {values[0]} comes first: {about}.”"),
            Rule(rule=f"Sound {traits[0]}, also in a bill or a warning", example=f"“We owe you an answer. Here it is, from {name}.”"),
            Rule(rule=f"Name things as people in {field} do", example=f"“{upper_first(about)}.”"),
        ],
        dont=[
            Rule(rule=f"Claim {values[-1]} without proof", example=f"“{name}, the world’s leader in {values[-1]}!”"),
            Rule(rule=f"Talk about {name} where the reader matters", example=f"“{name} is proud to announce that {name} …”"),
        ],
        sample=f"{upper_first(about)}: that is {name}. {upper_first(values[0])} is where {name} begins, and {values[-1]} is how you tell.",
    )  # fmt: skip


def draft_look(payload: BrandKitPayload) -> Look:
    """The look: colours from what the brand is about, typefaces from its tone."""
    name, values = payload.brand_name, _values(payload)
    said = " ".join([name, payload.description, payload.industry or "", *values, payload.tone or ""]).lower()
    chance = dice(said)
    hue = next((hue for word, hue in HUES.items() if word in said), chance.random())
    background = from_hls(hue, 0.97, 0.4)
    primary = standing_out(from_hls(hue, 0.36, 0.62), background, READABLE)
    secondary = standing_out(from_hls((hue + 0.08) % 1, 0.5, 0.4), background, VISIBLE)
    accent = standing_out(
        from_hls((hue + 0.45 + chance.uniform(-0.05, 0.05)) % 1, 0.5, 0.75), background, VISIBLE
    )
    text = standing_out(from_hls(hue, 0.14, 0.3), background, READABLE)
    heading, body = next(
        ((heading, body) for words, heading, body in TYPEFACES if any(word in said for word in words)),
        TYPEFACES[chance.randrange(len(TYPEFACES))][1:],
    )
    tone = payload.tone or values[0]
    return Look(
        primary=Colour(name=f"{name} primary", hex=primary, usage=f"Headings, buttons and the logo of {name}"),
        secondary=Colour(name=f"Quiet {values[0]}", hex=secondary, usage=f"Second buttons, charts and lines of {name}"),
        accent=Colour(name=f"Bright {values[-1]}", hex=accent, usage=f"The one thing on a page of {name} that asks for attention"),
        background=Colour(name=f"{name} paper", hex=background, usage=f"What {name}’s pages stand on"),
        text=Colour(name=f"{name} ink", hex=text, usage=f"What {name} says"),
        heading=Typeface(family=heading[0], fallback=heading[1], reason=f"Gives {name}’s headings something {tone}"),
        body=Typeface(family=body[0], fallback=body[1], reason=f"Keeps {name}’s longer texts easy to read, and {tone}"),
        logo_directions=[
            Logo(name="Letter", idea=f"The {name[0].upper()} of {name}, cut from one shape that suggests {values[0]}"),
            Logo(name="Word", idea=f"{name} set in {heading[0]}, with one letter that bends towards {values[-1]}"),
            Logo(name="Sign", idea=f"A simple sign for {listing(telling_words(payload.description, 2) or [name])}, which stands without {name}’s name"),
        ],
    )  # fmt: skip
