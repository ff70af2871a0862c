"""Revoked tokens are refused everywhere, and their connections end."""

import asyncio
import json
import time
from collections.abc import Sequence

import jwt
import pytest
from pymongo.errors import PyMongoError

from herald.server.auth import revocation
from herald.server.auth.revocation import Revocations
from herald.server.hub import codes
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.conftest import SECRET
from tests.support.client import Herald
from tests.support.held_hub import Client, HeldHub
from tests.support.tasks import a_task
from tests.support.web import herald_with


def third_party_token(ahead_s: int = 0) -> str:
    """A token from an issuer that writes ``iat`` in whole seconds and whose clock may be ahead."""
    claims = {"sub": "ada", "iat": int(time.time()) + ahead_s}
    return jwt.encode(claims, SECRET, algorithm="HS256")


async def status(herald: Herald, token: str) -> int:
    return (await herald.http.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})).status_code


async def revoke(herald: Herald, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert (await herald.http.post("/api/token/revoke", headers=headers)).status_code == 204


async def test_a_token_issued_right_after_a_revocation_works_and_earlier_ones_do_not(
    herald: Herald,
) -> None:
    before = [third_party_token(), herald.token()]
    await revoke(herald, before[0])
    after = [third_party_token(), herald.token()]
    assert [await status(herald, token) for token in before] == [401, 401]
    assert [await status(herald, token) for token in after] == [200, 200]


async def test_the_revoking_token_is_revoked_even_if_its_issuer_s_clock_is_ahead(
    herald: Herald,
) -> None:
    before = third_party_token(ahead_s=5)
    await revoke(herald, before)
    after = third_party_token(ahead_s=5)
    assert [await status(herald, token) for token in (before, after)] == [401, 200]


async def test_a_revocation_covers_subscription_tokens(herald: Herald) -> None:
    grant = herald.issuer.issue_subscription("ada", "task:x", 60)
    await revoke(herald, herald.token())
    async with herald.connected() as socket:
        reply = await socket.call(subscribe={"channel": "task:x", "token": grant})
        assert reply["error"]["code"] == 103


async def test_revocations_survive_the_loss_of_redis_data(
    settings: Settings, herald: Herald, feed: Feed
) -> None:
    token = herald.token()
    await revoke(herald, token)
    await feed.redis.flushall()
    async with herald_with(settings) as started:
        assert [await status(one, token) for one in (herald, started)] == [401, 401]


async def test_a_hub_that_missed_a_signal_catches_up_and_keeps_what_it_knew(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 0.02)
    async with herald_with(settings) as herald:
        ada, bob = herald.token(), herald.other("bob").token()
        await revoke(herald, ada)
        await store._database["revocations"].delete_many({})
        await store.revocations.save("bob", time.time())
        async with asyncio.timeout(30):
            while await status(herald, bob) != 401:
                await asyncio.sleep(0.01)
        assert await status(herald, ada) == 401


async def test_reloads_continue_after_a_redis_error(
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
        await store.revocations.save("ada", time.time())
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
            await store.revocations.save("bob", time.time())
            async with asyncio.timeout(30):
                while await status(herald, bob) != 401:
                    await asyncio.sleep(0.01)
            assert "ping" in await socket.call(ping={})


async def test_revocations_are_in_force_from_the_first_moment(
    held: HeldHub, feed: Feed, store: Store
) -> None:
    at = time.time()
    await store.revocations.save("ada", at)
    async with Revocations.open(feed, held.hub, held.verifier.revoked, store) as revocations:
        assert held.verifier.revoked.covers("ada", at)
        revocations._on_signal("")  # from a process of the previous version, which names no user
        assert not held.verifier.revoked.covers("ada", at + 1)


async def test_a_revocation_that_cannot_be_stored_is_not_applied(
    held: HeldHub, feed: Feed, settings: Settings
) -> None:
    verifier = held.verifier
    principal = await verifier.principal(held.issuer.issue("ada", [], 60))
    async with Store.connect(settings) as closed:
        revocations = Revocations(feed, held.hub, verifier.revoked, closed)
    with pytest.raises(PyMongoError):
        await revocations.revoke(principal)
    assert not verifier.is_revoked(principal)


async def test_revocations_of_the_previous_version_are_imported_from_redis(
    settings: Settings, store: Store, feed: Feed
) -> None:
    token = TokenIssuer(settings).issue("ada", [], 60)
    await feed.redis.hset("herald:revoked", "bob", str(time.time() - 32 * 24 * 3600))  # type: ignore[misc]
    await feed.redis.hset("herald:revoked", "ada", str(time.time()))  # type: ignore[misc]
    async with herald_with(settings) as herald, asyncio.timeout(30):
        while await status(herald, token) != 401:
            await asyncio.sleep(0.01)
        while not await store.revocations.load():
            await asyncio.sleep(0.01)
    assert await store._database["revocations"].count_documents({}) == 1, (
        "those older than a month are not imported"
    )


async def test_a_revocation_keeps_its_exact_time_never_moves_back_and_expires_after_a_month(
    store: Store,
) -> None:
    at = time.time()
    await store.revocations.save("ada", at)
    await store.revocations.save("ada", at - 10)
    await store.revocations.save("bob", at - 32 * 24 * 3600)
    assert await store.revocations.load() == {"ada": at}
    indexes = await store._database["revocations"].index_information()
    assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [
        31 * 24 * 3600
    ]


async def test_a_token_revoked_while_it_connects_does_not_connect(
    held: HeldHub, feed: Feed, store: Store
) -> None:
    client = Client()
    connection = held.connection(client)
    token = held.issuer.issue("ada", [], 60)
    connection.feed(json.dumps({"id": 1, "connect": {"token": token}}))
    await held.snapshot_requested.wait()
    principal = await held.verifier.principal(token)
    await Revocations(feed, held.hub, held.verifier.revoked, store).revoke(principal)
    held.snapshots_ready.set()
    assert await client.sent.get() == codes.FORCE_DISCONNECT


async def test_a_token_revoked_while_it_refreshes_ends_the_connection(
    held: HeldHub, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, at = Client(), time.time()
    shared, _ = await store.create(a_task(brand_id="acme", user_id="bob"))
    # Its issuer's clock is ahead, so the revocation does not cover it.
    before = jwt.encode({"sub": "ada", "brands": ["acme"], "iat": at + 20}, SECRET, algorithm="HS256")
    connection = await held.connected(client, before)
    channel = f"task:{shared.task_id}"
    assert "subscribe" in await client.call(connection, subscribe={"channel": channel})
    asked, go_on, by_ids = asyncio.Event(), asyncio.Event(), store.queries.by_ids

    async def slow(task_ids: Sequence[str]) -> list[PublicTask]:
        asked.set()
        await go_on.wait()
        return await by_ids(task_ids)

    monkeypatch.setattr(store.queries, "by_ids", slow)
    after = jwt.encode({"sub": "ada", "iat": at}, SECRET, algorithm="HS256")
    connection.feed(json.dumps({"id": 2, "refresh": {"token": after}}))
    await asked.wait()
    held.verifier.revoked.add("ada", at + 1)
    go_on.set()
    assert await client.sent.get() == codes.FORCE_DISCONNECT
