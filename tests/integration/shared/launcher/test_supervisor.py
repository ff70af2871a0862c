"""`python -m herald.shared.launcher`, as `make run` uses it: what dies comes back, and nothing is left behind."""

import fcntl
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import httpx2
import pytest
import redis
from pymongo import MongoClient

from herald.shared.launcher import embedded
from herald.shared.launcher.supervisor import DISTINCT_AFTER_S
from tests.support.processes import ROOT

PRINT_ADDRESSES = "sh -c 'echo $HERALD_REDIS_URL $HERALD_MONGO_URL; echo all set; exec sleep 600'"
IGNORES_SIGTERM = "sh -c 'trap \"\" TERM; echo all set; while :; do sleep 1; done'"


def variables_for(data_dir: Path, **changes: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    path = f"{Path(sys.executable).parent}:{ours['PATH']}"
    return {**ours, "PATH": path, "HERALD_DATA_DIR": str(data_dir), **changes}


@contextmanager
def started(data_dir: Path, programs: dict[str, str], **changes: str) -> Iterator[subprocess.Popen[str]]:
    """A run of a Procfile with these programs, or of Herald's own; stopped at the end of the block."""
    arguments = []
    if programs:
        procfile = data_dir.with_name("Procfile")
        procfile.write_text("".join(f"{name}: {command}\n" for name, command in programs.items()))
        arguments = [str(procfile)]
    with subprocess.Popen(
        [sys.executable, "-m", "herald.shared.launcher", *arguments],
        cwd=ROOT,
        env=variables_for(data_dir, **changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        watchdog = Timer(120, process.kill)  # ends a `read_until` that waits in vain
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


def family(data_dir: Path, known_by: str = "") -> set[int]:
    """The processes of the run with this directory whose command line holds ``known_by``.

    Valkey overwrites its command line and environment; its working directory gives it away.
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


def leader(data_dir: Path, known_by: str) -> int:
    """The process of this run with this command line that leads a group."""
    [pid] = [pid for pid in family(data_dir, known_by) if os.getpgid(pid) == pid]
    return pid


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    for pid in family(tmp_path / "data"):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def set_services(services: dict[str, embedded.Server]) -> dict[str, str]:
    """Variables that make a run use the tests' servers, so that it starts none."""
    return {name: server.url for name, server in services.items()}


def a_task_completes(address: str) -> bool:
    """Submit a task, which a service that is just coming back may refuse at first, and wait for its end."""
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


def test_each_part_that_is_killed_comes_back_and_tasks_go_on(data_dir: Path) -> None:
    port = str(embedded.free_port())
    address = f"http://127.0.0.1:{port}"
    changes = {"PORT": port, "WEB_CONCURRENCY": "2", "HERALD_OFFLINE_WORDS_PER_SECOND": "0"}
    with started(data_dir, {}, **changes) as process:
        text = read_until(process, "Herald is ready")
        assert text.splitlines()[-1].endswith(address)
        assert re.search(r"^\d\d:\d\d:\d\d web    \| INFO", text, re.MULTILINE)
        for name, command in (
            ("worker", "herald.worker.main"),
            ("web", "-m\0herald.server"),
            ("the embedded Valkey", "valkey-server"),
            ("the embedded MongoDB-wire server", "secantus"),
        ):
            victim = leader(data_dir, command)
            os.kill(victim, signal.SIGKILL)
            read_until(process, f"herald: {name} ended (killed by SIGKILL), starting it again")
            assert a_task_completes(address), name
            # Nothing is left of its group either, such as the children of the web process.
            assert not [pid for pid in family(data_dir) if os.getpgid(pid) == victim]
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in output
        assert not family(data_dir)


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes by /proc")
def test_nothing_is_left_when_the_supervisor_is_killed(data_dir: Path) -> None:
    port = str(embedded.free_port())
    with started(data_dir, {}, PORT=port, WEB_CONCURRENCY="2") as process:
        read_until(process, "Herald is ready")
        [watcher] = family(data_dir, "watcher.py")
        os.kill(watcher, signal.SIGKILL)
        until(lambda: family(data_dir, "watcher.py") - {watcher})
        web = leader(data_dir, "-m\0herald.server")
        children = {pid for pid in family(data_dir) if os.getpgid(pid) == web} - {web}
        assert len(children) >= 2
        for hung in children:
            os.kill(hung, signal.SIGSTOP)  # deaf to SIGTERM, and its parent waits for it
        process.kill()
        process.wait()
        with started(data_dir, {"show": PRINT_ADDRESSES}) as successor:
            read_until(successor, "all set")
            assert not children & family(data_dir)  # it has waited for them
        until(lambda: not family(data_dir))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(data_dir: Path, signum: int, set_services: dict[str, str]) -> None:
    with started(data_dir, {"show": PRINT_ADDRESSES}, **set_services) as process:
        assert " ".join(set_services.values()) in read_until(process, "all set")
        process.send_signal(signum)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert output == "herald: stopping\n"
        assert not family(data_dir)
    assert not data_dir.exists()


def test_a_second_signal_kills_what_does_not_stop(data_dir: Path, set_services: dict[str, str]) -> None:
    with started(data_dir, {"deaf": IGNORES_SIGTERM}, **set_services) as process:
        read_until(process, "all set")
        process.send_signal(signal.SIGINT)
        read_until(process, "herald: stopping")
        time.sleep(2 * DISTINCT_AFTER_S)  # a person presses it again; sooner, it counts as the same wish
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert "herald: deaf did not stop, killing it" in output
        assert process.returncode == 128 + signal.SIGINT
        assert not family(data_dir)


def test_ctrl_c_in_a_terminal_ends_make_run_cleanly(data_dir: Path) -> None:
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
        with suppress(OSError):  # so Linux says that nobody has the terminal any more
            while piece := screen.read(1024):
                shown += piece
    assert b"Traceback" not in shown and b"herald: stopping" in shown
    assert b"\x1b[36m" in shown  # colours, as in a terminal
    assert process.returncode == -signal.SIGINT  # make's own way to end then; a shell shows 130
    assert not family(data_dir)


def test_stored_data_is_there_at_the_next_start(data_dir: Path) -> None:
    for round_number in range(2):
        with started(data_dir, {"show": PRINT_ADDRESSES}) as process:
            text = read_until(process, "all set")
            redis_url, mongo_url = text[text.index("redis://") :].split()[:2]
            with (
                redis.Redis.from_url(redis_url) as client,
                MongoClient[dict[str, object]](mongo_url) as mongo_client,
            ):
                kept = mongo_client["herald"]["tasks"]
                if round_number == 0:
                    client.set("kept", "yes")
                    kept.insert_one({"_id": 1})
                else:
                    assert client.get("kept") == b"yes"
                    assert kept.count_documents({}) == 1


@pytest.mark.parametrize(("command", "code"), [("sh -c 'echo the cause; exit 7'", 7), ("echo the cause", 1)])
def test_a_program_that_cannot_start_ends_the_run(
    data_dir: Path, command: str, code: int, set_services: dict[str, str]
) -> None:
    programs = {"web": "sleep 600", "worker": command}
    with started(data_dir, programs, PORT=str(embedded.free_port()), **set_services) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "worker | the cause" in output
    assert "herald: worker did not start (exit code" in output.splitlines()[-1]


def one_line(process: subprocess.Popen[str]) -> str:
    """The only line that a failed start printed."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.splitlines()) == 1, output
    return output


def test_a_wrong_setting_is_reported_in_one_line(data_dir: Path) -> None:
    with started(data_dir, {}, HERALD_GEMINI_TIMEOUT_S="abc") as process:
        line = one_line(process)
    assert "HERALD_GEMINI_TIMEOUT_S" in line and "'abc'" in line


def test_a_taken_port_is_reported_in_one_line(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(data_dir, {"web": "true"}, PORT=str(port)) as process:
            line = one_line(process)
    assert f"cannot listen on 127.0.0.1:{port}" in line and f"PORT={port + 1}" in line


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HERALD_REDIS_URL", "redis://u:hush@127.0.0.1:1/0"),
        ("HERALD_MONGO_URL", "mongodb://u:hush@127.0.0.1:1/"),
    ],
)
def test_an_unreachable_service_is_reported_in_one_line(data_dir: Path, variable: str, url: str) -> None:
    with started(data_dir, {"show": "true"}, **{variable: url}) as process:
        line = one_line(process)
    assert variable in line and "does not answer" in line
    assert "hush" not in line


def test_two_runs_do_not_share_their_data(data_dir: Path) -> None:
    with started(data_dir, {"show": PRINT_ADDRESSES}) as first:
        read_until(first, "all set")
        with started(data_dir, {"show": "true"}) as second:
            assert "another Herald uses the data" in one_line(second)
