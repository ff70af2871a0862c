"""Starts Herald's processes with the commands of the Procfile."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
WORKER = [str(Path(sys.executable).parent / "arq"), "herald.worker.main.WorkerSettings"]
WEB = [sys.executable, "-m", "herald.server"]


def environment(settings: Settings, **changes: str) -> dict[str, str]:
    """The environment of a process with these settings, without this process's own ``HERALD_`` variables."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HERALD_")}
    return {
        **ours,
        "HERALD_REDIS_URL": settings.redis_url,
        "HERALD_MONGO_URL": settings.mongo_url,
        "HERALD_MONGO_DATABASE": settings.mongo_database,
        "HERALD_AUTH_SECRET": settings.auth_secret.get_secret_value(),
        "HERALD_TASKS": "herald.worker.tasks,tests.support.task_types",
        "HERALD_OFFLINE_WORDS_PER_SECOND": str(settings.offline_words_per_second),
        **changes,
    }


@contextmanager
def running(
    command: list[str], variables: dict[str, str], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process; at the end of the block it is stopped, and killed if that takes too long."""
    process = subprocess.Popen(command, env=variables, **{"cwd": ROOT, **options})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


@asynccontextmanager
async def web(
    settings: Settings, port: int | None = None, *, variables: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[str]:
    """A web process that is ready, with further ``variables``; yields its address."""
    port = port or free_port()
    with running(WEB, environment(settings, PORT=str(port), **(variables or {})), **options) as process:
        address = f"127.0.0.1:{port}"
        await ready(address, process)
        yield address
        process.terminate()
        await asyncio.to_thread(process.wait, 15)  # clients in this process must keep responding


async def ready(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the web process at ``address`` is ready.

    Raises:
        RuntimeError: the process has ended.
    """
    async with httpx2.AsyncClient() as http:
        while True:
            try:
                if (await http.get(f"http://{address}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            if process.poll() is not None:
                raise RuntimeError(f"the process ended with {process.returncode}")
            await asyncio.sleep(0.05)
