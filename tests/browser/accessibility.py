"""Checks of a page against WCAG with axe, in the looks that the page supports."""

import asyncio
from typing import Any

from playwright.async_api import Page

from tests.support.processes import ROOT

AXE = ROOT / "node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def assert_accessible(page: Page, where: str) -> None:
    """Run axe on the page. The debugger injects it, so the Content Security Policy does not block it."""
    await page.evaluate(await asyncio.to_thread(AXE.read_text))
    violations = await page.evaluate(
        "tags => axe.run({ runOnly: tags }).then(({ violations }) => violations)", WCAG
    )
    assert [f"{rule['id']}: {[node['html'][:160] for node in rule['nodes']]}" for rule in violations] == [], (
        where
    )


async def assert_fits(page: Page) -> None:
    """Check that the page needs no horizontal scrolling."""
    width = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page scrolls horizontally"


LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
}
