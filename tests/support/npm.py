"""Packs the npm package, and installs it into a project without a network."""

import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.support.processes import ROOT

PACKAGE = "@herald-push/client"


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
