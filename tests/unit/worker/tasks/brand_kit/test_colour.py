"""Contrast and conversion of colours."""

import pytest

from herald.worker.tasks.brand_kit.colour import contrast, from_hsl, hue_name, text_on, with_contrast


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)],
)
def test_contrast_follows_wcag(one: str, other: str, ratio: float) -> None:
    assert round(contrast(one, other), 2) == round(contrast(other, one), 2) == ratio


def test_text_on_a_colour_is_readable() -> None:
    assert (text_on("#ffee00"), text_on("#003366")) == ("#000000", "#ffffff")


def test_a_colour_with_enough_contrast_stays_unchanged() -> None:
    assert with_contrast("#003366", "#ffffff", 4.5) == "#003366"


@pytest.mark.parametrize("background", ["#ffffff", "#000000", "#808080"])
@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#808080", "#ff0000"])
def test_a_colour_is_changed_until_its_contrast_suffices(colour: str, background: str) -> None:
    assert contrast(with_contrast(colour, background, 4.5), background) >= 4.5


def test_hues_are_converted_and_named() -> None:
    assert (from_hsl(0, 1, 0.5), from_hsl(480, 1, 0.5)) == ("#ff0000", "#00ff00")
    assert [hue_name(hue) for hue in (0, 120, 216, 359, 481)] == ["red", "green", "blue", "red", "green"]
