"""Subscriptions: their snapshots, their events, and the permissions they need."""

import json

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import TaskStatus, now
from herald.shared.tasks.store import Store
from tests.support.client import PERSONAS, Herald
from tests.support.hub import MINE, subscribed
from tests.support.tasks import a_task
from tests.support.web import herald_with


async def test_a_connect_subscribes_to_the_tasks_of_the_user_with_a_snapshot(herald: Herald) -> None:
    task = await herald.create(PERSONAS)
    await herald.other("bob").create(PERSONAS)
    async with herald.connected() as socket:
        assert socket.hello["client"] and socket.hello["ping"] == 25 and socket.hello["pong"] is True
        assert socket.hello["expires"] is True and 50 <= socket.hello["ttl"] <= 60
        assert list(socket.hello["subs"]) == [MINE]
        subscription = subscribed(socket.hello)
        assert subscription["data"] == {"tasks": [task]}
        assert subscription["recoverable"] and subscription["positioned"] and subscription["offset"] == 1


async def test_a_snapshot_has_every_active_task(herald: Herald, store: Store) -> None:
    tasks = [a_task() for _ in range(1000)]
    await store._tasks.insert_many([task.document() for task in tasks])
    async with herald.connected() as socket:
        data = subscribed(socket.hello)["data"]
    assert data.keys() == {"tasks"}
    assert {task["taskId"] for task in data["tasks"]} == {task.task_id for task in tasks}


async def test_a_truncated_snapshot_has_a_cursor_to_the_rest(settings: Settings, store: Store) -> None:
    tasks = [a_task(brand_id="acme", last_error="é" * 100) for _ in range(30)]
    tasks += [a_task(brand_id="acme", status=TaskStatus.CANCELLED, completed_at=now()) for _ in range(5)]
    await store._tasks.insert_many([task.document() for task in tasks])
    everything = {task.task_id for task in tasks}
    async with herald_with(settings, max_outbox_bytes=16 * 1024) as herald:
        herald.brands = ["acme"]
        async with herald.connected() as socket:
            mine = subscribed(socket.hello)["data"]
            acme = (await socket.call(subscribe={"channel": "brand:acme"}))["subscribe"]["data"]
        for data, owner in ((mine, ""), (acme, "brandId=acme&")):
            assert data["truncated"] is True
            assert 8 * 1024 < len(json.dumps(data, ensure_ascii=False).encode()) < 16 * 1024
            shown = {task["taskId"] for task in data["tasks"]}
            assert shown < everything
            rest = (await herald.get(f"/api/jobs?{owner}after={data['after']}")).json()["tasks"]
            assert everything - shown <= {task["taskId"] for task in rest}
        refused = await herald.get("/api/jobs?brandId=another")
        assert refused.status_code == 403 and "another" in refused.json()["detail"]


async def test_events_reach_every_tab_of_their_user_and_nobody_else(herald: Herald) -> None:
    async with (
        herald.connected() as first,
        herald.connected() as second,
        herald.other("bob").connected() as foreign,
    ):
        task = await herald.create(PERSONAS)
        for tab in (first, second):
            push = await tab.push()
            assert push["channel"] == MINE
            assert push["pub"]["offset"] == 1
            assert push["pub"]["data"]["type"] == "task.queued"
            assert push["pub"]["data"]["task"] == task
        assert await foreign.silence()


async def test_the_owner_and_the_brand_of_a_task_may_follow_its_channel(
    herald: Herald, feed: Feed, store: Store
) -> None:
    member = herald.other("eve", ["acme"])
    task = (await store.create(a_task(brand_id="acme")))[0]
    channels = [f"task:{task.task_id}", "brand:acme"]
    async with member.connected() as socket, herald.other("bob").connected() as foreign:
        for channel in channels:
            subscription = (await socket.call(subscribe={"channel": channel}))["subscribe"]
            assert [found["taskId"] for found in subscription["data"]["tasks"]] == [task.task_id]
            assert (await foreign.call(subscribe={"channel": channel}))["error"]["code"] == 103
        await feed.publish(TaskEvent.of(task).messages())
        assert {(await socket.push())["channel"] for _ in channels} == set(channels)
        assert (await socket.call(unsubscribe={"channel": channels[0]}))["unsubscribe"] == {}
        await feed.publish(TaskEvent.of(task).messages())
        assert (await socket.push())["channel"] == "brand:acme"
        assert await socket.silence()
        again = (await socket.call(subscribe={"channel": channels[0]}))["subscribe"]
        assert again["offset"] == 2


async def test_a_subscription_token_opens_one_channel_until_it_expires(
    settings: Settings, feed: Feed
) -> None:
    async with herald_with(settings, expiry_grace_s=0) as herald, herald.connected() as socket:
        issue = herald.issuer.issue_subscription
        channel = "task:foreign"
        for wrong in (issue("bob", channel, 60), issue("ada", "task:other", 60), herald.token(), "nonsense"):
            reply = await socket.call(subscribe={"channel": channel, "token": wrong})
            assert reply["error"]["code"] == 103
        old = await socket.call(subscribe={"channel": channel, "token": issue("ada", channel, -5)})
        assert old["error"]["code"] == 109
        reply = (await socket.call(subscribe={"channel": channel, "token": issue("ada", channel, 60)}))[
            "subscribe"
        ]
        assert reply["expires"] is True and 55 <= reply["ttl"] <= 60
        await feed.publish([(channel, "{}")])
        assert (await socket.push())["channel"] == channel
        refreshed = await socket.call(sub_refresh={"channel": channel, "token": issue("ada", channel, 1)})
        assert refreshed["sub_refresh"] == {"expires": True, "ttl": 1}
        push = await socket.push()
        assert push == {"channel": channel, "unsubscribe": {"code": 2501, "reason": "subscription expired"}}
        ended = await socket.call(sub_refresh={"channel": channel, "token": issue("ada", channel, 60)})
        assert ended["error"]["code"] == 103


async def test_a_subscription_token_does_not_open_a_connection(herald: Herald) -> None:
    async with herald.socket() as socket:
        token = herald.issuer.issue_subscription("ada", "task:x", 60)
        await socket.send({"id": 1, "connect": {"token": token}})
        assert await socket.closed() == (3500, "invalid token")
