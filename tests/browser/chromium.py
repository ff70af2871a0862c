"""Finds a Chromium for the browser tests; run as a module, it installs one if there is none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-liberation")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
"""As root, which is what containers run as, Chromium has no sandbox; ``/dev/shm`` is small there."""


def find() -> str | None:
    """The browser's path; None if there is none on the PATH."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Chromium by the system's packages where we may, or else Playwright's own build.

    Raises:
        subprocess.CalledProcessError: it could not be installed.
    """
    as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not as_root or _may_sudo()):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            apt = [*as_root, "apt-get", "-qq", *command]
            subprocess.run(apt, check=True, env=environment, stdout=subprocess.DEVNULL)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def _may_sudo() -> bool:
    return bool(shutil.which("sudo")) and subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0


def _playwright_has_one() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def main() -> int:
    """Install a browser unless there is one."""
    if find() is None and not _playwright_has_one():
        print("installing Chromium for the browser tests", file=sys.stderr)
        try:
            install()
        except subprocess.CalledProcessError:
            print("Chromium could not be installed; put a `chromium` on the PATH", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
