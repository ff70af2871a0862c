"""``GENERATE_BRAND_KIT``: positioning, voice, and a look with accessible colours."""

from collections.abc import Sequence
from typing import Any

from herald.shared.task_api.prompt import Prompt
from herald.shared.tasks.task_types import BrandKitPayload
from herald.worker.tasks.base import PlannedStep, Result, Steps, document
from herald.worker.tasks.brand_kit.answers import Look, Positioning, Voice
from herald.worker.tasks.brand_kit.colour import READABLE, VISIBLE, contrast, text_on, with_contrast
from herald.worker.tasks.brand_kit.draft import draft_look, draft_positioning, draft_voice

POSITIONING, VOICE, LOOK, CHECK = (
    "Defining the positioning",
    "Shaping the voice",
    "Designing the look",
    "Checking the contrast",
)
STYLE = "Be concrete. Reuse the brief's own words where they are good. Write in the language of the brief."
POSITIONING_INSTRUCTIONS = (
    "You are a brand strategist. Based on the brief, write the brand's positioning, its mission, its target "
    f"audience, what makes it different, and three to five taglines. {STYLE}"
)
VOICE_INSTRUCTIONS = (
    "You are a brand strategist. Describe the brand's voice: its traits, dos and don'ts with an example for "
    f"each, and a sample paragraph. {STYLE}"
)
LOOK_INSTRUCTIONS = (
    "You are a brand designer. Design the brand's look. Choose a colour for each of the five roles: the text "
    "must have a contrast of at least 4.5:1 with the background, the other colours at least 3:1. Choose "
    "typefaces for headings and body text that are free to use, with a fallback for each. Suggest two to "
    f"four directions for the logo. {STYLE}"
)


class BrandKitGenerator:
    """Asks for three answers, each based on the previous ones, then corrects the colours by rule."""

    task_type = "GENERATE_BRAND_KIT"

    def plan(self, _: BrandKitPayload) -> Sequence[PlannedStep]:
        """Return the same steps for every brief."""
        return [
            PlannedStep(POSITIONING, 3),
            PlannedStep(VOICE, 3),
            PlannedStep(LOOK, 4),
            PlannedStep(CHECK, 0.5),
        ]

    async def generate(self, steps: Steps, payload: BrandKitPayload) -> Result:
        """Return one document: positioning, voice, palette, typography and logo directions."""
        brief = payload.wire()
        async with steps.run(POSITIONING) as step:
            positioning = await step.ask(
                Prompt(
                    POSITIONING_INSTRUCTIONS,
                    {"brief": brief},
                    Positioning,
                    draft=lambda: draft_positioning(payload),
                )
            )
        async with steps.run(VOICE) as step:
            voice = await step.ask(
                Prompt(
                    VOICE_INSTRUCTIONS,
                    {"brief": brief, "positioning": positioning.wire()},
                    Voice,
                    draft=lambda: draft_voice(payload),
                )
            )
        async with steps.run(LOOK) as step:
            look = await step.ask(
                Prompt(
                    LOOK_INSTRUCTIONS,
                    {"brief": brief, "positioning": positioning.wire(), "voice": voice.wire()},
                    Look,
                    draft=lambda: draft_look(payload),
                )
            )
        async with steps.run(CHECK):
            palette = accessible_palette(look)
        content = {
            "brandName": payload.brand_name,
            **positioning.wire(),
            "voice": voice.wire(),
            "palette": palette,
            "typography": {"heading": look.heading.wire(), "body": look.body.wire()},
            "logoDirections": [direction.wire() for direction in look.logo_directions],
        }
        task = steps.task
        return Result([document(task, content)], {"brandKitId": task.task_id})


def accessible_palette(look: Look) -> list[dict[str, Any]]:
    """Return the colours by role, each adjusted until its contrast is sufficient.

    ``pairedWith`` is the colour that it is used with, and ``contrast`` the ratio between the two.
    """
    background = look.background.hex.lower()
    text = with_contrast(look.text.hex.lower(), background, READABLE)
    palette = []
    for role in ("primary", "secondary", "accent", "background", "text"):
        colour = getattr(look, role)
        match role:
            case "background":
                shown, paired = background, text
            case "text":
                shown, paired = text, background
            case _:
                shown = with_contrast(colour.hex.lower(), background, VISIBLE)
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
