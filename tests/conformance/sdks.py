"""The official SDKs behind one interface: commands in, events out."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import centrifuge

from tests.support.processes import ROOT

Event = dict[str, Any]
Token = Callable[[], str]

KINDS = ("python", "websocket", "http_stream", "sse")
"""The Python SDK, and the JavaScript SDK over each of its transports."""


class Sdk:
    """A client that gets tokens on request and reports everything else as an event."""

    def __init__(self, token: Token, subscription_token: Callable[[str], str]) -> None:
        self._token = token
        self._subscription_token = subscription_token
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self.tokens_requested = 0
        self.passed: list[Event] = []

    async def do(self, **command: Any) -> None:
        raise NotImplementedError

    def token(self) -> str:
        self.tokens_requested += 1
        return self._token()

    def report(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def until(self, name: str, **wanted: Any) -> Event:
        """Return the next matching event; the events before it go to `passed`."""
        while True:
            event = await self._events.get()
            if event["event"] == name and event.items() >= wanted.items():
                return event
            self.passed.append(event)

    async def publications(self, channel: str, count: int) -> list[int]:
        """Return the offsets of the next ``count`` publications of a channel."""
        return [(await self.until("publication", channel=channel))["offset"] for _ in range(count)]


class JavaScript(Sdk):
    """The official JavaScript SDK, in Node."""

    process: asyncio.subprocess.Process

    async def do(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command).encode() + b"\n")
        await self.process.stdin.drain()

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == "token":
                await self.do(do="token", token=self.token())
            elif event["event"] == "subscriptionToken":
                await self.do(do="token", token=self._subscription_token(event["channel"]))
            else:
                self.report(event)


@asynccontextmanager
async def javascript(
    address: str, transport: str, token: Token, subscription_token: Callable[[str], str]
) -> AsyncIterator[Sdk]:
    sdk = JavaScript(token, subscription_token)
    driver = Path(__file__).parent / "driver.mjs"
    sdk.process = await asyncio.create_subprocess_exec(
        "node",
        str(driver),
        address,
        transport,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**22,
    )
    reading = asyncio.create_task(sdk.read())
    try:
        yield sdk
    finally:
        assert sdk.process.stdin is not None
        sdk.process.stdin.close()
        await sdk.process.wait()
        await asyncio.gather(reading, return_exceptions=True)


class Python(Sdk, centrifuge.ClientEventHandler, centrifuge.SubscriptionEventHandler):  # type: ignore[misc]
    """The official Python SDK, which supports WebSocket only."""

    client: centrifuge.Client

    async def do(self, **command: Any) -> None:
        match command:
            case {"do": "connect"}:
                await self.client.connect()
            case {"do": "disconnect"}:
                await self.client.disconnect()
            case {"do": "subscribe", "channel": channel, **wanted}:
                await self._subscribe(channel, wanted)
            case {"do": "unsubscribe", "channel": channel}:
                await self.client.get_subscription(channel).unsubscribe()
            case {"do": "history", "channel": channel, "limit": limit, "reverse": reverse}:
                found = await self.client.get_subscription(channel).history(limit=limit, reverse=reverse)
                offsets = [publication.offset for publication in found.publications]
                self.report({"event": "history", "offset": found.offset, "offsets": offsets})

    async def _subscribe(self, channel: str, wanted: dict[str, Any]) -> None:
        async def get_token(_: str) -> str:
            return self._subscription_token(channel)

        async def get_state(_: str) -> centrifuge.StreamPosition:
            return centrifuge.StreamPosition(**wanted["states"].pop(0))

        options: dict[str, Any] = {}
        if wanted.get("withToken"):
            options["get_token"] = get_token
        if "states" in wanted:
            options["get_state"] = get_state
        if wanted.get("filtered"):
            options["tags_filter"] = centrifuge.Filter.exists("topic")
        subscription = self.client.new_subscription(channel, events=_Subscription(self, channel), **options)
        await subscription.subscribe()

    async def on_connected(self, _: Any) -> None:
        self.report({"event": "connected"})

    async def on_connecting(self, context: Any) -> None:
        self.report({"event": "connecting", "code": context.code})

    async def on_disconnected(self, context: Any) -> None:
        self.report({"event": "disconnected", "code": context.code})

    async def on_subscribed(self, context: Any) -> None:
        self.subscribed(context.channel, context)

    async def on_publication(self, context: Any) -> None:
        self.published(context.channel, context)

    def subscribed(self, channel: str, context: Any) -> None:
        data = json.loads(context.data) if isinstance(context.data, bytes | str) else context.data
        event = {"event": "subscribed", "channel": channel, "data": data}
        self.report(event | {"recovered": context.recovered, "wasRecovering": context.was_recovering})

    def published(self, channel: str, context: Any) -> None:
        event = {"event": "publication", "channel": channel}
        self.report(event | {"offset": context.pub.offset, "data": context.pub.data})


class _Subscription(centrifuge.SubscriptionEventHandler):  # type: ignore[misc]
    def __init__(self, sdk: Python, channel: str) -> None:
        self._sdk = sdk
        self._channel = channel

    async def on_subscribed(self, context: Any) -> None:
        self._sdk.subscribed(self._channel, context)

    async def on_publication(self, context: Any) -> None:
        self._sdk.published(self._channel, context)

    async def on_unsubscribed(self, context: Any) -> None:
        self._sdk.report({"event": "unsubscribed", "channel": self._channel, "code": context.code})


@asynccontextmanager
async def python(
    address: str, token: Token, subscription_token: Callable[[str], str], *, protobuf: bool
) -> AsyncIterator[Sdk]:
    sdk = Python(token, subscription_token)

    async def get_token() -> str:
        return sdk.token()

    sdk.client = centrifuge.Client(
        f"ws://{address}/connection/websocket",
        events=sdk,
        get_token=get_token,
        min_reconnect_delay=0.02,
        max_reconnect_delay=0.2,
        proxy=None,
        use_protobuf=protobuf,
    )
    try:
        yield sdk
    finally:
        await sdk.client.disconnect()


@asynccontextmanager
async def client(
    kind: str, address: str, token: Token, subscription_token: Callable[[str], str]
) -> AsyncIterator[Sdk]:
    """Create a client of a kind without connecting it. The suffix ``-protobuf`` selects that encoding instead of JSON."""
    opened = (
        python(address, token, subscription_token, protobuf=kind == "python-protobuf")
        if kind.startswith("python")
        else javascript(address, kind, token, subscription_token)
    )
    async with opened as sdk, asyncio.timeout(30):
        yield sdk
