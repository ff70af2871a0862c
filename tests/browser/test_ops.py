"""The operations page, in a real browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect
from pydantic import BaseModel, SecretStr

from herald.shared.settings import Settings
from herald.shared.tasks.models import EndReason, TaskStatus, WaitingFor, now
from herald.shared.tasks.records import RegistrationProblem
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.browser.accessibility import LOOKS, assert_accessible, assert_fits
from tests.browser.tab import OpenPage
from tests.conftest import SECRET
from tests.support.client import PERSONAS, Herald
from tests.support.processes import web
from tests.support.registered import a_type, announce
from tests.support.tasks import a_task


@pytest.fixture
def pace() -> float:
    return 5


@pytest.fixture
async def herald(address: str, settings: Settings) -> AsyncIterator[Herald]:
    async with Herald.at(address.removeprefix("http://"), TokenIssuer(settings)) as client:
        yield client


async def failed_task(store: Store, **changes: object) -> str:
    fields = {"status": TaskStatus.FAILED, "completed_at": now(), "end_reason": EndReason.QUOTA}
    task = a_task(**{**fields, "retryable": True, "last_error": "the quota is used up", **changes})
    await store.create(task)
    return task.task_id


@pytest.mark.parametrize("look", LOOKS)
async def test_an_operator_can_watch_cancel_retry_and_inspect(
    open_page: OpenPage, address: str, herald: Herald, store: Store, look: str
) -> None:
    failed = await failed_task(store, traceback="Traceback (most recent call last)")
    tab = await open_page(f"{address}/ops", **LOOKS[look])
    page = tab.page
    stats = page.locator(".stats")
    await expect(stats).to_contain_text("Queued0")
    running = (await herald.create(PERSONAS))["taskId"]
    at_work = page.locator(".worker tr", has_text=running[:12])
    await expect(at_work).to_contain_text("ada", timeout=15_000)
    await assert_accessible(page, "while a task runs")
    await assert_fits(page)

    await at_work.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".message")).to_have_text("Cancelled 1 of 1")
    await expect(at_work).to_have_count(0, timeout=15_000)
    assert (await herald.get(f"/api/jobs/{running}")).json()["status"] == "cancelled"

    await (
        page.locator("tr", has_text=failed[:12]).get_by_role("button", name="Auto generate personas").click()
    )
    await expect(page.get_by_text("the quota is used up").last).to_be_visible()
    await page.get_by_text("Traceback", exact=True).click()
    await expect(page.get_by_text("Traceback (most recent call last)")).to_be_visible()
    await assert_accessible(page, "with a traceback")
    await page.get_by_role("button", name="Retry 1 retryable task").click()
    await expect(page.locator(".message")).to_have_text("Retried 1 of 1")
    await expect(page.locator(".worker tr", has_text=failed[:12])).to_be_visible(timeout=15_000)
    await page.get_by_label("Task ID").fill(running)
    await page.get_by_role("button", name="Inspect").click()
    await expect(page.locator(".history")).to_contain_text("Cancelled by operator operator")
    await assert_accessible(page, "with a task's history")
    await assert_fits(page)
    assert not any(request.endswith("/api/ops") for request in tab.requests), (
        "the overview must be pushed, not polled"
    )


async def test_the_task_types_without_a_worker_and_the_refused_ones_are_shown(
    open_page: OpenPage, settings: Settings, store: Store
) -> None:
    class Topic(BaseModel):
        topic: str

    await announce(store, a_type("SEO_AUDIT", Topic, title="Site check"))
    problem = {"type": "SEO_AUDIT", "app": "other", "message": "it belongs to shop", "at": now()}
    await store.task_types.report(RegistrationProblem.model_validate(problem))
    task, _ = await store.create(a_task(type="SEO_AUDIT", waiting_for=WaitingFor(reason="noWorker")))
    async with web(settings) as address:
        page = (await open_page(f"http://{address}/ops")).page
        types = page.locator("section", has=page.get_by_role("heading", name="Task types"))
        await expect(types.get_by_role("row", name="Site check")).to_contain_text("none online")
        await expect(types).to_contain_text("it belongs to shop")
        queue = page.get_by_role("region", name="Active tasks by type")
        await expect(queue).to_contain_text("No worker online")
        await page.get_by_label("Task ID").fill(task.task_id)
        await page.get_by_role("button", name="Inspect").click()
        await expect(page.get_by_text("No worker for this type is online")).to_be_visible()
        await assert_accessible(page, "with a task that waits for a worker")
        await page.close()


async def test_in_production_the_page_asks_for_an_operator_token(
    browser: Browser, settings: Settings, store: Store
) -> None:
    await failed_task(store, user_id="somebody")
    variables = {"HERALD_ENV": "production", "HERALD_AUTH_SECRET": SECRET}
    async with web(settings, variables=variables) as address:
        page = await browser.new_page()
        await page.goto(f"http://{address}/ops")
        tokens = TokenIssuer(settings.model_copy(update={"auth_secret": SecretStr(SECRET)}))
        field = page.get_by_label("Access token with the operator scope")
        await assert_accessible(page, "the form for a token")
        await field.fill(tokens.issue("ada", [], 60))
        await page.get_by_role("button", name="Continue").click()
        await expect(page.get_by_role("alert")).to_contain_text("permission denied")
        await field.fill(tokens.issue("olga", [], 60, scope="operator"))
        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator("td", has_text="somebody")).to_be_visible()
