"""The example project of the documentation, with Herald installed from its wheel."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from herald.shared.launcher import embedded
from tests.packaging.conftest import Installed, environment
from tests.support.launcher import processes_of, read_until, running
from tests.support.processes import ROOT


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example project."""
    return shutil.copytree(
        ROOT / "docs/examples/press-release", tmp_path / "press-release", ignore=shutil.ignore_patterns("web")
    )


def test_the_example_s_own_tests_pass(installed: Installed, example: Path) -> None:
    command = [str(installed.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml"]
    variables = environment(example / ".herald", PRESS_RELEASE_PAUSE_S="0")
    result = subprocess.run(command, cwd=example, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "2 passed" in result.stdout


def test_the_example_s_task_survives_the_loss_of_its_worker(installed: Installed, example: Path) -> None:
    port = embedded.free_port()
    data_dir = example / ".herald"
    variables = environment(data_dir, PORT=str(port), HERALD_URL=f"http://127.0.0.1:{port}")
    with running([str(installed.herald), "dev", "press_release.tasks"], example, variables) as dev:
        read_until(dev, "Herald is ready")
        start = [str(installed.python), "-m", "press_release.start"]
        with subprocess.Popen(
            start, cwd=example, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as client:
            before = read_until(client, "% Writing")
            for pid in processes_of(data_dir, "herald.worker"):
                os.kill(pid, signal.SIGKILL)
            assert client.stdout is not None
            after = client.stdout.read()
            assert client.wait(timeout=60) == 0, before + after
    assert "Finding the angle" in before
    assert "Finding the angle" not in after, "the finished step was run again"
    assert after.count("That is what customers have been asking for.") == 3
    assert re.search(r'"contact": "press@adabicycles\.example"', after)
