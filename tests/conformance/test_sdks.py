"""The official Centrifugo SDKs work with Herald's hub."""

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.conformance.sdks import KINDS, Sdk, client
from tests.support.client import PERSONAS, Herald
from tests.support.hub import MINE, announced
from tests.support.processes import web
from tests.support.proxy import Proxy, proxy_to
from tests.support.tasks import a_task
from tests.support.web import herald_with

pytestmark = pytest.mark.parametrize("kind", KINDS)


def sdk_at(
    address: str, issuer: TokenIssuer, kind: str, ttl_s: float = 60
) -> AbstractAsyncContextManager[Sdk]:
    return client(
        kind,
        address,
        lambda: issuer.issue("ada", ["acme"], ttl_s),
        lambda channel: issuer.issue_subscription("ada", channel, 60),
    )


async def test_a_client_gets_a_snapshot_and_then_events(herald: Herald, kind: str) -> None:
    before = await herald.create(PERSONAS)
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        subscribed = await sdk.until("subscribed", channel=MINE)
        assert subscribed["data"] == {"tasks": [before]}
        task = await herald.create(PERSONAS)
        publication = await sdk.until("publication", channel=MINE)
        assert (publication["offset"], publication["data"]["task"]) == (2, task)
        await sdk.do(do="disconnect")
        await sdk.until("disconnected", code=0)


async def test_an_invalid_token_disconnects_for_good(herald: Herald, kind: str) -> None:
    async with client(kind, herald.address, lambda: "nonsense", lambda _: "") as sdk:
        await sdk.do(do="connect")
        await sdk.until("disconnected", code=3500)


async def test_an_expired_token_is_replaced_by_a_new_one(herald: Herald, kind: str) -> None:
    lifetimes = iter([-10, 60])
    issuer = herald.issuer
    async with client(
        kind, herald.address, lambda: issuer.issue("ada", [], next(lifetimes)), lambda _: ""
    ) as sdk:
        await sdk.do(do="connect")
        await sdk.until("connected")
        assert sdk.tokens_requested == 2


async def test_a_token_is_refreshed_without_a_reconnect(settings: Settings, kind: str) -> None:
    async with herald_with(settings, expiry_grace_s=0.2) as herald:
        async with sdk_at(herald.address, herald.issuer, kind, ttl_s=2) as sdk:
            await sdk.do(do="connect")
            await sdk.until("connected")
            while sdk.tokens_requested < 3:
                await herald.create(PERSONAS)
                await sdk.until("publication")
            assert [event for event in sdk.passed if event["event"] == "disconnected"] == []
            assert len([event for event in sdk.passed if event["event"] == "connecting"]) == 1


async def test_a_refresh_with_an_expired_token_leads_to_a_reconnect(settings: Settings, kind: str) -> None:
    async with herald_with(settings, expiry_grace_s=0.2) as herald:
        lifetimes = iter([2, -10])
        issue = herald.issuer.issue
        async with client(
            kind, herald.address, lambda: issue("ada", [], next(lifetimes, 60)), lambda _: ""
        ) as sdk:
            await sdk.do(do="connect")
            await sdk.until("connected")
            await sdk.until("connecting", code=3005)
            await sdk.until("connected")


async def test_application_state_is_reloaded_when_its_position_is_invalid(
    herald: Herald, feed: Feed, kind: str
) -> None:
    channel = "brand:acme"
    await feed.publish([(channel, "{}")] * 3)
    epoch = (await feed.history(channel, limit=0)).position.epoch
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.until("connected")
        # The first state has an unknown epoch, the second has none.
        states = [{"offset": 1, "epoch": f"not {epoch}"}, {"offset": 1, "epoch": ""}]
        await sdk.do(do="subscribe", channel=channel, states=states)
        subscribed = await sdk.until("subscribed", channel=channel)
        assert subscribed["recovered"] and subscribed.get("data") is None
        assert await sdk.publications(channel, 2) == [2, 3]
        assert [event for event in sdk.passed if event["event"] == "unsubscribed"] == []


async def test_unsupported_subscriptions_end_with_their_code(herald: Herald, kind: str) -> None:
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.until("connected")
        await sdk.do(do="subscribe", channel="brand:acme", filtered=True)
        await sdk.until("unsubscribed", channel="brand:acme", code=107)
        if kind != "python":  # the Python SDK has no map subscriptions
            await sdk.do(do="subscribe", channel="map", type="map")
            await sdk.until("unsubscribed", channel="map", code=108)


async def test_an_unsupported_message_disconnects_for_good(herald: Herald, kind: str) -> None:
    if kind == "python":
        pytest.skip("the Python SDK cannot send messages")
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.until("connected")
        await sdk.do(do="send")
        await sdk.until("disconnected", code=3508)


async def test_protobuf_disconnects_for_good(herald: Herald, kind: str) -> None:
    if kind not in {"python", "websocket"}:
        pytest.skip("only a WebSocket announces its encoding")
    async with sdk_at(herald.address, herald.issuer, f"{kind}-protobuf") as sdk:
        await sdk.do(do="connect")
        await sdk.until("disconnected", code=3506)


