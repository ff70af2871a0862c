"""Problems at the start of `make run` end it with one clear line."""

import socket
from pathlib import Path

import pytest

from herald.shared.launcher import embedded
from tests.support.launcher import one_line, started


@pytest.mark.parametrize(("command", "code"), [("sh -c 'echo the cause; exit 7'", 7), ("echo the cause", 1)])
def test_a_program_that_cannot_start_ends_the_run(
    data_dir: Path, command: str, code: int, set_services: dict[str, str]
) -> None:
    programs = {"web": "sleep 600", "worker": command}
    with started(data_dir, programs, PORT=str(embedded.free_port()), **set_services) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == code
    assert "worker | the cause" in output
    assert "herald: worker couldn't start (exit code" in output.splitlines()[-1]


def test_an_invalid_setting_is_reported_in_one_line(data_dir: Path) -> None:
    with started(data_dir, {}, HERALD_GEMINI_TIMEOUT_S="abc") as process:
        line = one_line(process)
    assert "HERALD_GEMINI_TIMEOUT_S" in line and "'abc'" in line


def test_a_port_in_use_is_reported_in_one_line(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started(data_dir, {"web": "true"}, PORT=str(port)) as process:
            line = one_line(process)
    assert f"can't listen on 127.0.0.1:{port}" in line and f"PORT={port + 1}" in line


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
    assert variable in line and "can't connect to" in line
    assert "hush" not in line
