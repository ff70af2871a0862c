"""The payloads of the built-in task types, and their limits."""

from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.built_in import TASK_TYPES

GOOD: dict[str, dict[str, Any]] = {
    "GENERATE_MEDIA_PLAN": {"objective": "Grow", "keywords": ["tea"]},
    "GENERATE_BRAND_KIT": {"brandName": "Ada", "description": "Tea"},
    "AUTO_GENERATE_PERSONAS": {"product": "Tea"},
}


@pytest.mark.parametrize("name", TASK_TYPES)
def test_the_smallest_valid_payload_is_accepted(name: str) -> None:
    TASK_TYPES[name].payload.model_validate(GOOD[name])


@pytest.mark.parametrize("name", TASK_TYPES)
@pytest.mark.parametrize("change", [{"unknown": 1}, {"objective": " "}, {"brandName": 3}, {"product": ""}])
def test_unknown_empty_and_mistyped_fields_are_rejected(name: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TASK_TYPES[name].payload.model_validate(GOOD[name] | change)


def test_values_outside_the_limits_are_rejected() -> None:
    changes: list[dict[str, Any]] = [
        {"settings": {"weeks": 27}},
        {"settings": {"budget": -1}},
        {"keywords": []},
    ]
    for payload in changes:
        with pytest.raises(ValidationError):
            TASK_TYPES["GENERATE_MEDIA_PLAN"].payload.model_validate(GOOD["GENERATE_MEDIA_PLAN"] | payload)
