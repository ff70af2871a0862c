"""Tasks on the page: how users start, follow, cancel, retry and filter them."""

import asyncio
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.browser.tab import FORMS, RESULTS, OpenPage, OpenTab, Tab, start
from tests.support.gemini import error, gemini_server
from tests.support.processes import WORKER, environment, running, web
from tests.support.tasks import a_task


@pytest.mark.parametrize("task_type", FORMS)
async def test_every_open_tab_follows_a_task_live_from_start_to_result(
    open_tab: OpenTab, task_type: str
) -> None:
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

        toast, content = RESULTS[task_type]
        await expect(tab.page.locator(".toast")).to_contain_text(toast)
        await tab.page.locator(".toast").get_by_role("button", name="View").click()
        await expect(tab.page.locator(".toast")).to_have_count(0)
        await expect(tab.page.locator("dialog.result")).to_contain_text(content)
        await tab.page.get_by_role("button", name="Close", exact=True).click()
        await tab.page.locator("li.task").get_by_role("button", name="View").click()
        await expect(tab.page.locator("dialog.result")).to_contain_text(content)

        steps = {event["task"].get("currentStep") for event in tab.pushed("task.step")}
        progress = [event["task"]["progress"] for event in tab.pushed("task.progress")]
        assert len(steps - {None}) >= 2
        assert len(progress) >= 3 and progress == sorted(progress)
        assert len(tab.pushed("task.completed")) == 1
        assert tab.task_requests() == [], "events must be pushed, not polled"

    await expect(foreign.page.locator("li.task")).to_have_count(0)
    assert not any("push" in frame for frame in foreign.frames)


async def test_a_new_tab_shows_running_and_completed_tasks(open_tab: OpenTab) -> None:
    first = await open_tab("ada")
    await start(first.page, "GENERATE_BRAND_KIT")
    await expect(first.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
    await start(first.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "4"})
    later = await open_tab("ada")
    await expect(later.page.locator("li.task")).to_have_count(2)
    await expect(later.page.locator(".toast")).to_have_count(0)
    await expect(later.page.locator("li.task[data-status=completed]")).to_have_count(2, timeout=30_000)
    await expect(later.page.locator(".toast")).to_have_count(1)
    assert later.task_requests() == []


async def test_the_draft_is_shown_while_it_is_written_and_after_a_reload(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "20"})
    draft = tab.page.locator("[data-draft]")
    await expect(draft).to_contain_text("week 3", timeout=15_000)
    await expect(draft).to_contain_text("Call to action")
    await tab.page.reload()
    await expect(draft).to_contain_text("Pottery: a checklist for getting started")
    await expect(draft).not_to_contain_text("…")


async def test_markup_in_the_input_is_shown_as_text(open_tab: OpenTab) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", objective=attack, keywords=attack)
    await expect(tab.page.locator("[data-draft]")).to_contain_text("<b>bold</b>")
    await tab.page.locator("li.task").get_by_role("button", name="View").click(timeout=30_000)
    await expect(tab.page.locator("dialog.result")).to_contain_text("<b>bold</b>")
    assert await tab.page.locator("dialog.result img").count() == 0
    assert await tab.page.title() == "Herald"


async def test_a_cancelled_task_can_be_retried(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    await start(tab.page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "6"})
    await expect(tab.page.locator("li.task .steps .running")).to_be_visible()
    await tab.page.locator("li.task").get_by_role("button", name="Cancel").click()
    await expect(tab.page.locator("li.task[data-status=cancelled]")).to_be_visible()
    await tab.page.locator("li.task").get_by_role("button", name="Retry").click()
    await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)


async def test_a_failed_task_says_what_to_do_and_can_be_retried(
    browser: Browser, settings: Settings, open_page: OpenPage
) -> None:
    async with gemini_server() as model, web(settings) as address:
        usual, model.reply = model.reply, error(403, "PERMISSION_DENIED")
        variables = environment(settings, HERALD_GEMINI_API_KEY="k", HERALD_GEMINI_BASE_URL=model.address)
        with running(WORKER, variables):
            tab = await open_page(f"http://{address}/?user=ada")
            await start(tab.page, "GENERATE_BRAND_KIT")
            await expect(tab.page.locator("li.task .error")).to_contain_text(
                "HERALD_GEMINI_API_KEY", timeout=30_000
            )
            await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit failed")
            model.reply = usual
            await tab.page.locator(".toast").get_by_role("button", name="Retry").click()
            await expect(tab.page.locator("li.task[data-status=completed]")).to_be_visible(timeout=30_000)
            await expect(tab.page.locator("li.task")).to_contain_text("tokens · $")
            await expect(tab.page.locator(".toast")).to_contain_text("Your brand kit is ready")
            await tab.page.close()


async def test_tasks_can_be_filtered_and_older_ones_loaded(open_tab: OpenTab, store: Store) -> None:
    long_ago = now() - timedelta(days=2)
    for number in range(25):
        fields = {"status": TaskStatus.FAILED, "completed_at": long_ago, "last_error": f"Reason {number}"}
        task, _ = await store.create(a_task(created_at=long_ago, updated_at=long_ago, **fields))
        await store.mark_announced(task)  # or else maintenance would publish it
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
