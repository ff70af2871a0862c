"""Finds a Chromium for the browser tests. Run as a module, it installs one if necessary."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES = ("chromium", "fonts-liberation")
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
"""For containers: Chromium cannot use its sandbox as root, and ``/dev/shm`` is small."""


def find() -> str | None:
    """Return the path of a Chromium on the PATH, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    """Install Chromium with apt if permitted, or else the build that comes with Playwright.

    Raises:
        subprocess.CalledProcessError: the installation failed.
    """
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not sudo or _may_sudo()):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            apt = [*sudo, "apt-get", "-qq", *command]
            subprocess.run(apt, check=True, env=environment, stdout=subprocess.DEVNULL)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


def _may_sudo() -> bool:
    return bool(shutil.which("sudo")) and subprocess.run(["sudo", "-n", "true"], check=False).returncode == 0


def _playwright_has_chromium() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def main() -> int:
    """Install a browser if none is found."""
    if find() is None and not _playwright_has_chromium():
        print("installing Chromium for the browser tests", file=sys.stderr)
        try:
            install()
        except subprocess.CalledProcessError:
            print(
                "Chromium could not be installed; install it yourself and put `chromium` on the PATH",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
