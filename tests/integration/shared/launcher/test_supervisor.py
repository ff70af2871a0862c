"""`make run` restarts processes that die, stops on signals, and leaves nothing behind."""

import fcntl
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from herald.shared.launcher import embedded
from herald.shared.launcher.supervisor import DISTINCT_AFTER_S
from tests.support.launcher import (
    IGNORES_SIGTERM,
    PRINT_ADDRESSES,
    group_leader,
    processes_of,
    read_until,
    started,
    variables_for,
    wait_until,
)
from tests.support.processes import ROOT


def a_task_completes(address: str) -> bool:
    """Create a task, retrying while services restart, and wait until it completes."""
    with httpx2.Client(base_url=address, timeout=60) as http:
        task_id = None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if task_id is None:
                    token = http.post("/api/token", json={"userId": "ada"}).json()["token"]
                    http.headers["Authorization"] = f"Bearer {token}"
                    payload = {"product": "A bicycle bell", "count": 2}
                    job = {"type": "AUTO_GENERATE_PERSONAS", "payload": payload}
                    answer = http.post("/api/jobs", json=job)
                    if answer.status_code == 202:
                        task_id = answer.json()["taskId"]
                elif http.get(f"/api/jobs/{task_id}").json().get("status") == "completed":
                    return True
            except (httpx2.TransportError, ValueError, KeyError):
                pass
            time.sleep(0.1)
    return False


def test_killed_processes_are_restarted_and_tasks_complete(data_dir: Path) -> None:
    port = str(embedded.free_port())
    address = f"http://127.0.0.1:{port}"
    changes = {"PORT": port, "WEB_CONCURRENCY": "2", "HERALD_OFFLINE_WORDS_PER_SECOND": "0"}
    with started(data_dir, {}, **changes) as process:
        text = read_until(process, "Herald is ready")
        assert text.splitlines()[-1].endswith(address)
        assert re.search(r"^\d\d:\d\d:\d\d web    \| INFO", text, re.MULTILINE)
        for name, command in (
            ("worker", "-m\0herald.worker"),
            ("web", "-m\0herald.server"),
            ("the embedded Valkey", "valkey-server"),
            ("the embedded MongoDB-wire server", "secantus"),
        ):
            victim = group_leader(data_dir, command)
            os.kill(victim, signal.SIGKILL)
            read_until(process, f"herald: {name} exited (killed by SIGKILL), restarting")
            assert a_task_completes(address), name
            # The rest of its group is gone, too, such as the web process's children.
            assert not [pid for pid in processes_of(data_dir) if os.getpgid(pid) == victim]
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in output
        assert not processes_of(data_dir)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_nothing_is_left_when_the_supervisor_is_killed(data_dir: Path) -> None:
    port = str(embedded.free_port())
    with started(data_dir, {}, PORT=port, WEB_CONCURRENCY="2") as process:
        read_until(process, "Herald is ready")
        [watcher] = processes_of(data_dir, "watcher.py")
        os.kill(watcher, signal.SIGKILL)
        wait_until(lambda: processes_of(data_dir, "watcher.py") - {watcher})
        web = group_leader(data_dir, "-m\0herald.server")
        children = {pid for pid in processes_of(data_dir) if os.getpgid(pid) == web} - {web}
        assert len(children) >= 2
        for hung in children:
            os.kill(hung, signal.SIGSTOP)  # cannot handle SIGTERM, and its parent waits for it
        process.kill()
        process.wait()
        with started(data_dir, {"show": PRINT_ADDRESSES}) as successor:
            read_until(successor, "all set")
            assert not children & processes_of(data_dir)  # the next start waited for them
        wait_until(lambda: not processes_of(data_dir))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(data_dir: Path, signum: int, set_services: dict[str, str]) -> None:
    with started(data_dir, {"show": PRINT_ADDRESSES}, **set_services) as process:
        assert " ".join(set_services.values()) in read_until(process, "all set")
        process.send_signal(signum)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert output == "herald: stopping\n"
        assert not processes_of(data_dir)
    assert not data_dir.exists()


def test_a_second_signal_kills_processes_that_do_not_stop(
    data_dir: Path, set_services: dict[str, str]
) -> None:
    with started(data_dir, {"deaf": IGNORES_SIGTERM}, **set_services) as process:
        read_until(process, "all set")
        process.send_signal(signal.SIGINT)
        read_until(process, "herald: stopping")
        time.sleep(2 * DISTINCT_AFTER_S)  # sooner, it would count as the same signal
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert "herald: deaf did not stop in time, killing it" in output
        assert process.returncode == 128 + signal.SIGINT
        assert not processes_of(data_dir)


def test_ctrl_c_in_a_terminal_stops_make_run_cleanly(data_dir: Path) -> None:
    terminal, ours = pty.openpty()
    with (
        open(terminal, "r+b", buffering=0) as screen,  # noqa: PTH123  a descriptor
        subprocess.Popen(
            ["make", "-o", "setup", "run"],
            cwd=ROOT,
            env=variables_for(data_dir, PORT=str(embedded.free_port())),
            stdin=ours,
            stdout=ours,
            stderr=ours,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        ) as process,
    ):
        os.close(ours)
        shown = b""
        while b"Herald is ready" not in shown:
            shown += screen.read(1024)
        screen.write(b"\x03")
        with suppress(OSError):  # Linux raises it once no process has the terminal
            while piece := screen.read(1024):
                shown += piece
    assert b"Traceback" not in shown and b"herald: stopping" in shown
    assert b"\x1b[36m" in shown  # coloured, since it is a terminal
    assert process.returncode == -signal.SIGINT  # how make itself exits; a shell shows 130
    assert not processes_of(data_dir)
