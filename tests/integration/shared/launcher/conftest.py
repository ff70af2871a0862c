"""Fixtures for runs of the launcher."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from herald.shared.launcher import embedded
from tests.support.launcher import processes_of


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    for pid in processes_of(tmp_path / "data"):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def set_services(services: dict[str, embedded.Server]) -> dict[str, str]:
    """Variables that make a run use the tests' servers instead of starting its own."""
    return {name: server.url for name, server in services.items()}
