"""What a user does and sees, in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Route, WebSocketRoute, expect

from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.gemini import error, gemini_server
from tests.support.processes import WORKER, environment, running, web
from tests.support.tasks import a_task

FORMS: dict[str, dict[str, str]] = {
    "GENERATE_MEDIA_PLAN": {"objective": "Sell out the workshop", "keywords": "pottery, gifts"},
    "GENERATE_BRAND_KIT": {"brandName": "Northlight", "description": "Pottery by the sea"},
    "AUTO_GENERATE_PERSONAS": {"product": "A weekend pottery course"},
}
MADE = {
    "GENERATE_MEDIA_PLAN": ("Your media plan is ready", "Sell out the workshop"),
    "GENERATE_BRAND_KIT": ("Your brand kit is ready", "Northlight"),
    "AUTO_GENERATE_PERSONAS": ("Your personas are ready", "A weekend pottery course"),
}


class Tab:
    """One tab: its page, what it has asked for over HTTP, and what was pushed to it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.frames: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.blocked = False
        """Whether its WebSockets are closed at once."""
        page.on("request", lambda request: self.requests.append(f"{request.method} {request.url}"))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._said)
        page.on("websocket", lambda socket: socket.on("framereceived", self._received))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def _received(self, text: str | bytes) -> None:
        self.frames += [json.loads(line) for line in str(text).split("\n") if line]

    async def let_through(self, socket: WebSocketRoute) -> None:
        if self.blocked:
            await socket.close(code=1011)
        else:
            socket.connect_to_server()

    def forgive(self, part: str) -> None:
        """Forget the faults that the browser itself logs of a failed request."""
        self.faults = [fault for fault in self.faults if part not in fault]

    def asked_for_tasks(self) -> list[str]:
        """The HTTP requests by which a page could learn how a task is doing."""
        return [request for request in self.requests if request.startswith("GET") and "/api/jobs" in request]

    def pushed(self, event: str) -> list[dict[str, Any]]:
        """What the user's own channel has brought."""
        pushes = [frame["push"] for frame in self.frames if "pub" in frame.get("push", {})]
        events = [push["pub"]["data"] for push in pushes if push["channel"].startswith("tasks#")]
        return [data for data in events if data["type"] == event]


OpenPage = Callable[..., Awaitable[Tab]]
OpenTab = Callable[..., Awaitable[Tab]]


