"""Takes the pictures in docs/ of a running Herald: ``python -m tests.browser.screenshot ADDRESS FOLDER``."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import ARGUMENTS, find
from tests.browser.tab import start

DESKTOP = {"width": 1100, "height": 800}
PICTURES: dict[str, dict[str, Any]] = {
    "page": {"viewport": DESKTOP, "color_scheme": "light"},
    "page-dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "page-phone": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}


async def take(browser: Browser, address: str, folder: Path) -> None:
    """Take a picture per look while tasks run, one of a media plan, and one of the operations page."""
    for name, look in PICTURES.items():
        page = await browser.new_page(**look, device_scale_factor=1.5)
        await page.goto(f"{address}/?user={name}")
        await expect(page.locator("[data-connection=live]")).to_be_visible()
        await start_tasks(page)
        await page.screenshot(path=folder / f"{name}.png")
        if name == "page":
            await page.locator("li.task").last.scroll_into_view_if_needed()
            plan = page.locator("li.task[data-status=completed]", has_text="Media plan").first
            await plan.get_by_role("button", name="View").click(timeout=90_000)
            await expect(page.locator("dialog.result tfoot")).to_be_visible()
            await page.screenshot(path=folder / "plan.png")
            ops_page = await browser.new_page(**look, device_scale_factor=1.5)
            await ops_page.goto(f"{address}/ops")
            await expect(ops_page.locator(".worker")).to_be_visible()
            await page.goto(f"{address}/?user={name}")
            for _ in range(4):
                await start(page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "26"})
                await asyncio.sleep(3)  # the charts need some history
            await expect(ops_page.locator(".worker tbody tr").nth(1)).to_be_visible()
            await ops_page.screenshot(path=folder / "ops.png", full_page=True)
            await ops_page.close()
        await page.close()


async def start_tasks(page: Page) -> None:
    await start(page, "GENERATE_BRAND_KIT")
    await expect(page.locator("li.task progress[value='0']")).to_have_count(0)
    await start(page, "AUTO_GENERATE_PERSONAS")
    await start(page, "GENERATE_MEDIA_PLAN", **{"settings/weeks": "8", "settings/budget": "1200"})
    await expect(page.locator(".toast")).to_be_visible(timeout=60_000)
    await expect(page.locator("[data-draft] p").first).to_be_visible()


async def main(address: str, folder: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        await take(browser, address, Path(folder))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
