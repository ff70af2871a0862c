"""Types that the page has no code for: their forms, titles and results come from their registration."""

import json
import re

import pytest
from playwright.async_api import Locator, Page, expect
from pydantic import BaseModel

from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, WaitingFor
from herald.shared.tasks.store import Store
from tests.browser.accessibility import LOOKS, assert_accessible, assert_fits
from tests.browser.tab import OpenPage, OpenTab
from tests.support.processes import web
from tests.support.registered import a_type, announce
from tests.support.tasks import a_task

EVENT = {
    "eventName": "Harvest dinner",
    "description": "An evening under the apple trees",
    "startsAt": "2026-09-20T18:30",
    "keywords": "harvest\nlocal food",
    "speakers/0/name": "Ada",
}


class Topic(BaseModel):
    topic: str


@pytest.fixture
def modules() -> str:
    return "tests.support.showcase"


async def open_form(page: Page, task_type: str, **fields: str) -> Locator:
    await page.locator(f"[data-type={task_type}]").click()
    form = page.locator("dialog.task-dialog")
    for name, text in fields.items():
        await form.locator(f"[name='{name}']").fill(text)
    return form


async def submit(page: Page) -> None:
    await page.get_by_role("button", name="Start", exact=True).click()


@pytest.mark.parametrize("look", LOOKS)
async def test_a_type_has_a_form_a_card_and_a_readable_result(open_tab: OpenTab, look: str) -> None:
    tab = await open_tab("ada", **LOOKS[look])
    page = tab.page
    form = await open_form(page, "PLAN_EVENT", **EVENT)
    await expect(form.get_by_role("heading", name="Plan event")).to_be_visible()
    await form.get_by_label("Language").select_option(label="EN")
    await form.get_by_role("button", name="Add venue").click()
    await assert_accessible(page, "the form")
    await assert_fits(page)
    await form.get_by_role("button", name="Remove venue").click()
    await submit(page)

    card = page.locator("li.task")
    await expect(card.get_by_role("heading", name="Harvest dinner")).to_be_visible()
    await expect(card.locator("[data-current-step]")).to_contain_text("of 12")
    await expect(card.locator("[data-emitted]")).to_contain_text("Guests confirmed20")
    await card.get_by_text("Shortlist").click()
    await expect(card.get_by_role("cell", name="Old mill")).to_be_visible()
    await assert_accessible(page, "while it runs")
    await assert_fits(page)

    await expect(page.locator(".toast")).to_contain_text("“Harvest dinner” is ready", timeout=30_000)
    await page.locator(".toast").get_by_role("button", name="View").click()
    result = page.locator("dialog.result")
    await expect(result.get_by_role("heading", name="Key messages")).to_be_visible()
    await expect(result.get_by_role("heading", name="Before the event")).to_be_visible()
    await expect(result.locator("td", has_text="Fire and music")).to_be_visible()
    await expect(result.get_by_role("link", name="example.com/dinner")).to_be_visible()
    await expect(result).to_contain_text("September 20, 2026 at 6:30")
    await assert_accessible(page, "the result")
    await assert_fits(page)


async def test_the_servers_errors_are_shown_at_their_fields(open_tab: OpenTab) -> None:
    tab = await open_tab("ada")
    page = tab.page
    too_long = {"keywords": "harvest\n" + "x" * 21}
    form = await open_form(page, "PLAN_EVENT", **{**EVENT, **too_long})
    await form.get_by_label("Language").select_option(label="DE")
    await form.get_by_role("button", name="Add speaker").click()
    await expect(form.locator("[name='speakers/1/name']")).to_be_focused()
    await form.locator("[name='speakers/0/name']").fill("Bo")
    await form.locator("[name='speakers/1/name']").fill("  ")
    await submit(page)
    keywords = form.locator("[name=keywords]")
    await expect(keywords).to_be_focused()
    await expect(keywords).to_have_accessible_description(
        re.compile("one per line Entry 2: Must have at most 20")
    )
    await expect(form.locator("[data-field='speakers/1'] .error")).to_contain_text("This field is required")
    await keywords.fill("harvest")
    await form.get_by_role("button", name="Remove speaker 1").click()
    await expect(form.locator("[data-field^='speakers'] .error")).to_have_count(0)
    await form.locator("[name='speakers/0/name']").fill("Cleo")
    async with page.expect_request("**/api/jobs?action=create") as sent:
        await submit(page)
    await expect(form).to_have_count(0)
    payload = json.loads((await sent.value).post_data or "")["payload"]
    assert payload["speakers"] == [{"name": "Cleo"}]
    assert payload["keywords"] == ["harvest"]
    assert payload["kind"] == "event"
    assert "venue" not in payload and "discounts" not in payload
    tab.ignore_error("422")


