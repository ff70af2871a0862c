"""The wheel contains every package, script and page of the repository, and the libraries that the pages load."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
SETUPTOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
LOCKED: dict[str, Any] = json.loads((ROOT / "package-lock.json").read_text())["packages"]
LIBRARIES = sorted((STATIC / "vendor").glob("*.mjs"))


def folder_of(package: str) -> Path:
    """The folder of a package, by the longest entry of ``package-dir`` that contains it."""
    root = max((name for name in SETUPTOOLS["package-dir"] if package.startswith(name)), key=len)
    inner = package.removeprefix(root).strip(".")
    top: str = SETUPTOOLS["package-dir"][root]
    return ROOT / top / inner.replace(".", "/")


def test_exactly_the_packages_that_exist_are_listed() -> None:
    folders = {folder_of(package) for package in SETUPTOOLS["packages"]}
    pages = {folder for folder in folders if folder.is_relative_to(STATIC)}
    existing = {
        source.parent for top in SETUPTOOLS["package-dir"].values() for source in (ROOT / top).rglob("*.py")
    }
    assert folders - pages == existing
    assert all((folder / "__init__.py").is_file() for folder in existing)
    # Setuptools warns about each folder that could be a package but is not listed.
    inside = {folder for folder in STATIC.rglob("*") if folder.is_dir()} - {STATIC / "client/types"}
    assert pages == {
        STATIC,
        *(
            folder
            for folder in inside
            if all(part.isidentifier() for part in folder.relative_to(STATIC).parts)
        ),
    }


@pytest.mark.parametrize("suffix", ["lua", "html", "css", "js", "mjs", "svg"])
def test_every_file_that_is_not_python_is_package_data(suffix: str) -> None:
    tops = {ROOT / top for top in SETUPTOOLS["package-dir"].values()}
    files = {path for top in tops for path in top.rglob(f"*.{suffix}")}
    assert files, "the search looks in the right place"
    included = {
        path
        for package in SETUPTOOLS["packages"]
        for name in ("*", package)
        for pattern in SETUPTOOLS["package-data"].get(name, ())
        for path in folder_of(package).glob(pattern)
    }
    assert files <= included


@pytest.mark.parametrize("page", ["index.html", "admin.html"])
def test_every_library_of_a_page_is_there(page: str) -> None:
    import_map = re.search(r'<script type="importmap">(.*?)</script>', (STATIC / page).read_text(), re.DOTALL)
    assert import_map is not None
    addresses = json.loads(import_map[1])["imports"].values()
    names = {address.removeprefix("/vendor/") for address in addresses if address.startswith("/vendor/")}
    assert names and names <= {path.name for path in LIBRARIES}


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_library_is_a_copy_of_the_pinned_version(library: Path) -> None:
    originals = [
        path
        for name in ("centrifuge", "htm", "preact")
        for path in (ROOT / "node_modules" / name).rglob("*.mjs")
    ]
    assert library.read_bytes() in [path.read_bytes() for path in originals], "run `make vendor`"


def test_each_library_has_its_licence_and_version() -> None:
    shown = set(
        re.findall(r"^([a-z]+) (\d+\.\d+\.\d+)$", (STATIC / "vendor/LICENSES.txt").read_text(), re.MULTILINE)
    )
    names = ("centrifuge", "events", "htm", "preact")  # centrifuge's file contains events
    assert shown == {(name, LOCKED[f"node_modules/{name}"]["version"]) for name in names}, "run `make vendor`"
