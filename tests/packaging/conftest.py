"""The wheel, installed into a fresh virtual environment, and a project beside it with tasks of its own."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.launcher import variables_for
from tests.support.processes import ROOT

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "server", "shared", "static", "worker")
PROJECT = {
    # Packages with the names of Herald's own folders.
    "server/__init__.py": 'ROLE = "serves bread"\n',
    "shared/__init__.py": 'ROLE = "shared by all bakers"\n',
    "worker/__init__.py": 'ROLE = "works at night"\n',
    "static/index.html": "not the page\n",
    "baker/__init__.py": "",
    "baker/tasks.py": '''
import server
import shared
import worker
from herald import Context, Fail, Retry, task
from pydantic import BaseModel, Field

ROLES = [server.ROLE, shared.ROLE, worker.ROLE]


class Order(BaseModel):
    loaves: int = Field(ge=1, le=100)
    flour: str = "rye"


class Loaf(BaseModel):
    grams: float


class Bread(BaseModel):
    loaves: list[Loaf]
    note: str


def knead(flour: str) -> str:
    return f"{flour} dough"


async def bake(number: int, dough: str, grams: float = 500) -> Loaf:
    if not dough:
        raise Retry("the dough is not ready", after=5)
    return Loaf(grams=grams + number)


@task("BAKE_BREAD", retries=2, timeout=60, title="{loaves} loaves of {flour}")
async def bake_bread(ctx: Context, order: Order) -> Bread:
    """Bake loaves of bread."""
    if order.flour == "sand":
        raise Fail("Sand is not flour", reason="badInput")
    dough = await ctx.step("Kneading", knead, order.flour)
    loaves = await ctx.map("Baking", bake, range(order.loaves), dough, limit=2)
    ctx.emit("weight", sum(loaf.grams for loaf in loaves))
    ctx.progress(1.0, "baked")
    return Bread(loaves=loaves, note=dough.upper())
''',
}


class Installed:
    """A virtual environment with the installed wheel."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin/python"
        self.herald = folder / "bin/herald"
        [self.packages] = (folder / "lib").glob("python*/site-packages")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources; setuptools leaves files beside them."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    [built] = out.iterdir()
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment with the wheel; it borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    environment = Installed(folder)
    _pip(
        *("--python", str(environment.python), "install"),
        *("--no-deps", "--no-index", "--no-compile", str(wheel)),
    )
    borrowed = [path for path in sys.path if any(Path(path).glob("*.dist-info"))]
    (environment.packages / "borrowed.pth").write_text("\n".join(borrowed))
    return environment


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with its own packages ``server``, ``shared`` and ``worker``, and with tasks in ``baker``."""
    folder = tmp_path / "project"
    for name, text in PROJECT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def environment(data_dir: Path, **changes: str) -> dict[str, str]:
    """Variables for a run that finds nothing of this repository and no Node."""
    path = [entry for entry in os.environ["PATH"].split(":") if not (Path(entry) / "node").exists()]
    variables = variables_for(data_dir, **changes)
    variables.pop("PYTHONPATH", None)
    return {**variables, "PATH": ":".join(path)}


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True, timeout=120)
