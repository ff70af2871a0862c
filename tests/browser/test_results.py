"""Results can be downloaded, printed and copied."""

import asyncio
import json
from pathlib import Path

from playwright.async_api import expect

from tests.browser.tab import OpenTab, start

PRINTED = """
() => {
  const dialog = document.querySelector("dialog");
  const paper = document.documentElement.scrollHeight;
  return { top: dialog.getBoundingClientRect().top + scrollY, height: dialog.scrollHeight, paper };
}
"""


async def test_a_result_can_be_downloaded_printed_and_copied(open_tab: OpenTab) -> None:
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
            assert json.loads(text)["budget"]["total"] == 99.5
        else:
            assert text.startswith("\ufeffDate,Week,Channel,Title,Copy,Hashtags,Call to action\n")
            assert len(text.splitlines()) == 1 + 3
    await tab.page.emulate_media(media="print")
    shown = await tab.page.evaluate(PRINTED)
    assert shown["top"] == 0 and shown["height"] <= shown["paper"], "part of the result is not printed"
    await tab.page.emulate_media(media="screen")
    await tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.page.get_by_role("button", name="Copy").click()
    await expect(tab.page.get_by_role("button", name="Copied")).to_be_visible()
    assert "Sell out the workshop" in await tab.page.evaluate("navigator.clipboard.readText()")
