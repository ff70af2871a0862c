"""A refresh ends the subscriptions that the new token does not permit."""

from typing import Any

from herald.shared.feed.feed import Feed
from herald.shared.tasks.store import Store
from tests.support.client import Herald
from tests.support.hub import MINE
from tests.support.tasks import a_task


async def test_a_refresh_ends_the_subscriptions_that_the_new_token_does_not_permit(
    herald: Herald, feed: Feed, store: Store
) -> None:
    member = herald.other("ada", ["acme", "other"])
    member.scope = "operator"
    own = (await store.create(a_task(brand_id="acme")))[0]
    shared = (await store.create(a_task(brand_id="acme", user_id="bob")))[0]
    withdrawn = {"brand:acme", "ops", f"task:{shared.task_id}"}
    kept = {"brand:other", f"task:{own.task_id}", "task:granted"}
    grant = herald.issuer.issue_subscription("ada", "task:granted", 60)
    async with member.connected() as socket:

        async def unsubscribed() -> dict[str, Any]:
            while "unsubscribe" not in (push := await socket.push()):
                assert push["channel"] == "ops"  # an overview, published every few seconds
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
        await feed.publish([(channel, "{}") for channel in (*sorted(withdrawn), *sorted(kept), MINE)])
        published = [await socket.push() for _ in {*kept, MINE}]
        assert {push["channel"] for push in published if "pub" in push} == {*kept, MINE}
        for channel in withdrawn:
            assert (await socket.call(subscribe={"channel": channel}))["error"]["code"] == 103
            assert (await socket.call(history={"channel": channel}))["error"]["code"] == 103


async def test_a_refresh_that_loses_the_scope_ends_the_operators_channel(herald: Herald) -> None:
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
        "token": herald.issuer.issue_subscription("ada", "brand:acme", 60),
    }
    async with member.connected() as socket:
        assert "subscribe" in await socket.call(subscribe={"channel": "brand:acme"})
        assert "sub_refresh" in await socket.call(sub_refresh=grant)
        assert "refresh" in await socket.call(refresh={"token": herald.token()})
        await feed.publish([("brand:acme", "{}")])
        assert "pub" in await socket.push(), (
            "the token lost the brand, but the subscription token is still valid"
        )
        assert "refresh" in await socket.call(refresh={"token": member.token()})
        assert "unsubscribe" in await socket.call(unsubscribe={"channel": "brand:acme"})
        assert "subscribe" in await socket.call(subscribe={"channel": "brand:acme"})
        assert "refresh" in await socket.call(refresh={"token": herald.token()})
        assert (await socket.push())["unsubscribe"]["code"] == 2000, (
            "this time there was no subscription token"
        )


async def test_a_refresh_or_an_unsubscribe_right_after_a_subscribe_takes_effect(
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
        await feed.publish([("brand:acme", "{}"), (MINE, "{}")])
        assert (await socket.push())["channel"] == MINE
