"""The questions to the model for a brand kit."""

from herald import Prompt
from herald.worker.tasks.brand_kit.answers import Look, Positioning, Voice
from herald.worker.tasks.brand_kit.draft import draft_look, draft_positioning, draft_voice
from herald.worker.tasks.brand_kit.payload import BrandKitPayload

STRATEGIST, DESIGNER = "You are a brand strategist.", "You are a brand designer."
STYLE = "Be concrete. Reuse the brief's own words where they are good. Write in the language of the brief."


def positioning_prompt(brief: BrandKitPayload) -> Prompt[Positioning]:
    """Ask what the brand stands for."""
    return Prompt(
        f"{STRATEGIST} Based on the brief, write the brand's positioning, its mission, its target audience, "
        f"what makes it different, and three to five taglines. {STYLE}",
        {"brief": brief.wire()},
        Positioning,
        draft=lambda: draft_positioning(brief),
    )


def voice_prompt(brief: BrandKitPayload, positioning: Positioning) -> Prompt[Voice]:
    """Ask how the brand speaks."""
    return Prompt(
        f"{STRATEGIST} Describe the brand's voice: its traits, dos and don'ts with an example for each, and "
        f"a sample paragraph. {STYLE}",
        {"brief": brief.wire(), "positioning": positioning.wire()},
        Voice,
        draft=lambda: draft_voice(brief),
    )


def look_prompt(brief: BrandKitPayload, positioning: Positioning, voice: Voice) -> Prompt[Look]:
    """Ask how the brand looks."""
    return Prompt(
        f"{DESIGNER} Design the brand's look. Choose a colour for each of the five roles: the text must have "
        "a contrast of at least 4.5:1 with the background, the other colours at least 3:1. Choose typefaces "
        "for headings and body text that are free to use, with a fallback for each. Suggest two to four "
        f"directions for the logo. {STYLE}",
        {"brief": brief.wire(), "positioning": positioning.wire(), "voice": voice.wire()},
        Look,
        draft=lambda: draft_look(brief),
    )
