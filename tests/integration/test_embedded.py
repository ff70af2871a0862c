"""`python -m shared.embedded` as `make run` uses it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import redis
from pymongo import MongoClient

from shared import embedded
from tests.support.processes import ROOT

PRINT_ADDRESSES = ["sh", "-c", "echo $HERALD_REDIS_URL $HERALD_MONGO_URL; echo ready; exec sleep 600"]


@contextmanager
def started(data_dir: Path, *command: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """The process, told to stop at the end of the block if it still runs."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    path = f"{Path(sys.executable).parent}:{ours['PATH']}"
    with subprocess.Popen(
        [sys.executable, "-m", "shared.embedded", *command],
        cwd=ROOT,
        env={**ours, "PATH": path, "HERALD_DATA_DIR": str(data_dir), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.terminate()
        process.communicate(timeout=40)


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if wanted in line:
            return text
    raise AssertionError(f"{wanted!r} was never printed, but:\n{text}")


def family(data_dir: Path) -> set[int]:
    """The processes that know of ``data_dir``, by their command line or environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if str(data_dir).encode() in known and int(entry.name) != os.getpid():
                found.add(int(entry.name))
    return found


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    for pid in family(tmp_path / "data"):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_whole_of_herald_starts_says_where_and_leaves_nothing(data_dir: Path, signum: int) -> None:
    port = str(embedded.free_port())
    with started(data_dir, "--web", "honcho", "start", PORT=port) as process:
        last_line = read_until(process, "Herald is ready").splitlines()[-1]
        address = f"http://127.0.0.1:{port}"
        assert last_line.endswith(address)
        assert httpx2.get(f"{address}/readyz").status_code == 200
        assert len(family(data_dir)) >= 6  # itself, honcho, web, worker, and the two servers
        process.send_signal(signum)
        process.communicate(timeout=40)
        assert process.returncode == 0
        until(lambda: not family(data_dir))


def test_what_was_stored_is_there_at_the_next_start(data_dir: Path) -> None:
    for round_number in range(2):
        with started(data_dir, *PRINT_ADDRESSES) as process:
            redis_url, mongo_url = read_until(process, "ready").split()[:2]
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


def test_the_command_s_exit_code_is_handed_on(data_dir: Path) -> None:
    with started(data_dir, "sh", "-c", "exit 7") as process:
        process.communicate(timeout=60)
        assert process.returncode == 7
        assert not family(data_dir)


def test_a_server_that_dies_is_started_again_with_its_data(data_dir: Path) -> None:
    with started(data_dir, *PRINT_ADDRESSES) as process:
        redis_url, mongo_url = read_until(process, "ready").split()[:2]
        with redis.Redis.from_url(redis_url) as client:
            client.set("kept", "yes")
            victim = client.info()["process_id"]
        os.kill(victim, signal.SIGKILL)
        read_until(process, "the embedded Valkey died")
        until(lambda: embedded.unreachable(redis_url) is None)
        with redis.Redis.from_url(redis_url) as client:
            assert client.get("kept") == b"yes"
            assert client.info()["process_id"] != victim
        [mongo] = [
            pid for pid in family(data_dir) if b"secantus" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(mongo, signal.SIGKILL)
        read_until(process, "the embedded MongoDB-wire server died")
        until(lambda: embedded.unreachable(mongo_url) is None)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's end")
def test_nothing_is_left_even_if_it_is_killed(data_dir: Path) -> None:
    with started(data_dir, *PRINT_ADDRESSES) as process:
        read_until(process, "ready")
        process.kill()
        process.wait()
        until(lambda: not family(data_dir))


def told(process: subprocess.Popen[str]) -> str:
    """The one line that it ended with."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert len(output.splitlines()) == 1, output
    return output


def test_a_taken_port_is_told_in_one_line(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(data_dir, "--web", "true", PORT=str(port)) as process:
            line = told(process)
    assert f"cannot listen on 127.0.0.1:{port}" in line and f"PORT={port + 1}" in line


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HERALD_REDIS_URL", "redis://u:hush@127.0.0.1:1/0"),
        ("HERALD_MONGO_URL", "mongodb://u:hush@127.0.0.1:1/"),
        ("HERALD_REDIS_URL", "nonsense"),
    ],
)
def test_an_address_that_does_not_answer_is_told_in_one_line(data_dir: Path, variable: str, url: str) -> None:
    with started(data_dir, "true", **{variable: url}) as process:
        line = told(process)
    assert variable in line and "does not answer" in line
    assert "hush" not in line


def test_two_of_them_do_not_share_their_data(data_dir: Path) -> None:
    with started(data_dir, *PRINT_ADDRESSES) as first:
        read_until(first, "ready")
        with started(data_dir, "true") as second:
            assert "another Herald uses the data" in told(second)


def test_a_server_that_is_set_is_used_and_none_is_started(
    data_dir: Path, services: dict[str, embedded.Server]
) -> None:
    set_ones = {name: server.url for name, server in services.items()}
    with started(data_dir, "sh", "-c", "echo $HERALD_REDIS_URL $HERALD_MONGO_URL", **set_ones) as process:
        output, _ = process.communicate(timeout=60)
        assert output.split() == list(set_ones.values())
    assert not data_dir.exists()
