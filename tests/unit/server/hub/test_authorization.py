"""How a connection acts on the decisions of its `Authorizer`."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from herald.server.hub import codes
from herald.server.hub.connection import Connection
from tests.support.fakes import FakeAuthorizer, FakeClient, FakeFeed, connection_to, hub_on


class World:
    """One client of a hub."""

    def __init__(self) -> None:
        self.hub = hub_on(FakeFeed(), self._snapshot)
        self.authorizer = FakeAuthorizer()
        self.client = FakeClient()
        self.connection: Connection = connection_to(self.hub, self.client, self.authorizer)

    async def _snapshot(self, _: str) -> bytes:
        return b"{}"

    async def call(self, **command: Any) -> dict[str, Any]:
        """Send a command; returns its reply, or ``{}`` if the connection is closed."""
        self.client.sent.clear()
        self.connection.feed(json.dumps({"id": 1, **command}))
        await self.client.answered()
        return self.client.sent[0] if self.client.sent else {}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    created = World()
    yield created
    created.connection.release()


@pytest.fixture
async def connected(world: World) -> World:
    assert list((await world.call(connect={"token": "ada"}))["connect"]["subs"]) == ["tasks#ada"]
    return world


@pytest.mark.parametrize(("token", "error"), [("expired", 109), ("unavailable", 100)])
async def test_a_client_may_try_again_to_connect_if_its_token_has_expired_or_cannot_be_checked(
    world: World, token: str, error: int
) -> None:
    assert (await world.call(connect={"token": token}))["error"]["code"] == error
    assert "connect" in await world.call(connect={"token": "ada"})


async def test_a_client_with_an_invalid_token_is_disconnected(world: World) -> None:
    assert not await world.call(connect={"token": "invalid"})
    assert world.client.why == codes.INVALID_TOKEN


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("expired", codes.CONNECTION_EXPIRED),
        ("unavailable", codes.CONNECTION_EXPIRED),
        ("invalid", codes.INVALID_TOKEN),
    ],
)
async def test_a_client_whose_refresh_fails_is_disconnected(
    connected: World, token: str, why: codes.Disconnect
) -> None:
    assert not await connected.call(refresh={"token": token})
    assert connected.client.why == why


@pytest.mark.parametrize(
    ("token", "error"),
    [("expired", 109), ("unavailable", 100), ("invalid", 103), ("bob news", 103), ("ada olds", 103)],
)
async def test_a_bad_subscription_token_is_refused_and_the_connection_stays(
    connected: World, token: str, error: int
) -> None:
    request = {"channel": "news", "token": token}
    assert (await connected.call(subscribe=request))["error"]["code"] == error
    assert "subscribe" in await connected.call(subscribe=request | {"token": "ada news"})


async def test_a_refresh_ends_the_subscriptions_that_the_new_token_does_not_permit(connected: World) -> None:
    assert "subscribe" in await connected.call(subscribe={"channel": "news"})
    assert "subscribe" in await connected.call(subscribe={"channel": "granted", "token": "ada granted"})
    connected.authorizer.revoked = {"news", "granted"}
    assert "refresh" in await connected.call(refresh={"token": "ada"})
    ended = [message["push"]["channel"] for message in connected.client.sent if "push" in message]
    assert ended == ["news"], "a subscription token permits the other one"


async def test_a_client_whose_token_is_revoked_is_disconnected(connected: World) -> None:
    connected.connection.disconnect_if_revoked()
    assert connected.client.why is None
    connected.authorizer.revoked = {"ada"}
    connected.connection.disconnect_if_revoked()
    assert connected.client.why == codes.FORCE_DISCONNECT