async def test_json_that_cannot_be_read_is_not_sent(open_tab: OpenTab) -> None:
    page = (await open_tab("ada")).page
    form = await open_form(page, "PLAN_EVENT", **EVENT, discounts="{members: 10}")
    await form.get_by_label("Language").select_option(label="EN")
    await submit(page)
    discounts = form.locator("[name=discounts]")
    await expect(discounts).to_be_focused()
    assert "valid JSON" in await discounts.evaluate("input => input.validationMessage")


async def test_a_type_without_a_worker_says_so_before_and_after_the_start(
    open_page: OpenPage, settings: Settings, store: Store
) -> None:
    await announce(store, a_type("SEO_AUDIT", Topic, description="Checks a site."))
    await store.create(a_task(type="SEO_AUDIT", waiting_for=WaitingFor(reason="noWorker")))
    async with web(settings) as address:
        page = (await open_page(f"http://{address}/?user=ada")).page
        card = page.locator("li.task[data-status=queued]")
        await expect(card.get_by_role("heading", name="SEO audit")).to_be_visible()
        await expect(card).to_contain_text("No worker for this type is online")
        await expect(page.locator("[data-type=SEO_AUDIT]")).to_contain_text("No worker online")
        form = await open_form(page, "SEO_AUDIT")
        await expect(form).to_contain_text("The task will wait until one is.")
        await assert_accessible(page, "the form of a type without a worker")
        await page.close()


@pytest.mark.parametrize("look", LOOKS)
async def test_many_types_are_found_by_name_and_those_used_last_are_at_hand(
    open_page: OpenPage, settings: Settings, store: Store, look: str
) -> None:
    await announce(store, *[a_type(f"MAKE_{name}", Topic) for name in "ABCDEFGH"])
    async with web(settings) as address:
        page = (await open_page(f"http://{address}/?user=ada", **LOOKS[look])).page
        cards = page.locator(".task-types .task-type")
        await expect(cards).to_have_count(6)
        await page.get_by_role("button", name="All 11 types…").click()
        await assert_accessible(page, "the list of all types")
        await assert_fits(page)
        await page.get_by_label("Find a type").fill("make g")
        await page.keyboard.press("Enter")
        await page.locator("dialog [name=topic]").fill("Tea")
        await submit(page)
        await expect(page.locator("li.task")).to_be_visible()
        await page.reload()
        await expect(cards.first).to_contain_text("Make g")
        await page.close()


async def test_a_task_of_an_unknown_type_has_the_types_read_again(
    open_page: OpenPage, settings: Settings, store: Store
) -> None:
    async with web(settings) as address:
        tab = await open_page(f"http://{address}/?user=ada")
        await expect(tab.page.locator("[data-type=GENERATE_BRAND_KIT]")).to_be_visible()
        await announce(store, a_type("SEO_AUDIT", Topic))
        task, _ = await store.create(a_task(type="SEO_AUDIT", status=TaskStatus.FAILED))
        await tab.page.locator("[data-filter=failed]").click()
        async with tab.page.expect_request("**/api/taskTypes"):
            await tab.page.get_by_role("button", name="Show older tasks").click()
        await expect(tab.page.locator(f"[data-task-id='{task.task_id}']")).to_be_visible()
        await tab.page.close()
