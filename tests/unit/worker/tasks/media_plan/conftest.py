"""A fixture that drafts media plans."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.support.built_in import result_of

MakePlan = Callable[..., Awaitable[Any]]


@pytest.fixture
def media_plan() -> MakePlan:
    """Drafts a plan from an objective, keywords and settings, and returns it as it is stored."""

    async def drafted(objective: str = "Grow", keywords: tuple[str, ...] = ("tea",), **settings: Any) -> Any:
        payload = {"objective": objective, "keywords": list(keywords), "settings": settings}
        return await result_of("GENERATE_MEDIA_PLAN", payload)

    return drafted
