"""Colours, and whether text can be read on them (WCAG 2.2, relative luminance and contrast ratio)."""

import colorsys

BLACK, WHITE = "#000000", "#ffffff"
READABLE = 4.5
"""Least contrast of text with what it stands on: level AA, success criterion 1.4.3."""
VISIBLE = 3.0
"""Least contrast of large text and of shapes: 1.4.3 and 1.4.11."""
STEP = 0.02


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, from 0 for black to 1 for white."""
    red, green, blue = (_linear(part) for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever is read more easily on ``colour``; it always has 4.5 at least."""
    return max(BLACK, WHITE, key=lambda text: contrast(text, colour))


def standing_out(colour: str, background: str, least: float) -> str:
    """``colour``, made darker or lighter until it has the contrast ``least`` with ``background``."""
    step = -STEP if text_on(background) == BLACK else STEP
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    while contrast(colour, background) < least and 0 < lightness < 1:
        lightness = min(max(lightness + step, 0), 1)
        colour = from_hls(hue, lightness, saturation)
    return colour


def from_hls(hue: float, lightness: float, saturation: float) -> str:
    """``#rrggbb`` of hue, lightness and saturation, each from 0 to 1."""
    return "#" + "".join(
        f"{round(part * 255):02x}" for part in colorsys.hls_to_rgb(hue, lightness, saturation)
    )


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  sRGB's
