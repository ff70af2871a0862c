"""Everybody can use the page: by keyboard, with a screen reader, on a phone, in the dark, and under load."""

import asyncio
import json
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Step, Task, TaskStatus
from herald.shared.tasks.store import Store
from tests.browser.test_page import FORMS, OpenPage, OpenTab, open_page, open_tab, start
from tests.support.processes import ROOT, web
from tests.support.tasks import a_task

__all__ = ["open_page", "open_tab"]

AXE = ROOT / "node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def see_no_barrier(page: Page, where: str) -> None:
    """Run axe, which comes by the debugger and not through the page's policy."""
    await page.evaluate(await asyncio.to_thread(AXE.read_text))
    found = await page.evaluate(
        "tags => axe.run({ runOnly: tags }).then(({ violations }) => violations)", WCAG
    )
    told = [f"{one['id']}: {[node['html'][:160] for node in one['nodes']]}" for one in found]
    assert told == [], where


async def see_that_it_fits(page: Page) -> None:
    width = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "one has to scroll sideways"


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}


@pytest.mark.parametrize("look", LOOKS)
async def test_no_barrier_is_found_in_any_state(open_tab: OpenTab, store: Store, look: str) -> None:
    await store.create(a_task(status=TaskStatus.FAILED, last_error="The model declined; change the input."))
    tab = await open_tab("ada", **LOOKS[look])
    page = tab.page
    await expect(page.get_by_text("No recent tasks")).to_be_visible()
    await see_no_barrier(page, "empty")
    await page.get_by_role("button", name="Show older tasks").click()
    await expect(page.locator("li.task[data-status=failed]")).to_be_visible()
    for task_type in FORMS if look == "light" else ["GENERATE_MEDIA_PLAN"]:
        await page.locator(f"[data-type={task_type}]").click()
        await see_no_barrier(page, f"the form of {task_type}")
        await see_that_it_fits(page)
        await page.get_by_role("button", name="Close", exact=True).click()
        await start(page, task_type)
        await expect(page.locator("li.task[data-status=processing] [data-draft] p b").first).to_be_visible()
        await page.locator(".indicator").click()
        await see_no_barrier(page, f"{task_type} while it runs")
        await see_that_it_fits(page)
        await page.keyboard.press("Escape")
        await expect(page.locator("li.task[data-status=processing]")).to_have_count(0, timeout=30_000)
        await expect(page.locator(".toast")).to_be_visible()
        await see_no_barrier(page, f"{task_type} with a message")
        await page.locator(".toast").get_by_role("button", name="View").click()
        await expect(page.locator("dialog.result h3").first).to_be_visible()
        await see_no_barrier(page, f"the result of {task_type}")
        await see_that_it_fits(page)
        await page.get_by_role("button", name="Close", exact=True).click()


async def test_the_reference_can_be_read_by_everybody(browser: Browser, address: str) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    await page.goto(f"{address}/docs")
    await expect(page.get_by_role("heading", name="POST /api/jobs", exact=True)).to_be_visible()
    await see_no_barrier(page, "the reference")
    await see_that_it_fits(page)


async def test_a_task_is_started_watched_and_read_by_keyboard_alone(open_tab: OpenTab) -> None:
    page = (await open_tab("ada")).page

    async def reach(selector: str) -> None:
        for _ in range(40):
            if await page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
                return
            await page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached")

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
    await expect(page.locator("dialog.result")).to_contain_text("Northlight")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)


async def test_a_message_waits_while_one_points_at_it(open_tab: OpenTab) -> None:
    page = (await open_tab("ada")).page
    await page.clock.install()
    await page.reload()
    await start(page, "AUTO_GENERATE_PERSONAS")
    toast = page.locator(".toast")
    await expect(toast).to_be_visible(timeout=30_000)
    await toast.hover()
    await page.clock.run_for(500)  # until the page has taken it in
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


async def test_two_hundred_busy_tasks_are_drawn_once_a_frame_and_nothing_moves(
    open_page: OpenPage, settings: Settings, store: Store, feed: Feed
) -> None:
    """There is no worker: what it would tell is told here."""
    tasks = []
    for _ in range(200):
        steps = [Step(name="Writing posts", status="running")]
        task, _ = await store.create(
            a_task(status=TaskStatus.PROCESSING, current_step="Writing posts", steps=steps, attempt=1)
        )
        tasks.append(task)
    async with web(settings) as address:
        page = (await open_page(f"http://{address}/?user=ada")).page
        await see_smoothness(page, tasks, feed)
        await page.close()


async def see_smoothness(page: Page, tasks: list[Task], feed: Feed) -> None:
    await expect(page.locator("li.task")).to_have_count(200)
    await page.evaluate(WATCH)
    for tick in range(1, 61):
        begun = asyncio.get_running_loop().time()
        newer = [task.model_copy(update={"tick": tick, "progress": tick}) for task in tasks]
        events = [TaskEvent.of(task, "task.progress").encode() for task in newer]
        await feed.publish_each([("tasks#ada", event) for event in events])
        await asyncio.sleep(max(0, begun + 0.05 - asyncio.get_running_loop().time()))
    await expect(page.locator("li.task progress[value='60']")).to_have_count(200)
    seen = json.loads(await page.evaluate("JSON.stringify(seen)"))
    print(f"200 tasks, 12,000 events: {seen}")
    assert seen["shift"] == 0
    assert seen["mutated"] <= seen["frames"] + 10, "more was drawn than there were frames"
