"""A real browser, and a running Herald with a worker."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, async_playwright, expect

from herald.shared.settings import Settings
from tests.browser.chromium import ARGUMENTS, find
from tests.browser.tab import OpenPage, OpenTab, Tab
from tests.support.processes import WORKER, environment, running, web


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
def pace() -> float:
    """Words per second of the offline provider."""
    return 100


@pytest.fixture
def modules() -> str:
    """The modules with the worker's task types, separated by commas."""
    return "herald.worker.tasks"


@pytest.fixture
async def address(settings: Settings, pace: float, modules: str) -> AsyncIterator[str]:
    """The address of a web process with a worker."""
    paced = settings.model_copy(update={"offline_words_per_second": pace})
    with running(WORKER, environment(paced, HERALD_WORKER_GRACE_S="0", HERALD_TASKS=modules)):
        async with web(settings) as address:
            yield f"http://{address}"


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens addresses, each in a browser profile of its own or in the same one as the tab ``beside`` it."""
    tabs: list[Tab] = []

    async def open_address(
        address: str, *, beside: Tab | None = None, blocked: bool = False, **look: Any
    ) -> Tab:
        context = beside.page.context if beside else await browser.new_context(**look)
        tab = Tab(await context.new_page())
        tab.blocked = blocked
        if blocked:  # a routed WebSocket reports no frames, so the others are not routed
            await tab.page.route_web_socket("**/connection/websocket", tab.connect_or_close)
        tabs.append(tab)
        await tab.page.goto(address)
        if not blocked:
            await expect(tab.page.locator("[data-connection=live]")).to_be_visible()
        return tab

    yield open_address
    for tab in tabs:
        tab.ignore_error("net::ERR_CONNECTION_")  # a test's server may stop before its pages close
        assert tab.errors == []


@pytest.fixture
def open_tab(address: str, open_page: OpenPage) -> OpenTab:
    """Opens the demo page as a user."""
    return lambda user, **options: open_page(f"{address}/?user={user}", **options)
