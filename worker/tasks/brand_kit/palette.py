"""Corrects the colours of a brand until everything is readable."""

from typing import get_args

from herald.worker.tasks.brand_kit.answers import Look
from herald.worker.tasks.brand_kit.colour import READABLE, VISIBLE, contrast, text_on, with_contrast
from herald.worker.tasks.brand_kit.result import Role, Swatch

ROLES: tuple[Role, ...] = get_args(Role)


def accessible_palette(look: Look) -> list[Swatch]:
    """The colours by role, each adjusted until its contrast is sufficient."""
    background = look.background.hex.lower()
    text = with_contrast(look.text.hex.lower(), background, READABLE)
    palette = []
    for role in ROLES:
        colour = getattr(look, role)
        match role:
            case "background":
                shown, paired = background, text
            case "text":
                shown, paired = text, background
            case _:
                shown = with_contrast(colour.hex.lower(), background, VISIBLE)
                paired = text_on(shown)
        palette.append(
            Swatch(
                role=role,
                name=colour.name,
                hex=shown,
                usage=colour.usage,
                paired_with=paired,
                contrast=round(contrast(shown, paired), 2),
            )
        )
    return palette
