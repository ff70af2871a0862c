"""What a token permits, for how long, and what a refresh or a revocation takes away."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import jwt
import pytest
from pymongo.errors import PyMongoError

from herald.server.auth import revocation
from herald.server.auth.authorizer import HubAuthorizer
from herald.server.auth.revocation import Revocations
from herald.server.auth.verify import Authenticator, SubscriptionGrant
from herald.server.hub import codes
from herald.server.hub.channel import Subscription
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.store import Store
from tests.conftest import SECRET
from tests.support.client import Herald
from tests.support.hub import MINE
from tests.support.tasks import a_task
from tests.support.web import herald_with


async def test_a_refresh_ends_the_subscriptions_that_the_new_token_does_not_permit(
    herald: Herald, feed: Feed, store: Store
) -> None:
    member = herald.other("ada", ["acme", "other"])
    member.scope = "operator"
    own = (await store.create(a_task(brand_id="acme")))[0]
    shared = (await store.create(a_task(brand_id="acme", user_id="bob")))[0]
    withdrawn = {"brand:acme", "ops", f"task:{shared.task_id}"}
    kept = {"brand:other", f"task:{own.task_id}", "task:granted"}
    grant = herald.authenticator.issue_subscription("ada", "task:granted", 60)
    async with member.connected() as socket:

        async def unsubscribed() -> dict[str, Any]:
            while "unsubscribe" not in (push := await socket.push()):
                assert push["channel"] == "ops"  # the overview comes by itself
            return push

        for channel in sorted(withdrawn | kept):
            token = grant if channel == "task:granted" else ""
            assert "subscribe" in await socket.call(subscribe={"channel": channel, "token": token})
        assert "refresh" in await socket.call(refresh={"token": member.token()})
        assert "refresh" in await socket.call(refresh={"token": herald.other("ada", ["other"]).token()})
        pushes = [await unsubscribed() for _ in withdrawn]
        assert {push["channel"] for push in pushes} == withdrawn
        assert all(push["unsubscribe"] == {"code": 2000, "reason": "permission denied"} for push in pushes), (
            "below 2500, so the official SDKs do not subscribe again"
        )
        await feed.publish([*sorted(withdrawn), *sorted(kept), MINE], "{}")
        published = [await socket.push() for _ in {*kept, MINE}]
        assert {push["channel"] for push in published if "pub" in push} == {*kept, MINE}
        for channel in withdrawn:
            assert (await socket.call(subscribe={"channel": channel}))["error"]["code"] == 103
            assert (await socket.call(history={"channel": channel}))["error"]["code"] == 103


async def test_a_refresh_that_only_loses_the_scope_ends_the_operators_channel(herald: Herald) -> None:
    operator = herald.operator()
    async with operator.connected() as socket:
        assert "subscribe" in await socket.call(subscribe={"channel": "ops"})
        operator.scope = ""
        assert "refresh" in await socket.call(refresh={"token": operator.token()})
        while "unsubscribe" not in (push := await socket.push()):
            assert push["channel"] == "ops"
        assert push == {"channel": "ops", "unsubscribe": {"code": 2000, "reason": "permission denied"}}


async def test_a_subscription_token_keeps_a_channel_open_until_it_is_unsubscribed(
    herald: Herald, feed: Feed
) -> None:
    member = herald.other("ada", ["acme"])
    grant = {
        "channel": "brand:acme",
        "token": herald.authenticator.issue_subscription("ada", "brand:acme", 60),
    }
    async with member.connected() as socket:
        assert "subscribe" in await socket.call(subscribe={"channel": "brand:acme"})
        assert "sub_refresh" in await socket.call(sub_refresh=grant)
        assert "refresh" in await socket.call(refresh={"token": herald.token()})
        await feed.publish(["brand:acme"], "{}")
        assert "pub" in await socket.push(), "the brand was lost, not the subscription token"
        assert "refresh" in await socket.call(refresh={"token": member.token()})
        assert "unsubscribe" in await socket.call(unsubscribe={"channel": "brand:acme"})
        assert "subscribe" in await socket.call(subscribe={"channel": "brand:acme"})
        assert "refresh" in await socket.call(refresh={"token": herald.token()})
        assert (await socket.push())["unsubscribe"]["code"] == 2000, "this time there was no such token"


async def test_a_refresh_or_an_unsubscribe_right_behind_a_subscribe_takes_effect(
    herald: Herald, feed: Feed
) -> None:
    member = herald.other("ada", ["acme"])
    subscribe = {"id": 11, "subscribe": {"channel": "brand:acme"}}
    async with member.connected() as socket:
        await socket.send(subscribe, {"id": 12, "refresh": {"token": herald.token()}})
        messages = [await socket.next() for _ in range(3)]
        assert "subscribe" in messages[0]
        ended = [message["push"] for message in messages if "push" in message]
        assert [push["unsubscribe"]["code"] for push in ended] == [2000]
    async with member.connected() as socket:
        await socket.send(subscribe, {"id": 12, "unsubscribe": {"channel": "brand:acme"}})
        assert [(await socket.next())["id"] for _ in range(2)] == [11, 12]
        await feed.publish(["brand:acme", MINE], "{}")
        assert (await socket.push())["channel"] == MINE


class Client:
    """A transport that keeps what is sent."""

    name = "websocket"
    writable = True
    direct_write: Callable[[bytes], object] | None = None

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any] | codes.Disconnect] = asyncio.Queue()

    def write(self, frame: Frame) -> None:
        for line in frame.data.split(b"\n"):
            self.sent.put_nowait(json.loads(line))

    def close(self, why: codes.Disconnect) -> None:
        self.sent.put_nowait(why)

    async def message(self) -> dict[str, Any]:
        message = await self.sent.get()
        assert isinstance(message, dict), message
        return message


class Joining:
    """A hub on the real feed whose snapshots come when the test lets them, and connections to it."""

    def __init__(self, feed: Feed, store: Store, settings: Settings) -> None:
        self.authenticator = Authenticator(settings)
        self._feed = feed
        self._store = store
        self._settings = settings
        self.open = asyncio.Event()
        self.asked = asyncio.Event()
        self.hub: Hub

    async def snapshot(self, _: str) -> str:
        self.asked.set()
        await self.open.wait()
        return "{}"

    def connection(self, client: Client, **changes: Any) -> Connection:
        return Connection(
            client,
            hub=self.hub,
            authorizer=HubAuthorizer(self.authenticator, self._store),
            settings=self._settings.model_copy(update=changes),
        )


@pytest.fixture
async def joining(feed: Feed, store: Store, settings: Settings) -> AsyncIterator[Joining]:
    world = Joining(feed, store, settings)
    async with Hub.open(feed, world.snapshot) as world.hub:
        async with asyncio.timeout(60):
            yield world


@pytest.mark.parametrize("grace_s", [0, 0.5])
async def test_a_subscription_ends_with_its_token_though_it_took_long_to_join(
    joining: Joining, feed: Feed, grace_s: float
) -> None:
    client = Client()
    connection = joining.connection(client, expiry_grace_s=grace_s)
    joining.open.set()
    connection.feed(json.dumps({"id": 1, "connect": {"token": joining.authenticator.issue("ada", [], 60)}}))
    assert "connect" in await client.message()
    joining.open.clear()
    joining.asked.clear()
    expires_at = time.time() + 1
    token = joining.authenticator.issue_subscription("ada", "task:x", 1)
    connection.feed(json.dumps({"id": 2, "subscribe": {"channel": "task:x", "token": token}}))
    await joining.asked.wait()
    while time.time() < expires_at + grace_s + 0.1:
        await asyncio.sleep(0.05)
    joining.open.set()
    assert await client.message() == {"id": 2, "error": {"code": 109, "message": "token expired"}}
    await feed.publish(["task:x", MINE], "{}")
    assert (await client.message())["push"]["channel"] == MINE
    assert joining.hub.subscriptions == 1, "nothing waits for a client that will not hear of it"
    connection.release()


async def test_a_token_that_is_revoked_while_it_connects_does_not_connect(
    joining: Joining, feed: Feed, store: Store
) -> None:
    client = Client()
    connection = joining.connection(client)
    token = joining.authenticator.issue("ada", [], 60)
    connection.feed(json.dumps({"id": 1, "connect": {"token": token}}))
    await joining.asked.wait()
    principal = await joining.authenticator.principal(token)
    await Revocations(feed, joining.hub, joining.authenticator, store).revoke(principal)
    joining.open.set()
    assert await client.sent.get() == codes.FORCE_DISCONNECT


async def connected(joining: Joining, client: Client, token: str) -> Connection:
    joining.open.set()
    connection = joining.connection(client)
    assert "connect" in await answered(client, connection, connect={"token": token})
    return connection


async def answered(client: Client, connection: Connection, **command: Any) -> dict[str, Any]:
    connection.feed(json.dumps({"id": 1, **command}))
    return await client.message()


def timers(connection: Connection) -> dict[str, float]:
    """By name, the seconds until the connection's timers end something."""
    at = asyncio.get_running_loop().time()
    return {name: timer.when() - at for name, timer in connection.timers.pending.items()}


