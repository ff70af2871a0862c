"""What a user does and sees, in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from shared.embedded import free_port
from shared.settings import Settings
from tests.support.processes import WORKER, environment, running, web

FORMS: dict[str, dict[str, str]] = {
    "GENERATE_MEDIA_PLAN": {"objective": "Sell out the workshop", "keywords": "pottery, gifts"},
    "GENERATE_BRAND_KIT": {"brandName": "Northlight", "description": "Pottery by the sea"},
    "AUTO_GENERATE_PERSONAS": {"product": "A weekend pottery course"},
}
MADE = {
    "GENERATE_MEDIA_PLAN": ("Your media plan is ready", "Sell out the workshop"),
    "GENERATE_BRAND_KIT": ("Your brand kit is ready", "Northlight"),
    "AUTO_GENERATE_PERSONAS": ("Your set of personas is ready", "A weekend pottery course"),
}


class Tab:
    """One tab: its page, what it has asked for over HTTP, and what was pushed to it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self.faults: list[str] = []
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._said)
        page.on("websocket", lambda socket: socket.on("framereceived", self._received))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _received(self, text: str | bytes) -> None:
        self.frames += [json.loads(line) for line in str(text).split("\n") if line]

    def asked_for_tasks(self) -> list[str]:
        """The HTTP requests by which a page could learn how a task is doing."""
        return [request for request in self.requests if request.startswith("GET") and "/api/jobs" in request]

    def pushed(self, event: str) -> list[dict[str, Any]]:
        """What the user's own channel has brought."""
        pushes = [frame["push"] for frame in self.frames if "pub" in frame.get("push", {})]
        events = [push["pub"]["data"] for push in pushes if push["channel"].startswith("tasks#")]
        return [data for data in events if data["type"] == event]


OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def open_tab(browser: Browser, address: str) -> AsyncIterator[OpenTab]:
    """Opens the page for a user, each time in a browser profile of its own."""
    tabs: list[Tab] = []

    async def opened(user: str) -> Tab:
        page = await (await browser.new_context()).new_page()
        tab = Tab(page)
        tabs.append(tab)
        await page.goto(f"{address}/?user={user}")
        await expect(page.locator("[data-connection=live]")).to_be_visible()
        return tab

    yield opened
    for tab in tabs:
        assert tab.faults == []


async def start(page: Page, task_type: str, **more: str) -> None:
    """Fill in the form of a task type and send it; returns once the dialog is closed."""
    await page.locator(f"[data-type={task_type}]").click()
    for name, value in (FORMS[task_type] | more).items():
        await page.locator(f"dialog [name='{name}']").fill(value)
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("task_type", FORMS)
async def test_a_task_is_watched_live_from_the_click_to_its_result(open_tab: OpenTab, task_type: str) -> None:
    first, second, foreign = [await open_tab(user) for user in ("ada", "ada", "bob")]
    await start(first.page, task_type)

    async def watch(tab: Tab) -> None:
        await expect(tab.page.locator("[data-running='1']")).to_have_text("1 task runs")
        await expect(tab.page.locator("li.task .steps .running")).to_be_visible()
        await expect(tab.page.locator("li.task progress[value='0']")).to_have_count(0)
        await expect(tab.page.locator("li.task progress")).to_be_visible()

    await asyncio.gather(watch(first), watch(second))
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
        await expect(tab.page.locator("[data-running='0']")).to_be_visible()
        await expect(tab.page.get_by_text("An offline draft")).to_be_visible()

        toast, content = MADE[task_type]
        await expect(tab.page.locator(".toast")).to_contain_text(toast)
        await tab.page.locator(".toast").get_by_role("button", name="View").click()
        await expect(tab.page.locator("dialog.result")).to_contain_text(content)
        await tab.page.get_by_role("button", name="Close", exact=True).click()
        await tab.page.locator("li.task").get_by_role("button", name="View").click()
        await expect(tab.page.locator("dialog.result")).to_contain_text(content)

        steps = {event["task"].get("currentStep") for event in tab.pushed("task.step")}
        progress = [event["task"]["progress"] for event in tab.pushed("task.progress")]
        assert len(steps - {None}) >= 3
        assert len(progress) >= 3 and progress == sorted(progress)
        assert len(tab.pushed("task.completed")) == 1
        assert tab.asked_for_tasks() == [], "an event came by polling"

    await expect(foreign.page.locator("li.task")).to_have_count(0)
    assert not any("push" in frame for frame in foreign.frames)


async def test_a_tab_that_opens_later_sees_what_runs_and_what_is_done(open_tab: OpenTab) -> None:
    first = await open_tab("ada")
    await start(first.page, "GENERATE_BRAND_KIT")
    await expect(first.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    await start(first.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "4"})
    later = await open_tab("ada")
    await expect(later.page.locator("li.task")).to_have_count(2)
    await expect(later.page.locator(".toast")).to_have_count(0)
    await expect(later.page.locator("li.task[data-status=completed]")).to_have_count(2, timeout=30_000)
    await expect(later.page.locator(".toast")).to_have_count(1)
    assert later.asked_for_tasks() == []


async def test_the_draft_is_read_while_it_is_written_and_after_a_reload(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "20"})
    draft = tab.page.locator("[data-draft]")
    await expect(draft).to_contain_text("week 3")
    await expect(draft).to_contain_text("Call to action")
    await tab.page.reload()
    await expect(draft).to_contain_text("How to begin with pottery")
    await expect(draft).not_to_contain_text("…")


async def test_the_user_s_words_are_shown_and_never_run(open_tab: OpenTab) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", objective=attack, keywords=attack)
    await expect(tab.page.locator("[data-draft]")).to_contain_text("<b>bold</b>")
    await tab.page.locator("li.task").get_by_role("button", name="View").click(timeout=30_000)
    await expect(tab.page.locator("dialog.result")).to_contain_text("<b>bold</b>")
    assert await tab.page.locator("dialog.result img").count() == 0
    assert await tab.page.title() == "Herald"


async def test_a_task_is_cancelled_and_tried_again(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "6"})
    await expect(tab.page.locator("li.task .steps .running")).to_be_visible()
    await tab.page.get_by_role("button", name="Cancel").click()
    await expect(tab.page.locator("li.task[data-status=cancelled]")).to_be_visible()
    await tab.page.get_by_role("button", name="Try again").click()
    await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)


async def test_a_wrong_form_stays_open_and_says_what_is_wrong(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await tab.page.locator("[data-type=GENERATE_MEDIA_PLAN]").click()
    await tab.page.locator("[name=objective]").fill("Grow")
    await tab.page.locator("[name=keywords]").fill(" , ")
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("Field required")
    await expect(tab.page.locator("[name=objective]")).to_have_value("Grow")
    await tab.page.locator("[name=keywords]").fill("tea")
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.locator("dialog")).to_have_count(0)
    assert [fault for fault in tab.faults if "422" not in fault] == []
    tab.faults.clear()  # the browser itself logs a refused request


async def test_the_page_goes_on_after_the_server_was_restarted(browser: Browser, settings: Settings) -> None:
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
            assert tab.asked_for_tasks() == []
            hellos = [frame["connect"]["subs"]["tasks#ada"] for frame in tab.frames if "connect" in frame]
            assert hellos[-1].get("recovered"), "it took a snapshot where the history had everything"
