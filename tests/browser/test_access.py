"""Accessibility and responsiveness: keyboard, screen reader, phone, dark mode, and many busy tasks."""

import asyncio
import json

import pytest
from playwright.async_api import Browser, Page, expect

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Step, Task, TaskStatus
from herald.shared.tasks.store import Store
from tests.browser.accessibility import LOOKS, assert_accessible, assert_fits
from tests.browser.tab import FORMS, OpenPage, OpenTab, start
from tests.support.processes import web
from tests.support.tasks import a_task


@pytest.mark.parametrize("look", LOOKS)
async def test_every_state_of_the_page_is_accessible(open_tab: OpenTab, store: Store, look: str) -> None:
    await store.create(a_task(status=TaskStatus.FAILED, last_error="The model declined; change the input."))
    tab = await open_tab("ada", **LOOKS[look])
    page = tab.page
    await expect(page.get_by_text("No recent tasks")).to_be_visible()
    await assert_accessible(page, "empty")
    await page.get_by_role("button", name="Show older tasks").click()
    await expect(page.locator("li.task[data-status=failed]")).to_be_visible()
    for task_type in FORMS if look == "light" else ["GENERATE_MEDIA_PLAN"]:
        await page.locator(f"[data-type={task_type}]").click()
        await assert_accessible(page, f"the form of {task_type}")
        await assert_fits(page)
        await page.get_by_role("button", name="Close", exact=True).click()
        await start(page, task_type)
        await expect(page.locator("li.task[data-status=processing] [data-draft] p b").first).to_be_visible()
        await page.locator(".indicator").click()
        await assert_accessible(page, f"{task_type} while it runs")
        await assert_fits(page)
        await page.keyboard.press("Escape")
        await expect(page.locator("li.task[data-status=processing]")).to_have_count(0, timeout=30_000)
        await expect(page.locator(".toast")).to_be_visible()
        await assert_accessible(page, f"{task_type} with a message")
        await page.locator(".toast").get_by_role("button", name="View").click()
        await expect(page.locator("dialog.result h3").first).to_be_visible()
        await assert_accessible(page, f"the result of {task_type}")
        await assert_fits(page)
        await page.get_by_role("button", name="Close", exact=True).click()


async def test_the_api_reference_is_accessible(browser: Browser, address: str) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    await page.goto(f"{address}/docs")
    await expect(page.get_by_role("heading", name="POST /api/jobs", exact=True)).to_be_visible()
    await assert_accessible(page, "the reference")
    await assert_fits(page)


async def test_the_page_can_be_used_with_the_keyboard_only(open_tab: OpenTab) -> None:
    page = (await open_tab("ada")).page

    async def reach(selector: str) -> None:
        for _ in range(40):
            if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
            await page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reachable with Tab")

    await reach("[data-type=GENERATE_BRAND_KIT]")
    await page.keyboard.press("Enter")
    await expect(page.locator("[name=brandName]")).to_be_focused()
    await page.keyboard.type("Northlight")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Pottery by the sea")
    await reach("[type=submit]")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator("[data-type=GENERATE_BRAND_KIT]")).to_be_focused()
    await expect(page.locator(".toast")).to_be_visible(timeout=30_000)
    await expect(page.locator("[data-type=GENERATE_BRAND_KIT]")).to_be_focused()
    await reach(".toast button")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog.result h3")).to_contain_text("Northlight")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_a_notification_stays_while_the_pointer_is_over_it(open_tab: OpenTab) -> None:
    page = (await open_tab("ada")).page
    await page.clock.install()
    await page.reload()
    await start(page, "AUTO_GENERATE_PERSONAS")
    toast = page.locator(".toast")
    await expect(toast).to_be_visible(timeout=30_000)
    await toast.hover()
    await page.clock.run_for(500)  # let the page handle the event
    await page.clock.fast_forward(60_000)
    await expect(toast).to_be_visible()
    await page.mouse.move(5, 5)
    await page.clock.run_for(500)
    await page.clock.fast_forward(4_000)
    await expect(toast).to_be_visible()
    await page.clock.fast_forward(5_000)
    await expect(toast).to_have_count(0)


WATCH = """
() => {
  window.seen = { shift: 0, long: 0, frames: 0, mutated: 0 };
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { seen.shift += one.value; seen.moved = String(one.sources[0]?.node?.outerHTML); }))
    .observe({ type: "layout-shift" });
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { seen.long += one.duration; }))
    .observe({ type: "longtask" });
  new MutationObserver(() => { seen.mutated += 1; }).observe(document.getElementById("app"),
    { subtree: true, childList: true, attributes: true, characterData: true });
  const count = () => { seen.frames += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}
"""


async def test_two_hundred_busy_tasks_render_once_per_frame_without_layout_shift(
    open_page: OpenPage, settings: Settings, store: Store, feed: Feed
) -> None:
    """The test publishes the events itself, in place of a worker."""
    tasks = []
    for _ in range(200):
        steps = [Step(name="Writing posts", status="running")]
        task, _ = await store.create(
            a_task(status=TaskStatus.PROCESSING, current_step="Writing posts", steps=steps, attempt=1)
        )
        tasks.append(task)
    async with web(settings) as address:
        page = (await open_page(f"http://{address}/?user=ada")).page
        await assert_smooth(page, tasks, feed)
        await page.close()


async def assert_smooth(page: Page, tasks: list[Task], feed: Feed) -> None:
    await expect(page.locator("li.task")).to_have_count(200)
    await page.evaluate(WATCH)
    for tick in range(1, 61):
        begun = asyncio.get_running_loop().time()
        newer = [task.model_copy(update={"tick": tick, "progress": tick}) for task in tasks]
        events = [TaskEvent.of(task, "task.progress").encode() for task in newer]
        await feed.publish([("tasks#ada", event) for event in events])
        await asyncio.sleep(max(0, begun + 0.05 - asyncio.get_running_loop().time()))
    await expect(page.locator("li.task progress[value='60']")).to_have_count(200)
    seen = json.loads(await page.evaluate("JSON.stringify(seen)"))
    print(f"200 tasks, 12,000 events: {seen}")
    assert seen["shift"] == 0
    assert seen["mutated"] <= seen["frames"] + 10, "the page rendered more than once per frame"
