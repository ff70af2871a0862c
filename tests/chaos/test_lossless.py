"""No event of ten thousand is lost or repeated while connections are cut repeatedly."""

import asyncio
import json
import os
import random
import signal
from typing import Any

import websockets

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald, Socket
from tests.support.proxy import proxy_to
from tests.support.web import serving

CHANNELS = [f"task:{number}" for number in range(50)]
EVENTS = 200
"""Per channel. The history of a channel keeps more, so clients can always recover."""


class Follower:
    """A client of one channel that recovers from its last position after each disconnect."""

    def __init__(self, herald: Herald, channel: str) -> None:
        self._herald = herald
        self._channel = channel
        self.offsets: list[int] = []
        self.reconnects = -1
        self.resets = 0
        self.position: dict[str, Any] = {}

    async def run(self) -> None:
        token = self._herald.issuer.issue_subscription("ada", self._channel, 600)
        while len(self.offsets) < EVENTS:
            try:
                async with self._herald.connected() as socket:
                    self.reconnects += 1
                    reply = await socket.call(
                        subscribe={"channel": self._channel, "token": token, **self.position}
                    )
                    if "error" in reply:
                        assert reply["error"]["temporary"], reply
                        continue
                    started = reply["subscribe"]
                    if self.position and not started.get("recovered"):
                        if started["epoch"] == self.position["epoch"]:
                            continue  # the hub has not yet noticed that Redis restarted
                        await self._recover_from_history(socket, started)
                    self._take(started["epoch"], *started.get("publications", []))
                    while len(self.offsets) < EVENTS:
                        push = await socket.push()
                        if push["channel"] == self._channel:
                            if "unsubscribe" in push:  # its position is no longer valid
                                break
                            self._take(started["epoch"], push["pub"])
            except (OSError, websockets.WebSocketException, KeyError):
                await asyncio.sleep(0.05)

    async def _recover_from_history(self, socket: Socket, started: dict[str, Any]) -> None:
        """Redis restarted, so the hub could not recover; read the missed events from the history instead."""
        since = {"offset": self.position["offset"], "epoch": started["epoch"]}
        reply = await socket.call(history={"channel": self._channel, "limit": -1, "since": since})
        publications = reply["history"]["publications"]
        missed = [each for each in publications if each["offset"] <= started["offset"]]
        self._take(started["epoch"], *missed)
        self.resets += 1

    def _take(self, epoch: str, *publications: dict[str, Any]) -> None:
        self.offsets += [publication["offset"] for publication in publications]
        self.position = {"recover": True, "epoch": epoch, "offset": self.offsets[-1] if self.offsets else 0}


async def test_every_event_arrives_once_and_in_order(
    settings: Settings, services: dict[str, embedded.Server]
) -> None:
    valkey = services["HERALD_REDIS_URL"]
    settings = settings.model_copy(update={"max_connections_per_user": 1000})
    chance = random.Random(7)
    async with (
        asyncio.timeout(120),
        Feed.connect(settings) as feed,
        serving(create_app(settings), settings) as address,
    ):
        async with (
            proxy_to(int(address.split(":")[1])) as proxy,
            Herald.at(f"127.0.0.1:{proxy.port}", TokenIssuer(settings)) as herald,
        ):
            followers = [Follower(herald, channel) for channel in CHANNELS]
            following = [asyncio.create_task(follower.run()) for follower in followers]
            while not all(follower.position for follower in followers):
                await asyncio.sleep(0.01)

            async def publish() -> None:
                for number in range(EVENTS):
                    await feed.publish([(channel, json.dumps({"n": number})) for channel in CHANNELS])
                    await asyncio.sleep(0.02)

            publishing = asyncio.create_task(publish())
            cuts = 0
            while not publishing.done():
                await asyncio.sleep(chance.uniform(0.05, 0.2))
                if chance.random() < 0.3:
                    proxy.drop()
                else:
                    await feed.redis.client_kill_filter(_type="pubsub")
                cuts += 1
                if cuts == 8:
                    assert valkey.pid is not None
                    os.kill(valkey.pid, signal.SIGKILL)
                    valkey.start()
            await publishing
            await asyncio.gather(*following)
    for follower in followers:
        assert follower.offsets == list(range(1, EVENTS + 1))
        assert follower.resets <= 1
    assert sum(follower.reconnects for follower in followers) > 50
