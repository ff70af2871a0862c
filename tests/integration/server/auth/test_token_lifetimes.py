"""Subscriptions and connections end with their tokens, whatever happens in the meantime."""

import asyncio
import json
import time

import jwt
import pytest

from herald.server.auth.principal import SubscriptionGrant
from herald.server.hub.channel import Subscription
from herald.server.hub.connection import Connection
from herald.shared.feed.feed import Feed
from tests.conftest import SECRET
from tests.support.held_hub import Client, HeldHub, timers
from tests.support.hub import MINE


@pytest.mark.parametrize("grace_s", [0, 0.5])
async def test_a_subscription_ends_with_its_token_even_if_joining_took_long(
    held: HeldHub, feed: Feed, grace_s: float
) -> None:
    client = Client()
    connection = await held.connected(client, held.issuer.issue("ada", [], 60), expiry_grace_s=grace_s)
    held.hold()
    expires_at = time.time() + 1
    token = held.issuer.issue_subscription("ada", "task:x", 1)
    connection.feed(json.dumps({"id": 2, "subscribe": {"channel": "task:x", "token": token}}))
    await held.snapshot_requested.wait()
    while time.time() < expires_at + grace_s + 0.1:
        await asyncio.sleep(0.05)
    held.snapshots_ready.set()
    assert await client.message() == {"id": 2, "error": {"code": 109, "message": "token expired"}}
    await feed.publish([("task:x", "{}"), (MINE, "{}")])
    assert (await client.message())["push"]["channel"] == MINE
    assert held.hub.subscriptions == 1, "the refused subscription is not kept"
    connection.release()


async def test_a_refreshed_token_s_expiry_replaces_the_previous_one(held: HeldHub) -> None:
    client, issue = Client(), held.issuer.issue
    connection = await held.connected(client, issue("ada", [], 60))
    assert timers(connection)["expiry"] < 100
    assert "refresh" in await client.call(connection, refresh={"token": issue("ada", [], 600)})
    assert timers(connection)["expiry"] > 500
    endless = jwt.encode({"sub": "ada"}, SECRET, algorithm="HS256")
    assert "refresh" in await client.call(connection, refresh={"token": endless})
    assert "expiry" not in timers(connection)
    connection.release()


async def test_the_expiry_timer_of_an_unsubscribed_channel_is_cancelled(held: HeldHub) -> None:
    client, issue = Client(), held.issuer.issue_subscription
    connection = await held.connected(client, held.issuer.issue("ada", ["acme"], 60))
    grant = {"channel": "brand:acme", "token": issue("ada", "brand:acme", 60)}
    assert "subscribe" in await client.call(connection, subscribe=grant)
    assert "expiry brand:acme" in timers(connection)
    assert "unsubscribe" in await client.call(connection, unsubscribe={"channel": "brand:acme"})
    assert "expiry brand:acme" not in timers(connection)
    connection.release()


async def test_a_subscription_that_ends_while_its_token_is_checked_is_not_refreshed(
    held: HeldHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, issuer, verifier = Client(), held.issuer, held.verifier
    connection = await held.connected(client, issuer.issue("ada", [], 60))
    grant = {"channel": "task:x", "token": issuer.issue_subscription("ada", "task:x", 60)}
    assert "subscribe" in await client.call(connection, subscribe=grant)
    asked, go_on, check = asyncio.Event(), asyncio.Event(), verifier.subscription

    async def slow(token: str) -> SubscriptionGrant:
        asked.set()
        await go_on.wait()
        return await check(token)

    monkeypatch.setattr(verifier, "subscription", slow)
    connection.feed(json.dumps({"id": 2, "sub_refresh": grant}))
    await asked.wait()
    subscription = connection._subscriptions.get("task:x")
    assert isinstance(subscription, Subscription)
    connection.lost_position(subscription)
    assert (await client.message())["push"]["unsubscribe"]["code"] == 2500
    go_on.set()
    assert (await client.message())["error"]["code"] == 103
    assert "expiry task:x" not in timers(connection)
    connection.release()


@pytest.mark.parametrize("in_time", [True, False], ids=["already joined", "still joining"])
async def test_a_client_that_leaves_during_a_command_leaves_nothing_behind(
    held: HeldHub, in_time: bool
) -> None:
    async def leave(connection: Connection) -> None:
        await held.snapshot_requested.wait()
        if in_time:
            held.snapshots_ready.set()  # the command would continue in the next turn of the loop
        connection.release()
        held.snapshots_ready.set()
        async with asyncio.timeout(20):
            while held.hub.subscriptions:
                await asyncio.sleep(0.01)
        assert held.hub.sessions.count("ada") == 0

    client, token = Client(), held.issuer.issue("ada", [], 60)
    connection = held.connection(client)
    connection.feed(json.dumps({"id": 1, "connect": {"token": token}}))
    await leave(connection)
    connection = await held.connected(client, token)
    held.hold()
    grant = held.issuer.issue_subscription("ada", "task:x", 60)
    connection.feed(json.dumps({"id": 2, "subscribe": {"channel": "task:x", "token": grant}}))
    await leave(connection)
