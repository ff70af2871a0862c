"""`herald dev` runs a project's tasks and restarts the worker when their code changes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from herald.shared.launcher import embedded
from tests.support.launcher import processes_of, read_until, running, started, variables_for

WORKER_IS_READY = "INFO herald.worker.main: worker"
TASKS = """
from pydantic import BaseModel
from herald import Context, task

class Order(BaseModel):
    loaves: int

@task("BAKE_BREAD")
async def bake(ctx: Context, order: Order) -> Order:
    return order
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a package ``baker``."""
    (tmp_path / "project/baker").mkdir(parents=True)
    (tmp_path / "project/baker/__init__.py").write_text("")
    (tmp_path / "project/baker/tasks.py").write_text(TASKS)
    return tmp_path / "project"


@contextmanager
def dev(project: Path, module: str, data_dir: Path, **changes: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``herald dev`` in the project until the end of the block."""
    command = [sys.executable, "-m", "herald.shared.cli", "dev", module]
    changes = {"PORT": str(embedded.free_port()), **changes}
    with running(command, project, variables_for(data_dir, **changes)) as process:
        yield process


def test_a_saved_error_stops_the_worker_and_its_fix_starts_it(
    project: Path, data_dir: Path, set_services: dict[str, str]
) -> None:
    port = embedded.free_port()
    tasks = project / "baker/tasks.py"
    with dev(project, "baker.tasks", data_dir, PORT=str(port), **set_services) as process:
        read_until(process, f"Herald is ready: http://127.0.0.1:{port}")
        [web] = processes_of(data_dir, "-m\0herald.server")
        tasks.write_text("def")
        text = read_until(process, "the worker starts again when you save a change")
        assert "worker | herald: baker/tasks.py changed, restarting the worker" in text
        assert f'File "{tasks}", line 1' in text and "SyntaxError" in text
        assert "Traceback" not in text
        tasks.write_text(TASKS)
        read_until(process, WORKER_IS_READY)
        assert processes_of(data_dir, "-m\0herald.server") == {web}
        assert httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
        process.terminate()
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0 and "did not stop in time" not in output
        assert not processes_of(data_dir)


def test_a_project_that_cannot_be_imported_at_first_is_ready_once_it_is_fixed(
    project: Path, data_dir: Path, set_services: dict[str, str]
) -> None:
    tasks = project / "baker/tasks.py"
    tasks.write_text("import no_such_flour")
    with dev(project, "baker.tasks", data_dir, **set_services) as process:
        text = read_until(process, "the worker starts again when you save a change")
        assert "worker | herald: can't import baker.tasks:" in text
        assert "No module named 'no_such_flour'" in text
        tasks.write_text(TASKS)
        read_until(process, WORKER_IS_READY)


def test_a_worker_that_is_killed_is_restarted(
    project: Path, data_dir: Path, set_services: dict[str, str]
) -> None:
    with dev(project, "baker.tasks", data_dir, **set_services) as process:
        read_until(process, "Herald is ready")
        [worker] = [pid for pid in processes_of(data_dir, "herald.worker") if os.getpgid(pid) != pid]
        os.kill(worker, signal.SIGKILL)
        read_until(process, "herald: worker exited (killed by SIGKILL), restarting")
        read_until(process, WORKER_IS_READY)


def test_an_unknown_module_is_reported_before_anything_starts(project: Path, data_dir: Path) -> None:
    with dev(project, "baker.bread", data_dir) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.splitlines()) == 2 and output.startswith("herald: there is no module 'baker.bread'")


def test_herald_is_ready_once_a_task_type_is_online(
    tmp_path: Path, data_dir: Path, set_services: dict[str, str]
) -> None:
    port = embedded.free_port()
    (tmp_path / "readyz").write_text('{"taskTypes": {"online": 0}}')
    programs = {
        "web": f"{sys.executable} -m http.server {port} --bind 127.0.0.1 --directory {tmp_path}",
        "worker": "sleep 600",
    }
    with started(data_dir, programs, PORT=str(port), **set_services) as process:
        text = read_until(process, '"GET /readyz HTTP/1.1" 200') + read_until(process, "200 -")
        assert "ready:" not in text
        (tmp_path / "readyz").write_text('{"taskTypes": {"online": 3}}')
        read_until(process, "Herald is ready")


def test_a_worker_of_an_unknown_module_does_not_start(project: Path, data_dir: Path) -> None:
    worker = subprocess.run(
        [sys.executable, "-m", "herald.shared.cli", "worker", "baker.bread"],
        cwd=project,
        env=variables_for(data_dir),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert worker.returncode == 1
    assert worker.stderr.startswith("herald: there is no module 'baker.bread'")
