"""Takes the README's picture of a running Herald: ``python -m tests.browser.screenshot ADDRESS FILE``."""

import asyncio
import sys

from playwright.async_api import async_playwright, expect

from tests.browser.chromium import ARGUMENTS, find
from tests.browser.test_page import start


async def take(address: str, file: str) -> None:
    """Start one task of each type, and take the picture when the first is ready and the others run."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1100, "height": 800}, device_scale_factor=1.5)
        await page.goto(f"{address}/?user=ada")
        await expect(page.locator("[data-connection=live]")).to_be_visible()
        await start(page, "GENERATE_BRAND_KIT")
        await expect(page.locator("li.task progress[value='0']")).to_have_count(0)
        await start(page, "AUTO_GENERATE_PERSONAS")
        await start(page, "GENERATE_MEDIA_PLAN")
        await expect(page.locator(".toast")).to_be_visible(timeout=60_000)
        await page.screenshot(path=file)
        await browser.close()


if __name__ == "__main__":
    asyncio.run(take(*sys.argv[1:]))