@pytest.fixture
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens an address, each time in a browser profile of its own, or ``beside`` another tab."""
    tabs: list[Tab] = []

    async def opened(address: str, *, beside: Tab | None = None, blocked: bool = False, **look: Any) -> Tab:
        context = beside.page.context if beside else await browser.new_context(**look)
        tab = Tab(await context.new_page())
        tab.blocked = blocked
        if blocked:  # else the browser's own sockets are used, which can be watched
            await tab.page.route_web_socket("**/connection/websocket", tab.let_through)
        tabs.append(tab)
        await tab.page.goto(address)
        if not blocked:
            await expect(tab.page.locator("[data-connection=live]")).to_be_visible()
        return tab

    yield opened
    for tab in tabs:
        assert tab.faults == []


@pytest.fixture
def open_tab(open_page: OpenPage, address: str) -> OpenTab:
    """Opens the page for a user."""
    return lambda user, **options: open_page(f"{address}/?user={user}", **options)


async def start(page: Page, task_type: str, **more: str) -> None:
    """Fill in the form of a task type and send it; returns once the dialog is closed."""
    await page.locator(f"[data-type={task_type}]").click()
    going_on = page.locator("dialog [type=submit]")
    for name, value in (FORMS[task_type] | more).items():
        field = page.locator(f"dialog [name='{name}']")
        while not await field.is_visible():
            await going_on.click()
        await field.fill(value)
    while await going_on.text_content() == "Next":
        await going_on.click()
    await going_on.click()
    await expect(page.locator("dialog")).to_have_count(0)


@pytest.mark.parametrize("task_type", FORMS)
async def test_a_task_is_watched_live_from_the_click_to_its_result(open_tab: OpenTab, task_type: str) -> None:
    first, second, foreign = [await open_tab(user) for user in ("ada", "ada", "bob")]
    await start(first.page, task_type)

    async def watch(tab: Tab) -> None:
        await expect(tab.page.locator("[data-running='1']")).to_contain_text("1 running")
        await expect(tab.page.locator("li.task .steps .running")).to_be_visible()
        await expect(tab.page.locator("li.task progress")).to_be_visible()
        await expect(tab.page.locator("li.task progress[value='0']")).to_have_count(0)

    await asyncio.gather(watch(first), watch(second))
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
        await expect(tab.page.locator("[data-running='0']")).to_be_visible()
        await expect(tab.page.get_by_text("Offline draft")).to_be_visible()

        toast, content = MADE[task_type]
        await expect(tab.page.locator(".toast")).to_contain_text(toast)
        await tab.page.locator(".toast").get_by_role("button", name="View").click()
        await expect(tab.page.locator(".toast")).to_have_count(0)
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
    await tab.page.locator("li.task").get_by_role("button", name="Cancel").click()
    await expect(tab.page.locator("li.task[data-status=cancelled]")).to_be_visible()
    await tab.page.locator("li.task").get_by_role("button", name="Retry").click()
    await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)


async def test_a_wrong_form_stays_open_and_each_fault_is_at_its_field(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "AUTO_GENERATE_PERSONAS")
    await tab.page.locator("[data-type=GENERATE_MEDIA_PLAN]").click()
    next_or_start = tab.page.locator("dialog [type=submit]")
    await next_or_start.click()
    await expect(tab.page.locator("[name=objective]")).to_be_focused()
    await tab.page.locator("[name=objective]").fill("Grow")
    await next_or_start.click()
    await tab.page.locator("[name=keywords]").fill("tea, " + "x" * 201)
    await next_or_start.click()
    await tab.page.locator("[name='settings/weeks']").fill("1")
    await tab.page.locator("[name='settings/currency']").fill("eur")
    await expect(tab.page.locator("li.task[data-status=completed]")).to_have_count(1, timeout=30_000)
    await expect(tab.page.locator("[name='settings/weeks']")).to_have_value("1")
    await next_or_start.click()
    await expect(tab.page.locator("[name=keywords]")).to_be_focused()
    await expect(tab.page.locator("#keywords-error")).to_contain_text("at most 200 characters")
    await tab.page.locator("[name=keywords]").fill("tea")
    await next_or_start.click()
    await expect(tab.page.locator("[id='settings/currency-error']")).to_be_visible()
    await tab.page.locator("[name='settings/currency']").fill("EUR")
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.locator("dialog")).to_have_count(0)
    await expect(tab.page.locator("li.task")).to_have_count(2)
    tab.forgive("422")


async def test_a_request_that_got_lost_is_sent_again_and_makes_one_task(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    lost = []

    async def lose_the_answer(route: Route) -> None:
        lost.append(await (await route.fetch()).json())
        await route.abort("connectionreset")

    await tab.page.route("**/api/jobs?action=create", lose_the_answer, times=1)
    await tab.page.locator("[data-type=GENERATE_BRAND_KIT]").click()
    for name, value in FORMS["GENERATE_BRAND_KIT"].items():
        await tab.page.locator(f"dialog [name='{name}']").fill(value)
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.get_by_role("alert")).to_contain_text("it won't create a duplicate")
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.locator("dialog")).to_have_count(0)
    await expect(tab.page.locator("li.task")).to_have_count(1)
    await expect(tab.page.locator(f"[data-task-id='{lost[0]['taskId']}']")).to_be_visible()
    tab.forgive("ERR_CONNECTION_RESET")


async def test_of_two_tabs_of_a_browser_one_tells_and_a_reload_repeats_nothing(open_tab: OpenTab) -> None:
    first = await open_tab("ada")
    second = await open_tab("ada", beside=first)
    await start(first.page, "GENERATE_BRAND_KIT")
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    toasts = [tab.page.locator(".toast") for tab in (first, second)]
    async with asyncio.timeout(10):
        while sum([await shown.count() for shown in toasts]) == 0:
            await asyncio.sleep(0.05)
    await start(first.page, "AUTO_GENERATE_PERSONAS")
    await expect(first.page.locator("li.task[data-status=processing] .steps")).to_be_visible()
    for tab in (first, second):
        await tab.page.reload()
    for tab in (first, second):
        await expect(tab.page.locator("li.task[data-status=completed]")).to_have_count(2, timeout=30_000)
    async with asyncio.timeout(10):
        while sum([await shown.count() for shown in toasts]) == 0:
            await asyncio.sleep(0.05)
    assert sum([await shown.count() for shown in toasts]) == 1, "it was told twice, or an old one again"
    said = "".join([text for shown in toasts for text in await shown.all_text_contents()])
    assert "Your personas are ready" in said


LOOKED_AWAY_FROM = """
Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
window.told = [];
window.Notification = class {
  static permission = "granted";
  constructor(title) { told.push(title); }
};
"""


async def test_who_looks_away_is_told_by_the_system(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await tab.page.add_init_script(LOOKED_AWAY_FROM)
    await tab.page.reload()
    await start(tab.page, "AUTO_GENERATE_PERSONAS")
    async with asyncio.timeout(30):
        while not await tab.page.evaluate("told.length"):
            await asyncio.sleep(0.05)
    assert await tab.page.evaluate("told") == ["Your personas are ready"]
    await expect(tab.page.locator(".toast")).to_be_visible()


async def test_a_socket_that_is_blocked_is_replaced_by_checks_until_it_is_back(open_tab: OpenTab) -> None:
    tab = await open_tab("ada", blocked=True)
    await expect(tab.page.locator("[data-connection=polling]")).to_be_visible(timeout=15_000)
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "26"})
    await expect(tab.page.locator("li.task .steps .completed").first).to_be_visible(timeout=15_000)
    checks = tab.asked_for_tasks()
    assert any("action=status" in request for request in checks)
    tab.blocked = False
    await expect(tab.page.locator("[data-connection=live]")).to_be_visible(timeout=30_000)
    before = len(tab.asked_for_tasks())
    await tab.page.locator("li.task").get_by_role("button", name="Cancel").click()
    await expect(tab.page.locator("li.task[data-status=cancelled]")).to_be_visible()
    await asyncio.sleep(2)
    assert len(tab.asked_for_tasks()) == before, "it went on asking beside the live connection"
    tab.forgive("WebSocket")


async def test_offline_is_said_and_nothing_is_asked_until_the_network_is_back(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_BRAND_KIT")
    await tab.page.context.set_offline(True)
    await expect(tab.page.locator("[data-connection=offline]")).to_be_visible()
    await expect(tab.page.get_by_text("No connection")).to_be_visible()
    await asyncio.sleep(4)
    assert tab.asked_for_tasks() == []
    await tab.page.context.set_offline(False)
    await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit is ready")
    tab.forgive("ERR_INTERNET_DISCONNECTED")


async def test_tasks_are_filtered_and_older_ones_are_read(open_tab: OpenTab, store: Store) -> None:
    long_ago = now() - timedelta(days=2)
    for number in range(25):
        fields = {"status": TaskStatus.FAILED, "completed_at": long_ago, "last_error": f"Reason {number}"}
        task, _ = await store.create(a_task(created_at=long_ago, updated_at=long_ago, **fields))
        await store.announced(task)  # else the reconcile would tell of it
    tab = await open_tab("ada")
    await expect(tab.page.get_by_text("No recent tasks")).to_be_visible()
    await tab.page.locator("[data-filter=failed]").click()
    await tab.page.get_by_role("button", name="Show older tasks").click()
    await expect(tab.page.locator("li.task")).to_have_count(20)
    await tab.page.get_by_role("button", name="Show older tasks").click()
    await expect(tab.page.locator("li.task")).to_have_count(25)
    await expect(tab.page.get_by_text("No more tasks.")).to_be_visible()
    await tab.page.locator("[data-filter=completed]").click()
    await expect(tab.page.locator("li.task")).to_have_count(0)
    await expect(tab.page.locator(".toast")).to_have_count(0)


async def test_a_failure_says_what_to_do_and_is_tried_again(
    browser: Browser, settings: Settings, open_page: OpenPage
) -> None:
    async with gemini_server() as model, web(settings) as address:
        usual, model.reply = model.reply, error(403, "PERMISSION_DENIED")
        variables = environment(settings, HERALD_GEMINI_API_KEY="k", HERALD_GEMINI_BASE_URL=model.address)
        with running(WORKER, variables):
            tab = await open_page(f"http://{address}/?user=ada")
            await start(tab.page, "GENERATE_BRAND_KIT")
            await expect(tab.page.locator("li.task .error")).to_contain_text("HERALD_GEMINI_API_KEY")
            await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit failed")
            model.reply = usual
            await tab.page.locator(".toast").get_by_role("button", name="Retry").click()
            await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
            await expect(tab.page.locator("li.task")).to_contain_text("tokens · $")
            await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit is ready")
            await tab.page.close()


PRINTED = """
() => {
  const dialog = document.querySelector("dialog");
  const paper = document.documentElement.scrollHeight;
  return { top: dialog.getBoundingClientRect().top + scrollY, height: dialog.scrollHeight, paper };
}
"""


async def test_a_result_is_taken_along(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "1", "settings/budget": "99.5"})
    await tab.page.locator("li.task").get_by_role("button", name="View").click(timeout=30_000)
    await expect(tab.page.locator("dialog.result tfoot")).to_contain_text("€99.50")
    for name, ending in (("JSON", ".json"), ("CSV", ".csv")):
        async with tab.page.expect_download() as begun:
            await tab.page.get_by_role("button", name=name).click()
        file = await begun.value
        assert file.suggested_filename.endswith(ending)
        text = await asyncio.to_thread(Path(await file.path()).read_text)
        if name == "JSON":
            assert json.loads(text)[0]["budget"]["total"] == 99.5
        else:
            assert text.startswith("Date,Week,Channel,Title,Copy,Hashtags,Call to action\n")
            assert len(text.splitlines()) == 1 + 3
    await tab.page.emulate_media(media="print")
    shown = await tab.page.evaluate(PRINTED)
    assert shown["top"] == 0 and shown["height"] <= shown["paper"], "a part of it is not printed"
    await tab.page.emulate_media(media="screen")
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.page.get_by_role("button", name="Copy").click()
    await expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
    assert "Sell out the workshop" in await tab.page.evaluate("navigator.clipboard.readText()")


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
            hellos = [frame["connect"]["subs"]["tasks#ada"] for frame in tab.frames if "connect" in frame]
            assert hellos[-1].get("recovered"), "it took a snapshot where the history had everything"
