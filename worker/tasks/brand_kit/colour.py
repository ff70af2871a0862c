"""Colour conversion and WCAG 2.2 contrast for palettes."""

from coloraide import Color

BLACK, WHITE = "#000000", "#ffffff"
READABLE = 4.5
"""Minimum contrast of body text (WCAG success criterion 1.4.3, level AA)."""
VISIBLE = 3.0
"""Minimum contrast of large text and graphics (1.4.3 and 1.4.11)."""
STEP = 0.02
"""Change of lightness per try; lightness goes from 0 to 1."""
HUE_NAMES = [
    (10, "red"), (30, "terracotta"), (50, "gold"), (75, "olive"), (100, "moss"), (140, "green"),
    (165, "emerald"), (192, "teal"), (225, "blue"), (255, "indigo"), (280, "violet"), (315, "purple"),
    (345, "pink"), (360, "red"),
]  # fmt: skip
"""Names of hues, each with the angle at which the next one begins."""


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    return Color(one).contrast(other, method="wcag21")


def text_on(colour: str) -> str:
    """Black or white, whichever has more contrast with ``colour``; it is never below 4.5."""
    return max(BLACK, WHITE, key=lambda text: contrast(text, colour))


def with_contrast(colour: str, background: str, minimum: float) -> str:
    """``colour``, darkened or lightened until its contrast with ``background`` reaches ``minimum``."""
    step, limit = (-STEP, 0) if text_on(background) == BLACK else (STEP, 1)
    shade = Color(colour).convert("hsl")
    while contrast(colour, background) < minimum and shade["lightness"] != limit:
        shade["lightness"] = min(max(shade["lightness"] + step, 0), 1)
        colour = _hex(shade)
    return colour


def from_hsl(hue: float, saturation: float, lightness: float) -> str:
    """``#rrggbb`` from a hue in degrees, and saturation and lightness from 0 to 1."""
    return _hex(Color("hsl", [hue % 360, saturation, lightness]))


def hue_name(hue: float) -> str:
    """A common name for a hue in degrees."""
    return next(name for end, name in HUE_NAMES if hue % 360 < end)


def _hex(colour: Color) -> str:
    return colour.convert("srgb").to_string(hex=True, fit="clip")
