"""A fixture that drafts media plans."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.generators import generated

MakePlan = Callable[..., Awaitable[Any]]


@pytest.fixture
def media_plan() -> MakePlan:
    """Drafts a plan from an objective, keywords and settings, and returns its document."""

    async def drafted(objective: str = "Grow", keywords: tuple[str, ...] = ("tea",), **settings: Any) -> Any:
        payload = {"objective": objective, "keywords": list(keywords), "settings": settings}
        return (await generated("GENERATE_MEDIA_PLAN", payload)).documents[0]

    return drafted
