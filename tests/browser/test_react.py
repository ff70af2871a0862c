"""The React bindings, in a React application in a real browser."""

import asyncio
import subprocess
from pathlib import Path

from playwright.async_api import Browser, expect

from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.processes import ROOT
from tests.support.tasks import a_task

INJECT = """
() => {
  document.body.innerHTML = '<div id="root"></div>';
  document.body.append(Object.assign(document.createElement("script"), { type: "module", src: "/react-app.js" }));
}
"""


def bundle(source: Path, to: Path) -> str:
    """Bundle an application into one file, as a team's own build would."""
    esbuild = ROOT / "node_modules/.bin/esbuild"
    options = [
        "--bundle",
        "--format=esm",
        "--preserve-symlinks",
        "--jsx=automatic",
        '--define:process.env.NODE_ENV="development"',
    ]
    subprocess.run([esbuild, source, *options, f"--outfile={to}", "--log-level=warning"], check=True)
    return to.read_text()


async def test_the_hooks_follow_a_task_live(
    browser: Browser, address: str, store: Store, tmp_path: Path
) -> None:
    script = await asyncio.to_thread(bundle, ROOT / "tests/browser/reactApp.jsx", tmp_path / "app.js")
    ended, _ = await store.create(a_task(status=TaskStatus.COMPLETED, completed_at=now()))
    page = await browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.route(
        "**/react-app.js", lambda route: route.fulfill(body=script, content_type="text/javascript")
    )
    await page.goto(
        f"{address}/readyz"
    )  # same origin, but without the Content Security Policy of the demo page
    await page.evaluate(INJECT)
    await expect(page.locator("main[data-state=live][data-count='0']")).to_be_visible()
    await expect(page.locator(f"[data-task='{ended.task_id}']")).to_be_visible()
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("main[data-count='1']")).to_be_visible()
    running = page.locator("li[data-status=processing]")
    await expect(running.locator("pre")).to_contain_text("situation")
    await expect(page.locator("main:not([data-progress='0'])")).to_be_visible()
    await expect(page.locator("main[data-count='0']")).to_be_visible(timeout=30_000)
    await expect(page.locator("li[data-status=completed]")).to_have_count(2)
    drawn = await page.evaluate("drawn")
    others = [count for task_id, count in drawn.items() if task_id != ended.task_id]
    assert drawn[ended.task_id] <= 4 < min(others), "an unchanged task was rendered again"
    assert errors == []


def test_the_example_of_the_guide_can_be_bundled(tmp_path: Path) -> None:
    guide = (ROOT / "docs/front-end.md").read_text()
    (tmp_path / "Indicator.jsx").write_text(guide.split("```jsx\n")[1].split("```")[0])
    (tmp_path / "herald").symlink_to(ROOT / "static/client")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    bundled = bundle(tmp_path / "Indicator.jsx", tmp_path / "bundle.js")
    assert "useSyncExternalStore" in bundled and "https://herald.example.com" in bundled
