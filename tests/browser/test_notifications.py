"""Notifications of finished tasks: on the page and from the system."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.tab import OpenTab, start


@pytest.mark.parametrize("pace", [50])  # so that the second task is still running after the reloads
async def test_only_one_of_two_tabs_notifies_and_a_reload_does_not_repeat_it(open_tab: OpenTab) -> None:
    first = await open_tab("ada")
    second = await open_tab("ada", beside=first)
    await start(first.page, "GENERATE_BRAND_KIT")
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    toasts = [tab.page.locator(".toast") for tab in (first, second)]
    async with asyncio.timeout(10):
        while sum([await shown.count() for shown in toasts]) == 0:
            await asyncio.sleep(0.05)
    await start(first.page, "GENERATE_MEDIA_PLAN")
    await expect(first.page.locator("li.task[data-status=processing] .steps")).to_be_visible()
    for tab in (first, second):
        await tab.page.reload()
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_have_count(2, timeout=60_000)
    async with asyncio.timeout(10):
        while sum([await shown.count() for shown in toasts]) == 0:
            await asyncio.sleep(0.05)
    assert sum([await shown.count() for shown in toasts]) == 1, "a task was notified twice"
    said = "".join([text for shown in toasts for text in await shown.all_text_contents()])
    assert "Your media plan is ready" in said


HIDDEN = """
Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
window.notified = [];
window.Notification = class {
  static permission = "granted";
  constructor(title) { notified.push(title); }
};
"""


async def test_a_hidden_page_notifies_through_the_system(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await tab.page.add_init_script(HIDDEN)
    await tab.page.reload()
    await start(tab.page, "AUTO_GENERATE_PERSONAS")
    async with asyncio.timeout(30):
        while not await tab.page.evaluate("notified.length"):
            await asyncio.sleep(0.05)
    assert await tab.page.evaluate("notified") == ["Your personas are ready"]
    await expect(tab.page.locator(".toast")).to_be_visible()
