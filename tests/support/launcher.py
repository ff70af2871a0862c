"""Runs the launcher with a Procfile, and finds its processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from tests.support.processes import ROOT

PRINT_ADDRESSES = "sh -c 'echo $HERALD_REDIS_URL $HERALD_MONGO_URL; echo all set; exec sleep 600'"
IGNORES_SIGTERM = "sh -c 'trap \"\" TERM; echo all set; while :; do sleep 1; done'"


def variables_for(data_dir: Path, **changes: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    path = f"{Path(sys.executable).parent}:{ours['PATH']}"
    return {**ours, "PATH": path, "HERALD_DATA_DIR": str(data_dir), **changes}


@contextmanager
def started(data_dir: Path, programs: dict[str, str], **changes: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``programs``, or Herald's own Procfile if there are none, until the end of the block."""
    arguments = []
    if programs:
        procfile = data_dir.with_name("Procfile")
        procfile.write_text("".join(f"{name}: {command}\n" for name, command in programs.items()))
        arguments = [str(procfile)]
    command = [sys.executable, "-m", "herald.shared.launcher", *arguments]
    with running(command, ROOT, variables_for(data_dir, **changes)) as process:
        yield process


@contextmanager
def running(
    command: Sequence[str], directory: Path, variables: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Run the launcher by this command until the end of the block."""
    with subprocess.Popen(
        command,
        cwd=directory,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        watchdog = Timer(120, process.kill)  # ends a `read_until` that would wait forever
        watchdog.start()
        try:
            yield process
            process.terminate()
            process.communicate(timeout=60)
        finally:
            process.kill()
            watchdog.cancel()


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if wanted in line:
            return text
    raise AssertionError(f"{wanted!r} was never printed, but:\n{text}")


def processes_of(data_dir: Path, known_by: str = "") -> set[int]:
    """The ids of the run's processes whose command line contains ``known_by``.

    Valkey overwrites its command line and environment, so its working directory is checked, too.
    """
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_text()
                known = command + (entry / "environ").read_text() + str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(data_dir) in known and known_by in command:
                found.add(int(entry.name))
    return found


def group_leader(data_dir: Path, known_by: str) -> int:
    """The id of the run's process with this command line that leads a group."""
    [pid] = [pid for pid in processes_of(data_dir, known_by) if os.getpgid(pid) == pid]
    return pid


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true within a minute"
        time.sleep(0.05)


def one_line(process: subprocess.Popen[str]) -> str:
    """The single line that a failed start prints."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.splitlines()) == 1, output
    return output