async def test_a_subscription_ends_for_good_if_a_new_token_does_not_permit_it(
    settings: Settings, feed: Feed, kind: str
) -> None:
    async with herald_with(settings) as herald:
        issue = herald.issuer.issue
        tokens = iter([issue("ada", ["acme"], 2), issue("ada", [], 60)])
        async with client(kind, herald.address, lambda: next(tokens), lambda _: "") as sdk:
            await sdk.do(do="connect")
            await sdk.do(do="subscribe", channel="brand:acme")
            await sdk.until("subscribed", channel="brand:acme")
            assert (await sdk.until("unsubscribed", channel="brand:acme"))["code"] == 2000
            await feed.publish([("brand:acme", "{}"), (MINE, "{}")])
            assert (await sdk.until("publication"))["channel"] == MINE
            assert len([event for event in sdk.passed if event["event"] == "connecting"]) == 1
            subscribed = [event for event in sdk.passed if event["event"] == "subscribed"]
            assert [event["channel"] for event in subscribed] == [MINE], "the client subscribed again"


async def test_clients_can_subscribe_read_history_and_unsubscribe(
    herald: Herald, feed: Feed, kind: str
) -> None:
    task = await herald.create(PERSONAS)
    channel = f"task:{task['taskId']}"
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.until("connected")
        await sdk.do(do="subscribe", channel=channel)
        subscribed = await sdk.until("subscribed", channel=channel)
        assert subscribed["data"]["tasks"] == [task]
        for number in range(2):
            await feed.publish([(channel, json.dumps({"n": number}))])
        assert await sdk.publications(channel, 2) == [2, 3]
        await sdk.do(do="history", channel=channel, limit=2, reverse=True)
        assert (await sdk.until("history"))["offsets"] == [3, 2]
        await sdk.do(do="unsubscribe", channel=channel)
        await sdk.until("unsubscribed", channel=channel)
        await sdk.do(do="subscribe", channel="brand:foreign")
        assert (await sdk.until("unsubscribed", channel="brand:foreign"))["code"] == 103
        await sdk.do(do="subscribe", channel="task:shared", withToken=True)
        await sdk.until("subscribed", channel="task:shared")


async def test_a_client_recovers_from_dropped_connections(herald: Herald, feed: Feed, kind: str) -> None:
    async with through_proxy(herald) as (proxy, address), sdk_at(address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.do(do="subscribe", channel="brand:acme")
        await sdk.until("subscribed", channel="brand:acme")
        offsets: dict[str, list[int]] = {MINE: [], "brand:acme": []}
        for number in range(1, 4):
            proxy.drop()
            await sdk.until("connecting")
            await feed.publish([(channel, "{}") for channel in offsets])
            while any(len(received) < number for received in offsets.values()):
                publication = await sdk.until("publication")
                offsets[publication["channel"]].append(publication["offset"])
        assert offsets == {MINE: [1, 2, 3], "brand:acme": [1, 2, 3]}
        again = [event for event in sdk.passed if event["event"] == "subscribed" and event["wasRecovering"]]
        assert len(again) >= 5 and all(event["recovered"] for event in again)


@asynccontextmanager
async def through_proxy(herald: Herald) -> AsyncIterator[tuple[Proxy, str]]:
    async with proxy_to(int(herald.address.split(":")[1])) as proxy:
        yield proxy, f"127.0.0.1:{proxy.port}"


async def test_a_lost_position_leads_to_a_new_snapshot(
    herald: Herald, feed: Feed, store: Store, kind: str
) -> None:
    task, _ = await store.create(a_task(brand_id="acme"))
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.do(do="subscribe", channel="brand:acme")
        await sdk.until("subscribed", channel="brand:acme")
        await feed.publish([(MINE, "{}"), ("brand:acme", "{}")])
        await sdk.publications("brand:acme", 1)
        await feed.redis.flushall()
        await feed.publish([(MINE, "{}"), ("brand:acme", "{}")])
        for _ in range(2):
            fresh = await sdk.until("subscribed")
            assert not fresh["recovered"]
            assert [found["taskId"] for found in fresh["data"]["tasks"]] == [task.task_id]
        await feed.publish([(MINE, "{}"), ("brand:acme", "{}")])
        await sdk.until("publication", offset=2)


async def test_a_client_can_have_many_subscriptions(herald: Herald, feed: Feed, kind: str) -> None:
    channels = [f"task:{number}" for number in range(100)]
    async with sdk_at(herald.address, herald.issuer, kind) as sdk:
        await sdk.do(do="connect")
        await sdk.until("subscribed", channel=MINE)
        for channel in channels:
            await sdk.do(do="subscribe", channel=channel, withToken=True)
        joined = {(await sdk.until("subscribed"))["channel"] for _ in channels}
        assert joined == set(channels)
        await feed.publish([(channel, "{}") for channel in channels])
        assert {(await sdk.until("publication"))["channel"] for _ in channels} == set(channels)


async def test_a_client_recovers_after_a_server_restart(settings: Settings, feed: Feed, kind: str) -> None:
    port = free_port()
    issuer = TokenIssuer(settings)
    async with sdk_at(f"127.0.0.1:{port}", issuer, kind) as sdk:
        async with web(settings, port):
            await sdk.do(do="connect")
            await sdk.until("subscribed", channel=MINE)
            await announced(feed, 1)
            assert await sdk.publications(MINE, 1) == [1]
        await announced(feed, 2)
        async with web(settings, port):
            assert await sdk.publications(MINE, 2) == [2, 3]
            assert not any(event["event"] == "disconnected" for event in sdk.passed)


async def test_the_javascript_sdk_falls_back_if_websockets_are_blocked(herald: Herald, kind: str) -> None:
    if kind != "http_stream":
        pytest.skip("one fallback is enough")
    async with sdk_at(herald.address, herald.issuer, "blocked") as sdk:
        await sdk.do(do="connect")
        assert (await sdk.until("connected"))["transport"] == "http_stream"
        await herald.create(PERSONAS)
        await sdk.until("publication", channel=MINE)