async def test_a_refreshed_token_s_expiry_replaces_that_of_the_token_before(joining: Joining) -> None:
    client, issue = Client(), joining.authenticator.issue
    connection = await connected(joining, client, issue("ada", [], 60))
    assert timers(connection)["expiry"] < 100
    assert "refresh" in await answered(client, connection, refresh={"token": issue("ada", [], 600)})
    assert timers(connection)["expiry"] > 500
    endless = jwt.encode({"sub": "ada"}, SECRET, algorithm="HS256")
    assert "refresh" in await answered(client, connection, refresh={"token": endless})
    assert "expiry" not in timers(connection)
    connection.release()


async def test_the_expiry_of_an_unsubscribed_channel_s_token_ends_nothing_later(joining: Joining) -> None:
    client, issue = Client(), joining.authenticator.issue_subscription
    connection = await connected(joining, client, joining.authenticator.issue("ada", ["acme"], 60))
    grant = {"channel": "brand:acme", "token": issue("ada", "brand:acme", 60)}
    assert "subscribe" in await answered(client, connection, subscribe=grant)
    assert "expiry brand:acme" in timers(connection)
    assert "unsubscribe" in await answered(client, connection, unsubscribe={"channel": "brand:acme"})
    assert "expiry brand:acme" not in timers(connection)
    connection.release()


