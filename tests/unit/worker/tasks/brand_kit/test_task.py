"""Brand kits: their content, and the contrast of their palettes."""

from typing import Any

import pytest

from herald.worker.tasks.brand_kit.answers import Look
from herald.worker.tasks.brand_kit.colour import contrast
from herald.worker.tasks.brand_kit.palette import accessible_palette
from tests.support.built_in import result_of


async def test_a_brand_kit_follows_the_brief() -> None:
    kit = await result_of("GENERATE_BRAND_KIT")
    assert kit["brandName"] == "Northlight"
    assert "patience" in kit["positioning"] and "calm" in kit["voice"]["traits"]
    assert len(kit["taglines"]) >= 3 and len(kit["logoDirections"]) >= 2
    assert all(rule["example"] for rule in kit["voice"]["do"] + kit["voice"]["dont"])
    assert_accessible(kit["palette"])


@pytest.mark.parametrize("background", ["#ffffff", "#000000", "#777777", "#FFEE00"])
def test_a_palette_with_poor_contrast_is_corrected(background: str) -> None:
    colour = {"name": "n", "hex": "#ffff00", "usage": "u"}
    face = {"family": "f", "fallback": "g", "reason": "r"}
    logo = {"name": "n", "idea": "i"}
    look = Look.model_validate(
        {
            **dict.fromkeys(("primary", "secondary", "accent", "text"), colour),
            "background": {**colour, "hex": background},
            **dict.fromkeys(("heading", "body"), face),
            "logoDirections": [logo, logo],
        }
    )
    assert_accessible([swatch.wire() for swatch in accessible_palette(look)])


def assert_accessible(palette: list[dict[str, Any]]) -> None:
    by_role = {colour["role"]: colour for colour in palette}
    assert list(by_role) == ["primary", "secondary", "accent", "background", "text"]
    background = by_role["background"]["hex"]
    assert contrast(by_role["text"]["hex"], background) >= 4.5
    for role in ("primary", "secondary", "accent"):
        assert contrast(by_role[role]["hex"], background) >= 3
    for colour in palette:
        assert colour["contrast"] >= 4.5
        assert colour["contrast"] == round(contrast(colour["hex"], colour["pairedWith"]), 2)
