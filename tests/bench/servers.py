"""Herald and its peers: how to start each server, connect to it and publish through it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import msgpack
import redis.asyncio
import socketio

from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel
from herald.shared.tokens import TokenIssuer
from tests.bench.load import RawClient, Usage
from tests.support.processes import WEB, environment, ready, running

HERE = Path(__file__).parent
HANDSHAKE = b"\r\n\r\n"


Figures = dict[str, float]


class Server:
    """A server that forwards messages from Redis to the WebSockets of a channel."""

    name = ""
    command: ClassVar[list[str]] = []
    rounds = 4
    """Rounds of a repeated scene; the first of several is the warm-up."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = free_port()
        self.usage: Usage
        self.redis: redis.asyncio.Redis

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Server"]:
        command = [*self.command, str(self.port), self.settings.redis_url]
        async with redis.asyncio.Redis.from_url(self.settings.redis_url) as self.redis:
            with running(command, self.environment()) as process:
                self.usage = Usage(process.pid)
                await self.until_ready(process)
                yield self

    def environment(self) -> dict[str, str]:
        return environment(self.settings, PORT=str(self.port))

    async def until_ready(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert process.poll() is None, f"{self.name} did not start"
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return

    def prepare(self, channels: Sequence[str]) -> None:
        """Prepare the credentials of the clients of ``channels`` before the measurement."""

    def greeting(self, channel: str) -> tuple[str, list[tuple[bytes, str | None]]]:
        """The path to open, and the expected parts with their answers until the channel is joined."""
        raise NotImplementedError

    async def publish(self, channel: str, data: str) -> None:
        raise NotImplementedError

    async def publish_each(self, channels: Sequence[str], data: str) -> None:
        """Publish to many channels in one round trip, so that the publisher is no bottleneck."""
        raise NotImplementedError

    async def connect(self, channel: str, *, measure: bool = False) -> RawClient:
        path, answers = self.greeting(channel)
        host = f"127.0.0.1:{self.port}"
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: RawClient(host, path, answers, measure), "127.0.0.1", self.port
        )
        await client.ready
        return client


class Herald(Server):
    name = "Herald"
    command: ClassVar = WEB

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._issuer = TokenIssuer(settings)
        self._tokens: dict[str, str] = {}
        self._feed: Feed

    def environment(self) -> dict[str, str]:
        changes = {"HERALD_MAX_CONNECTIONS_PER_USER": "100000", "HERALD_ENV": "production"}
        return super().environment() | changes

    async def until_ready(self, process: subprocess.Popen[bytes]) -> None:
        self._feed = Feed(self.redis)
        await ready(f"127.0.0.1:{self.port}", process)

    def prepare(self, channels: Sequence[str]) -> None:
        for user in channels:
            self.token(user)

    def token(self, user: str) -> str:
        if user not in self._tokens:
            self._tokens[user] = self._issuer.issue(user, [], 3600)
        return self._tokens[user]

    def greeting(self, channel: str) -> tuple[str, list[tuple[bytes, str | None]]]:
        connect = json.dumps({"id": 1, "connect": {"token": self.token(channel)}})
        return "/connection/websocket", [(HANDSHAKE, connect), (b'"subs":', None)]

    async def publish(self, channel: str, data: str) -> None:
        await self._feed.publish([(str(Channel.user(channel)), data)])

    async def publish_each(self, channels: Sequence[str], data: str) -> None:
        await self._feed.publish([(str(Channel.user(channel)), data) for channel in channels])

    async def position(self, channel: str) -> str:
        """Return the epoch of a channel."""
        return (await self._feed.history(str(Channel.user(channel)), limit=0)).position.epoch

    async def recover(self, channel: str, epoch: str, missed: int) -> RawClient:
        """Reconnect a client and wait until it has recovered ``missed`` events."""
        before = {str(Channel.user(channel)): {"recover": True, "epoch": epoch, "offset": 0}}
        connect = json.dumps({"id": 1, "connect": {"token": self.token(channel), "subs": before}})
        last = f'{{"offset":{missed},"data"'.encode()
        answers: list[tuple[bytes, str | None]] = [
            (HANDSHAKE, connect),
            (b'"recovered":true', None),
            (last, None),
        ]
        host = f"127.0.0.1:{self.port}"
        _, client = await asyncio.get_running_loop().create_connection(
            lambda: RawClient(host, "/connection/websocket", answers, measure=False), "127.0.0.1", self.port
        )
        await client.ready
        return client


class NodeWs(Server):
    name = "Node ws + ioredis"
    command: ClassVar = ["node", str(HERE / "peers" / "ws.mjs")]

    def greeting(self, channel: str) -> tuple[str, list[tuple[bytes, str | None]]]:
        return f"/?channel={channel}", [(HANDSHAKE, None), (b'{"subscribed":true}', None)]

    async def publish(self, channel: str, data: str) -> None:
        await self.redis.publish(channel, data)

    async def publish_each(self, channels: Sequence[str], data: str) -> None:
        pipe = self.redis.pipeline(transaction=False)
        for channel in channels:
            pipe.publish(channel, data)
        await pipe.execute()


class _SocketIo(Server):
    def greeting(self, channel: str) -> tuple[str, list[tuple[bytes, str | None]]]:
        joining = f'42["join","{channel}"]'
        path = "/socket.io/?EIO=4&transport=websocket"
        return path, [(b'0{"sid"', "40"), (b'40{"sid"', joining), (b'42["subscribed"]', None)]


class SocketIo(_SocketIo):
    name = "socket.io + Redis adapter"
    command: ClassVar = ["node", str(HERE / "peers" / "socketio.mjs")]

    async def publish(self, channel: str, data: str) -> None:
        packet = {"type": 2, "data": ["event", json.loads(data)], "nsp": "/"}
        message = ["bench", packet, {"rooms": [channel], "except": [], "flags": {}}]
        await self.redis.publish(f"socket.io#/#{channel}#", msgpack.packb(message))


class PythonSocketIo(_SocketIo):
    name = "python-socketio + Redis"
    rounds = 1  # one round takes 15 seconds
    command: ClassVar = [sys.executable, str(HERE / "peers" / "python_socketio.py")]

    async def until_ready(self, process: subprocess.Popen[bytes]) -> None:
        self._manager = socketio.AsyncRedisManager(self.settings.redis_url, write_only=True)
        await super().until_ready(process)

    async def publish(self, channel: str, data: str) -> None:
        await self._manager.emit("event", json.loads(data), room=channel)


ALL: list[type[Server]] = [Herald, NodeWs, SocketIo, PythonSocketIo]
