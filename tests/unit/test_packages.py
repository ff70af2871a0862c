"""The wheel contains every package of the repository, and the scripts that the code reads."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SETUPTOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def folder_of(package: str) -> Path:
    """The folder of a package, by the longest entry of ``package-dir`` that contains it."""
    root = max((name for name in SETUPTOOLS["package-dir"] if package.startswith(name)), key=len)
    inner = package.removeprefix(root).strip(".")
    top: str = SETUPTOOLS["package-dir"][root]
    return ROOT / top / inner.replace(".", "/")


def test_exactly_the_packages_that_exist_are_listed() -> None:
    folders = {folder_of(package) for package in SETUPTOOLS["packages"]}
    existing = {
        source.parent for top in SETUPTOOLS["package-dir"].values() for source in (ROOT / top).rglob("*.py")
    }
    assert folders == existing
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_every_lua_script_is_package_data() -> None:
    scripts = {path for top in ("shared", "server", "worker") for path in (ROOT / top).rglob("*.lua")}
    assert scripts, "the search looks in the right place"
    included = {
        path
        for package in SETUPTOOLS["packages"]
        for name in ("*", package)
        for pattern in SETUPTOOLS["package-data"].get(name, ())
        for path in folder_of(package).glob(pattern)
    }
    assert scripts <= included
