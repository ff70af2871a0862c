"""The forms that start a task: validation, and requests that get lost."""

from playwright.async_api import Route, expect

from tests.browser.tab import FORMS, OpenTab, start


async def test_an_invalid_form_stays_open_and_shows_errors_at_their_fields(open_tab: OpenTab) -> None:
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
    await expect(tab.page.locator("#field-keywords-error")).to_contain_text("at most 200 characters")
    await tab.page.locator("[name=keywords]").fill("tea")
    await next_or_start.click()
    await expect(tab.page.locator("[id='field-settings/currency-error']")).to_be_visible()
    await tab.page.locator("[name='settings/currency']").fill("EUR")
    await tab.page.get_by_role("button", name="Start", exact=True).click()
    await expect(tab.page.locator("dialog")).to_have_count(0)
    await expect(tab.page.locator("li.task")).to_have_count(2)
    tab.ignore_error("422")


async def test_resending_a_lost_request_creates_one_task(open_tab: OpenTab) -> None:
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
    tab.ignore_error("ERR_CONNECTION_RESET")