async def test_a_token_that_is_revoked_while_it_refreshes_ends_the_connection(
    joining: Joining, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, at = Client(), time.time()
    shared, _ = await store.create(a_task(brand_id="acme", user_id="bob"))
    # Its issuer's clock is ahead, so the revocation does not concern it.
    before = jwt.encode({"sub": "ada", "brands": ["acme"], "iat": at + 20}, SECRET, algorithm="HS256")
    connection = await connected(joining, client, before)
    channel = f"task:{shared.task_id}"
    assert "subscribe" in await answered(client, connection, subscribe={"channel": channel})
    asked, go_on, get_public = asyncio.Event(), asyncio.Event(), store.get_public

    async def slow(task_ids: Sequence[str]) -> list[PublicTask]:
        asked.set()
        await go_on.wait()
        return await get_public(task_ids)

    monkeypatch.setattr(store, "get_public", slow)
    after = jwt.encode({"sub": "ada", "iat": at}, SECRET, algorithm="HS256")
    connection.feed(json.dumps({"id": 2, "refresh": {"token": after}}))
    await asked.wait()
    joining.authenticator.revoke("ada", at + 1)
    go_on.set()
    assert await client.sent.get() == codes.FORCE_DISCONNECT


async def test_a_subscription_that_ends_while_its_token_is_checked_is_not_refreshed(
    joining: Joining, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, authenticator = Client(), joining.authenticator
    connection = await connected(joining, client, authenticator.issue("ada", [], 60))
    grant = {"channel": "task:x", "token": authenticator.issue_subscription("ada", "task:x", 60)}
    assert "subscribe" in await answered(client, connection, subscribe=grant)
    asked, go_on, check = asyncio.Event(), asyncio.Event(), authenticator.subscription

    async def slow(token: str) -> SubscriptionGrant:
        asked.set()
        await go_on.wait()
        return await check(token)

    monkeypatch.setattr(authenticator, "subscription", slow)
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


@pytest.mark.parametrize("in_time", [True, False], ids=["joined meanwhile", "still joining"])
async def test_a_client_that_leaves_during_a_command_leaves_nothing_behind(
    joining: Joining, in_time: bool
) -> None:
    async def leave(connection: Connection) -> None:
        await joining.asked.wait()
        if in_time:
            joining.open.set()  # the command would go on with the loop's next turn
        connection.release()
        joining.open.set()
        async with asyncio.timeout(20):
            while joining.hub.subscriptions:
                await asyncio.sleep(0.01)
        assert joining.hub.sessions.count("ada") == 0

    client, token = Client(), joining.authenticator.issue("ada", [], 60)
    connection = joining.connection(client)
    connection.feed(json.dumps({"id": 1, "connect": {"token": token}}))
    await leave(connection)
    connection = await connected(joining, client, token)
    joining.open.clear()
    joining.asked.clear()
    grant = joining.authenticator.issue_subscription("ada", "task:x", 60)
    connection.feed(json.dumps({"id": 2, "subscribe": {"channel": "task:x", "token": grant}}))
    await leave(connection)


def third_party_token(ahead_s: int = 0) -> str:
    """A token of an issuer that writes ``iat`` in whole seconds, and whose clock may be ahead."""
    claims = {"sub": "ada", "iat": int(time.time()) + ahead_s}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def status(herald: Herald, token: str) -> int:
    return (await herald.http.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})).status_code


