"""JSON that is nested too deeply or cannot be encoded again affects only its sender."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from herald.shared.feed.feed import Feed, Publication
from herald.shared.feed.follower import Follower
from herald.shared.observability import metrics
from herald.shared.settings import Settings
from tests.support.client import Herald
from tests.support.hub import MINE, announced, streaming
from tests.support.web import herald_with

DEEP = "[" * 20_000
HOSTILE = [
    DEEP,
    '{"a":' * 10_000,
    '{"id":1,"ping":{},"x":' + "1" * 5000 + "}",
    '{"id":1,"ping":{},"x":1e999}',
]
hostile = pytest.mark.parametrize("text", HOSTILE, ids=["arrays", "objects", "digits", "infinity"])


@hostile
async def test_a_websocket_is_closed_with_bad_request(herald: Herald, text: str) -> None:
    async with herald.connected() as socket:
        await socket.connection.send(text)
        assert await socket.closed() == (3501, "bad request")


@hostile
async def test_an_http_stream_is_ended_with_bad_request(herald: Herald, text: str) -> None:
    async with herald.http.stream("POST", "/connection/http_stream", content=text) as response:
        last = [line async for line in response.aiter_lines()][-1]
        assert json.loads(last)["push"]["disconnect"]["code"] == 3501


@hostile
async def test_a_request_body_is_rejected(settings: Settings, text: str) -> None:
    async with herald_with(settings, centrifugo_api_key=SecretStr("key")) as herald:
        for path in ("/api/jobs", "/api/token", "/emulation", "/centrifugo/subscribe"):
            response = await herald.post(path, content=text, headers={"X-API-Key": "key"})
            assert response.status_code in (400, 422), path
            assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("part", [0, 1])
async def test_a_token_is_rejected(herald: Herald, part: int) -> None:
    parts = herald.token().split(".")
    parts[part] = base64.urlsafe_b64encode(DEEP.encode()).decode().rstrip("=")
    headers = {"Authorization": f"Bearer {'.'.join(parts)}"}
    assert (await herald.http.get("/api/jobs", headers=headers)).status_code == 401
    async with herald.socket() as socket:
        await socket.send({"id": 1, "connect": {"token": ".".join(parts)}})
        assert await socket.closed() == (3500, "invalid token")


async def test_a_limit_of_thousands_of_digits_is_rejected(herald: Herald) -> None:
    assert (await herald.get("/api/jobs", params={"limit": "1" * 5000})).status_code == 400


async def test_hostile_commands_forwarded_to_another_process_do_not_harm_its_feed(
    settings: Settings, herald: Herald, feed: Feed
) -> None:
    async with (
        herald_with(settings) as elsewhere,
        streaming(elsewhere, "http_stream") as stream,
        elsewhere.connected() as neighbour,
    ):
        before = metrics.RECONNECTS._value.get()
        body = {"session": stream.hello["session"], "node": stream.hello["node"], "data": DEEP}
        assert (await herald.http.post("/emulation", json=body)).status_code == 204
        assert (await stream.next())["push"]["disconnect"]["code"] == 3501
        await announced(feed, 1)
        assert (await neighbour.publication())["offset"] == 1
        assert metrics.RECONNECTS._value.get() == before


@pytest.fixture
async def failing(feed: Feed) -> AsyncIterator[tuple[Follower, asyncio.Queue[Publication]]]:
    """A follower with a signal whose handler always fails."""
    received: asyncio.Queue[Publication] = asyncio.Queue()

    def fail(text: str) -> None:
        raise RecursionError(text)

    follower = Follower(feed, lambda _, publication: received.put_nowait(publication), lambda _: None)
    follower.listen("broken", fail)
    async with follower:
        yield follower, received


async def test_a_failing_signal_handler_does_not_end_the_follower(
    failing: tuple[Follower, asyncio.Queue[Publication]], feed: Feed
) -> None:
    follower, received = failing
    await follower.follow(MINE)
    connection = follower._pubsub._connection
    assert await feed.signal("broken", "x")
    await feed.publish([(MINE, "{}")])
    async with asyncio.timeout(10):
        assert (await received.get()).offset == 1
    assert follower._pubsub._connection is connection
