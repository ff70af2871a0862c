"""A real browser, and a whole Herald for it to look at."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from herald.shared.settings import Settings
from tests.browser.chromium import ARGUMENTS, find
from tests.support.processes import WORKER, environment, running, web


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        yield opened
        await opened.close()


@pytest.fixture
def pace() -> float:
    """Words per second of the offline provider."""
    return 100


@pytest.fixture
async def address(settings: Settings, pace: float) -> AsyncIterator[str]:
    """Where the page is, with a worker behind it."""
    paced = settings.model_copy(update={"offline_words_per_second": pace})
    with running(WORKER, environment(paced, HERALD_WORKER_GRACE_S="0")):
        async with web(settings) as address:
            yield f"http://{address}"
