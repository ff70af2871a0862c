"""A held request is answered as soon as its response changes."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from herald.server.auth.verify import TokenVerifier
from herald.server.http import long_poll
from herald.server.http.long_poll import until_changed
from herald.shared.feed.feed import Position, Publication
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.fakes import FakeFeed, hub_on

CHANNEL = "task:x"


class World(FakeFeed):
    """A hub without Redis, and a request for a resource that changes when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = Settings()
        self.verifier = TokenVerifier(self.settings)
        self.hub = hub_on(self)
        self.held: Counter[str] = Counter()
        self.changed = False
        self.answers = 0
        self.asked = asyncio.Event()

    async def follow(self, _: str) -> Position:
        return Position(5, "e")

    def publish(self, offset: int) -> None:
        self.hub._on_publication(CHANNEL, Publication(offset, "{}"))
        self.hub._flush()

    async def answer(self) -> Response:
        self.answers += 1
        assert self.answers < 10, "the response is requested in a loop"
        self.asked.set()
        return Response(status_code=200 if self.changed else 304)

    async def answered(self, times: int) -> None:
        """Wait until `answer` has been called this many times, and the request waits again."""
        while self.answers < times:
            self.asked.clear()
            await self.asked.wait()
        for _ in range(3):
            await asyncio.sleep(0)

    def request(self, *prefer: str) -> asyncio.Task[Response]:
        token = TokenIssuer(self.settings).issue("ada", [], 60)
        headers = [(b"authorization", f"Bearer {token}".encode())]
        headers += [(b"prefer", value.encode()) for value in prefer]
        scope: dict[str, Any] = {
            "type": "http",
            "headers": headers,
            "state": {"dependencies": self.dependencies()},
        }
        return asyncio.create_task(until_changed(Request(scope, _connected), CHANNEL, self.answer))

    def dependencies(self) -> Any:
        return SimpleNamespace(
            hub=self.hub,
            settings=self.settings,
            verifier=self.verifier,
            held_requests=self.held,
        )


async def _connected() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(long_poll, "LOOK_EVERY_S", 0.01)
    return World()


async def test_a_change_before_the_request_listens_is_noticed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = world.follow

    async def changing(channel: str) -> Position:
        world.changed = True  # its publication was before the request listens
        return await follow(channel)

    monkeypatch.setattr(world, "follow", changing)
    async with asyncio.timeout(10):
        response = await world.request("wait=60")
    assert response.status_code == 200


async def test_a_publication_that_changes_nothing_leaves_the_request_waiting(world: World) -> None:
    async with asyncio.timeout(10):
        held = world.request("wait=60")
        await world.answered(2)
        world.publish(6)
        await world.answered(3)
        await asyncio.wait([held], timeout=0.05)
        assert world.answers == 3, "nothing has been published since"
        world.changed = True
        world.publish(7)
        assert (await held).status_code == 200


async def test_a_request_notices_changes_after_redis_has_lost_its_data(world: World) -> None:
    async with asyncio.timeout(10):
        held = world.request("wait=60")
        await world.answered(2)
        world.hub._on_reset(CHANNEL)
        await world.answered(3)
        world.changed = True
        world.publish(1)
        assert (await held).status_code == 200


async def test_a_stopping_hub_answers_held_requests(world: World) -> None:
    async with asyncio.timeout(10):
        held = world.request("wait=60")
        await world.answered(2)
        world.hub.drain()
        assert (await held).status_code == 304
    assert not world.held and not world.hub.subscriptions


async def test_every_prefer_header_counts(world: World) -> None:
    async with asyncio.timeout(10):
        held = world.request("respond-async", "wait=60")
        await world.answered(2)
        world.hub.drain()
        assert (await held).headers["preference-applied"] == "wait=60"
