"""The npm package in a React application: packed, compiled, built with Vite, and driven in a real browser."""

import asyncio
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.processes import ROOT, WORKER, environment, running, web
from tests.support.tasks import a_task
from tests.support.web import serving

APP = ROOT / "tests/browser/reactApp"
TASKS = "tests.browser.press_release"
PACKAGE = "@herald-push/client"

FREEZE_FRAMES = """
const frames = [];
window.requestAnimationFrame = (callback) => frames.push(callback);
window.drawFrame = () => frames.splice(0).forEach((callback) => callback(performance.now()));
"""


def run(command: list[str | Path], cwd: Path) -> str:
    """Run a command and return its output.

    Raises:
        AssertionError: it failed.
    """
    finished = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def pack(workspace: Path) -> Path:
    """Pack the npm package from a copy of its folder; returns the tarball."""
    shutil.copytree(
        ROOT / "static/client", workspace / "static/client", ignore=shutil.ignore_patterns("types")
    )
    shutil.copy(ROOT / "tsconfig.json", workspace)
    (workspace / "node_modules").symlink_to(ROOT / "node_modules")
    name = run(["npm", "pack", "--silent"], workspace / "static/client").strip()
    return workspace / "static/client" / name


def install(tarball: Path, app: Path) -> None:
    """Unpack the package into an application's node_modules, next to links to the other packages."""
    packages = app / "node_modules"
    (packages / PACKAGE).mkdir(parents=True)
    with tarfile.open(tarball) as archive:
        archive.extractall(packages / "package", filter="data")
    (packages / "package/package").replace(packages / PACKAGE)
    for each in (ROOT / "node_modules").iterdir():
        (packages / each.name).symlink_to(each)


def write_guide(folder: Path) -> None:
    """Write the components of the guide, so that they are compiled too."""
    _, *blocks = (ROOT / "docs/front-end.md").read_text().split("```tsx\n")
    for name, block in zip(("main", "PressRelease"), blocks, strict=True):
        (folder / f"{name}.tsx").write_text(block.partition("```")[0])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[str]:
    """The origin of the application, which is not Herald's."""
    files = StaticFiles(directory=tmp_path / "app/dist", html=True, check_dir=False)
    async with serving(Starlette(routes=[Mount("/", files)])) as address:
        yield f"http://{address}"


@pytest.fixture
async def address(settings: Settings, site: str) -> AsyncIterator[str]:
    """The URL of a Herald whose worker runs the team's own task types."""
    variables = {"HERALD_TASKS": TASKS, "HERALD_ALLOWED_ORIGINS": json.dumps([site])}
    with running(WORKER, environment(settings, HERALD_WORKER_GRACE_S="0", HERALD_TASKS=TASKS)):
        async with web(settings, variables=variables) as address:
            yield f"http://{address}"


@pytest.fixture
async def app(address: str, site: str, settings: Settings, tmp_path: Path) -> str:
    """The URL of the application, after a strict compilation with the types that ``herald types`` wrote."""
    folder = tmp_path / "app"
    shutil.copytree(APP, folder)
    (folder / "src/guide").mkdir()
    write_guide(folder / "src/guide")
    tools = folder / "node_modules/.bin"

    def build() -> None:
        install(pack(tmp_path / "workspace"), folder)
        herald = [sys.executable, "-m", "herald.shared.cli", "--url", address, "types"]
        variables = environment(settings)
        subprocess.run([*herald, "--out", folder / "src/herald.ts"], check=True, env=variables, cwd=ROOT)
        run([tools / "tsc"], folder)
        run([tools / "vite", "build", "--logLevel", "warn"], folder)

    await asyncio.to_thread(build)
    return f"{site}/?herald={address}"


async def open_app(browser: Browser, url: str, *, script: str = "") -> tuple[Page, list[str]]:
    """Open the application; returns the page and the errors in its console."""
    page = await browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.add_init_script(script)
    await page.goto(url)
    return page, errors


async def test_an_application_starts_a_task_and_shows_its_progress_its_draft_and_its_result(
    browser: Browser, app: str, store: Store
) -> None:
    earlier = a_task(type="WRITE_PRESS_RELEASE", status=TaskStatus.COMPLETED, completed_at=now())
    await store.create(earlier)
    page, errors = await open_app(browser, app)
    await expect(page.locator("main[data-state=live]")).to_be_visible()
    await expect(page.locator(f"[data-task='{earlier.task_id}']")).to_have_text("completed")

    await page.get_by_role("button", name="Write").click()
    running = page.locator("section[data-status=processing]")
    await expect(page.locator("main[data-count='1']")).to_be_visible()
    await expect(running.locator("h1")).to_have_text("Acme flies")
    await expect(running.locator("[data-step=running]")).to_contain_text("of 4")
    await expect(running.locator("progress:not([value='0'])")).to_be_visible()
    await expect(running.get_by_text("4 points")).to_be_visible()
    await expect(page.locator("pre")).to_contain_text("pleased to announce")

    ended = page.locator("section[data-status=completed]")
    await expect(ended.locator("article")).to_have_count(4, timeout=30_000)
    await expect(ended.locator("article").first).to_have_text("Acme, reason 1.")
    await expect(page.locator("main[data-count='0']")).to_be_visible()

    renders = await page.evaluate("renders")
    others = [renders[key] for key in renders if key not in (earlier.task_id, "draft")]
    assert renders[earlier.task_id] <= 3 < min(others), "an unchanged task was rendered again"
    await run_without_frames(browser, app)
    assert errors == []


async def run_without_frames(browser: Browser, app: str) -> None:
    """A whole task passes while the browser draws no frame; the next frame renders its draft once."""
    page, errors = await open_app(browser, app, script=FREEZE_FRAMES)
    await page.wait_for_function("herald.feed.getSnapshot().state === 'live'", polling=50)
    await page.get_by_role("button", name="Write").click()
    await expect(page.locator("pre")).to_be_attached()
    before = await page.evaluate("renders.draft")
    await page.evaluate("herald.result(herald.feed.getSnapshot().tasks[0])")
    assert await page.evaluate("renders.draft") == before
    await page.evaluate("drawFrame()")
    await expect(page.locator("pre")).to_contain_text("Acme, reason 4: we are pleased to announce it")
    assert await page.evaluate("renders.draft") == before + 1
    assert errors == []
