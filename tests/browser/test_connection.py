"""The page without its connection: blocked WebSockets, no network, and a server restart."""

import asyncio

from playwright.async_api import Browser, expect

from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from tests.browser.tab import OpenTab, Tab, start
from tests.support.processes import WORKER, environment, running, web


async def test_the_page_polls_while_websockets_are_blocked(open_tab: OpenTab) -> None:
    tab = await open_tab("ada", blocked=True)
    await expect(tab.page.locator("[data-connection=polling]")).to_be_visible(timeout=15_000)
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "26"})
    await expect(tab.page.locator("li.task .steps .completed").first).to_be_visible(timeout=15_000)
    checks = tab.task_requests()
    assert any("action=status" in request for request in checks)
    tab.blocked = False
    await expect(tab.page.locator("[data-connection=live]")).to_be_visible(timeout=30_000)
    before = len(tab.task_requests())
    await tab.page.locator("li.task").get_by_role("button", name="Cancel").click()
    await expect(tab.page.locator("li.task[data-status=cancelled]")).to_be_visible()
    await asyncio.sleep(2)
    assert len(tab.task_requests()) == before, "the page kept polling while the connection was live"
    tab.ignore_error("WebSocket")


async def test_an_offline_page_says_so_and_sends_nothing_until_the_network_returns(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_BRAND_KIT")
    await tab.page.context.set_offline(True)
    await expect(tab.page.locator("[data-connection=offline]")).to_be_visible()
    await expect(tab.page.get_by_text("No connection")).to_be_visible()
    await asyncio.sleep(4)
    assert tab.task_requests() == []
    await tab.page.context.set_offline(False)
    await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit is ready")
    tab.ignore_error("ERR_INTERNET_DISCONNECTED")


async def test_the_page_recovers_after_a_server_restart(browser: Browser, settings: Settings) -> None:
    port = free_port()
    paced = settings.model_copy(update={"offline_words_per_second": 100})
    with running(WORKER, environment(paced)):
        async with web(settings, port):
            page = await browser.new_page()
            tab = Tab(page)
            await page.goto(f"http://127.0.0.1:{port}/?user=ada")
            await expect(page.locator("[data-connection=live]")).to_be_visible()
            await start(page, "GENERATE_MEDIA_PLAN")
            await expect(page.locator("li.task .steps .running")).to_be_visible()
        await expect(page.locator("[data-connection=connecting]")).to_be_visible()
        async with web(settings, port):
            await expect(page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
            await expect(page.locator(".toast")).to_contain_text("Your media plan is ready")
            await expect(page.locator("[data-connection=live]")).to_be_visible()  # polling may be faster
            hellos = [frame["connect"]["subs"]["tasks#ada"] for frame in tab.frames if "connect" in frame]
            assert hellos[-1].get("recovered"), (
                "the page took a snapshot although the history covered everything"
            )
