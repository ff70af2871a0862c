"""Type checkers understand tasks that import the installed `herald`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import Installed
from tests.support.processes import ROOT

MISTAKES = """\
from herald import Context
from baker.tasks import Order, bake_bread, knead


async def wrong(ctx: Context, order: Order) -> str:
    await bake_bread(ctx, "not an order")
    await ctx.step("Kneading", knead, 1)
    await ctx.map("Kneading", knead, [order])
    bread = await bake_bread(ctx, order)
    loaves = await ctx.map("Kneading", knead, ["rye"])
    return bread.note + loaves[0] + await ctx.step("Kneading", knead, bread.crust)
"""


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_strict_check_passes_and_finds_mistakes(checker: str, installed: Installed, project: Path) -> None:
    (project / "baker/mistakes.py").write_text(MISTAKES)
    if checker == "mypy":
        command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "baker"]
        command += ["--python-executable", str(installed.python)]
    else:
        settings = {"typeCheckingMode": "strict", "include": ["baker"]}
        (project / "pyrightconfig.json").write_text(json.dumps(settings))
        command = [str(ROOT / "node_modules/.bin/pyright"), "--pythonpath", str(installed.python)]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=120)
    output = result.stdout + result.stderr
    # mypy: "file:line: error: …"; pyright: "file:line:column - error: …"
    errors = re.findall(r"^\s*(?:\S*/)?(\w+\.py):(\d+):\S*\s(?:- )?error", output, re.MULTILINE)
    assert set(errors) == {("mistakes.py", str(line)) for line in (6, 7, 8, 11)}, output
