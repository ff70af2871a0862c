"""``GENERATE_BRAND_KIT``: a position, a voice, and a look whose colours can be read."""

from collections.abc import Sequence
from typing import Any

from herald.shared.tasks.task_types import BrandKitPayload
from herald.worker.llm.provider import Prompt
from herald.worker.tasks.base import PlannedStep, Result, Steps, document
from herald.worker.tasks.brand_kit.colour import READABLE, VISIBLE, contrast, standing_out, text_on
from herald.worker.tasks.brand_kit.draft import (
    Look,
    Positioning,
    Voice,
    draft_look,
    draft_positioning,
    draft_voice,
)

POSITION, VOICE, LOOK, CHECK = (
    "Finding the position",
    "Shaping the voice",
    "Designing the look",
    "Checking the contrast",
)
ABOUT_POSITION = (
    "From the brief, write the brand's positioning, its mission, its audience, what makes it different, and "
    "three to five taglines."
)
ABOUT_VOICE = (
    "Describe the brand's voice: its traits, what to do and what not to do, each with an example, and a "
    "sample paragraph."
)
ABOUT_LOOK = (
    "Choose five colours by their roles, with a contrast of at least 4.5:1 between text and background, and "
    "3:1 between the others and the background; typefaces for headings and body that are free to use, each "
    "with a fallback; and two to four directions for a logo."
)
MANNER = "Be concrete, and use the brief's own words where they are good. Write in the brief's language."


class BrandKitGenerator:
    """Three answers, each building on the one before; then the colours are checked by rule."""

    task_type = "GENERATE_BRAND_KIT"

    def plan(self, _: BrandKitPayload) -> Sequence[PlannedStep]:
        """Always the same steps."""
        return [
            PlannedStep(POSITION, 3),
            PlannedStep(VOICE, 3),
            PlannedStep(LOOK, 4),
            PlannedStep(CHECK, 0.5),
        ]

    async def generate(self, steps: Steps, payload: BrandKitPayload) -> Result:
        """One document: position, mission, voice, taglines, palette, typography and directions for a logo."""
        brief = payload.wire()
        async with steps.run(POSITION) as step:
            position = await step.ask(
                Prompt(
                    f"You are a brand strategist. {ABOUT_POSITION} {MANNER}",
                    {"brief": brief},
                    Positioning,
                    lambda: draft_positioning(payload),
                )
            )
        async with steps.run(VOICE) as step:
            voice = await step.ask(
                Prompt(
                    f"You are a brand strategist. {ABOUT_VOICE} {MANNER}",
                    {"brief": brief, "positioning": position.wire()},
                    Voice,
                    lambda: draft_voice(payload),
                )
            )
        async with steps.run(LOOK) as step:
            look = await step.ask(
                Prompt(
                    f"You are a brand designer. {ABOUT_LOOK} {MANNER}",
                    {"brief": brief, "positioning": position.wire(), "voice": voice.wire()},
                    Look,
                    lambda: draft_look(payload),
                )
            )
        async with steps.run(CHECK):
            palette = checked_palette(look)
        content = {
            "brandName": payload.brand_name,
            **position.wire(),
            "voice": voice.wire(),
            "palette": palette,
            "typography": {"heading": look.heading.wire(), "body": look.body.wire()},
            "logoDirections": [direction.wire() for direction in look.logo_directions],
        }
        task = steps.task
        return Result([document(task, content)], {"brandKitId": task.task_id})


def checked_palette(look: Look) -> list[dict[str, Any]]:
    """The colours with their contrast, each moved as far as it takes to be seen or read.

    ``pairedWith`` is what a colour is used with, and ``contrast`` the ratio between the two.
    """
    background = look.background.hex.lower()
    text = standing_out(look.text.hex.lower(), background, READABLE)
    palette = []
    for role in ("primary", "secondary", "accent", "background", "text"):
        colour = getattr(look, role)
        match role:
            case "background":
                shown, paired = background, text
            case "text":
                shown, paired = text, background
            case _:
                shown = standing_out(colour.hex.lower(), background, VISIBLE)
                paired = text_on(shown)
        ratio = round(contrast(shown, paired), 2)
        palette.append(
            {
                "role": role,
                "name": colour.name,
                "hex": shown,
                "usage": colour.usage,
                "pairedWith": paired,
                "contrast": ratio,
            }
        )
    return palette