async def revoke(herald: Herald, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert (await herald.http.post("/api/token/revoke", headers=headers)).status_code == 204


async def test_a_token_issued_right_after_a_revocation_works_and_those_before_it_do_not(
    herald: Herald,
) -> None:
    before = [third_party_token(), herald.token()]
    await revoke(herald, before[0])
    after = [third_party_token(), herald.token()]
    assert [await status(herald, token) for token in before] == [401, 401]
    assert [await status(herald, token) for token in after] == [200, 200]


async def test_the_token_that_asks_for_a_revocation_is_revoked_even_if_its_issuer_s_clock_is_ahead(
    herald: Herald,
) -> None:
    before = third_party_token(ahead_s=5)
    await revoke(herald, before)
    after = third_party_token(ahead_s=5)
    assert [await status(herald, token) for token in (before, after)] == [401, 200]


async def test_a_revocation_concerns_subscription_tokens_too(herald: Herald) -> None:
    grant = herald.authenticator.issue_subscription("ada", "task:x", 60)
    await revoke(herald, herald.token())
    async with herald.connected() as socket:
        reply = await socket.call(subscribe={"channel": "task:x", "token": grant})
        assert reply["error"]["code"] == 103


async def test_revocations_outlive_the_loss_of_redis_s_data(
    settings: Settings, herald: Herald, feed: Feed
) -> None:
    token = herald.token()
    await revoke(herald, token)
    await feed.redis.flushall()
    async with herald_with(settings) as started:
        assert [await status(one, token) for one in (herald, started)] == [401, 401]


async def test_a_hub_that_missed_an_announcement_learns_of_it_and_forgets_nothing_it_knew(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 0.02)
    async with herald_with(settings) as herald:
        ada, bob = herald.token(), herald.other("bob").token()
        await revoke(herald, ada)
        await store._revocations.delete_many({})
        await store.revoke_tokens("bob", time.time())
        async with asyncio.timeout(30):
            while await status(herald, bob) != 401:
                await asyncio.sleep(0.01)
        assert await status(herald, ada) == 401


async def test_reloads_go_on_after_an_error_of_redis(
    settings: Settings,
    store: Store,
    feed: Feed,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 0.02)
    await feed.redis.set("herald:revoked", "not a hash")
    async with herald_with(settings) as herald, asyncio.timeout(30):
        while "could not read the revocations" not in caplog.text:
            await asyncio.sleep(0.01)
        token = herald.token()
        await store.revoke_tokens("ada", time.time())
        while await status(herald, token) != 401:
            await asyncio.sleep(0.01)


async def test_reloads_spare_connections_with_newer_tokens(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 0.02)
    async with herald_with(settings) as herald:
        await revoke(herald, herald.token())
        async with herald.connected() as socket:
            bob = herald.other("bob").token()
            await store.revoke_tokens("bob", time.time())
            async with asyncio.timeout(30):
                while await status(herald, bob) != 401:
                    await asyncio.sleep(0.01)
            assert "ping" in await socket.call(ping={})


async def test_revocations_are_in_force_from_the_first_moment(
    joining: Joining, feed: Feed, store: Store
) -> None:
    at = time.time()
    await store.revoke_tokens("ada", at)
    async with Revocations.open(feed, joining.hub, joining.authenticator, store) as revocations:
        assert joining.authenticator.knows("ada", at)
        revocations._on_signal("")  # from a process of the version before, which names no user
        assert not joining.authenticator.knows("ada", at + 1)


async def test_a_revocation_that_cannot_be_stored_is_not_applied(
    joining: Joining, feed: Feed, settings: Settings
) -> None:
    authenticator = joining.authenticator
    principal = await authenticator.principal(authenticator.issue("ada", [], 60))
    async with Store.connect(settings) as closed:
        revocations = Revocations(feed, joining.hub, authenticator, closed)
    with pytest.raises(PyMongoError):
        await revocations.revoke(principal)
    assert not authenticator.is_revoked(principal)


async def test_revocations_of_the_version_before_are_taken_over_from_redis(
    settings: Settings, store: Store, feed: Feed
) -> None:
    token = Authenticator(settings).issue("ada", [], 60)
    await feed.redis.hset("herald:revoked", "bob", str(time.time() - 32 * 24 * 3600))  # type: ignore[misc]
    await feed.redis.hset("herald:revoked", "ada", str(time.time()))  # type: ignore[misc]
    async with herald_with(settings) as herald, asyncio.timeout(30):
        while await status(herald, token) != 401:
            await asyncio.sleep(0.01)
        while not await store.revocations():
            await asyncio.sleep(0.01)
    assert await store._revocations.count_documents({}) == 1, "those of more than a month ago are left alone"


async def test_a_revocation_is_kept_precisely_never_moves_back_and_is_forgotten_after_a_month(
    store: Store,
) -> None:
    at = time.time()
    await store.revoke_tokens("ada", at)
    await store.revoke_tokens("ada", at - 10)
    await store.revoke_tokens("bob", at - 32 * 24 * 3600)
    assert await store.revocations() == {"ada": at}
    indexes = await store._revocations.index_information()
    assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [
        31 * 24 * 3600
    ]
