"""Reconnecting clients and outages of the feed: no event is missing or repeated."""

import asyncio
import json
from typing import Any

import pytest

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald
from tests.support.hub import MINE, announced, position, subscribed
from tests.support.tasks import a_task
from tests.support.web import serving


async def test_a_returning_client_gets_the_missed_events_instead_of_a_snapshot(
    herald: Herald, feed: Feed
) -> None:
    async with herald.connected() as socket:
        before = position(subscribed(socket.hello))
    await announced(feed, 3)
    async with herald.connected(subs={MINE: before}) as socket:
        subscription = subscribed(socket.hello)
        assert subscription["recovered"] and subscription["was_recovering"] and "data" not in subscription
        assert [publication["offset"] for publication in subscription["publications"]] == [1, 2, 3]
        assert subscription["publications"][0]["data"]["type"] == "task.progress"
        await announced(feed, 1)
        assert (await socket.publication())["offset"] == 4
    async with herald.connected(subs={MINE: before | {"offset": 4}}) as socket:
        assert subscribed(socket.hello)["recovered"] and "publications" not in subscribed(socket.hello)


@pytest.mark.parametrize("change", [{"epoch": "another"}, {"offset": 1000}, {"offset": 0}])
async def test_a_client_whose_position_cannot_be_recovered_gets_a_snapshot(
    settings: Settings, feed: Feed, store: Store, change: dict[str, Any]
) -> None:
    short = settings.model_copy(update={"history_size": 2})
    async with (
        Feed.connect(short) as short_feed,
        serving(create_app(short)) as address,
        Herald.at(address, TokenIssuer(settings)) as herald,
    ):
        task, _ = await store.create(a_task())
        await announced(short_feed, 4)
        epoch = (await feed.history(MINE, limit=0)).position.epoch
        asked = {"recover": True, "epoch": epoch, "offset": 4} | change
        async with herald.connected(subs={MINE: asked}) as socket:
            subscription = subscribed(socket.hello)
            assert subscription["was_recovering"] and "recovered" not in subscription
            assert [found["taskId"] for found in subscription["data"]["tasks"]] == [task.task_id]
            assert (subscription["offset"], subscription["epoch"]) == (4, epoch)


async def test_a_position_without_an_epoch_belongs_to_the_current_epoch(herald: Herald, feed: Feed) -> None:
    await announced(feed, 3)
    async with herald.connected(subs={MINE: {"recover": True, "offset": 1}}) as socket:
        subscription = subscribed(socket.hello)
        assert subscription["recovered"]
        assert [missed["offset"] for missed in subscription["publications"]] == [2, 3]


@pytest.mark.parametrize("change", [{"epoch": "another"}, {"offset": 1000}])
async def test_a_client_may_ask_for_an_error_instead_of_a_snapshot(
    herald: Herald, feed: Feed, change: dict[str, Any]
) -> None:
    herald.brands = ["acme"]
    await feed.publish([("brand:acme", "{}")])
    epoch = (await feed.history("brand:acme", limit=0)).position.epoch
    asked = {"channel": "brand:acme", "recover": True, "epoch": epoch, "offset": 0, "flag": 3}
    async with herald.connected() as socket:
        refused = await socket.call(subscribe=asked | change)
        assert refused["error"] == {"code": 112, "message": "unrecoverable position"}
        recovered = (await socket.call(subscribe=asked))["subscribe"]
        assert recovered["recovered"] and len(recovered["publications"]) == 1, (
            "the client may subscribe again"
        )
        await socket.call(unsubscribe={"channel": "brand:acme"})
        fresh = (await socket.call(subscribe={"channel": "brand:acme", "flag": 3}))["subscribe"]
        assert "data" in fresh, "a client without a position gets a snapshot"


async def test_a_connect_with_a_position_out_of_range_is_a_bad_request(herald: Herald) -> None:
    async with herald.socket() as socket:
        subs = {MINE: {"recover": True, "offset": 2**63}}
        refused = await socket.call(connect={"token": herald.token(), "subs": subs})
        assert refused["error"] == {"code": 107, "message": "bad request"}


async def test_a_client_that_joins_while_events_flow_gets_each_of_them_once(
    herald: Herald, feed: Feed
) -> None:
    async def publish() -> None:
        await announced(feed, 150)

    async def join() -> list[int]:
        async with herald.connected() as socket:
            at = subscribed(socket.hello)["offset"]
            offsets = []
            while at < 150:
                at = (await socket.publication())["offset"]
                offsets.append(at)
            first = subscribed(socket.hello)["offset"] + 1
            assert offsets == list(range(first, 151))
            return offsets

    publishing = asyncio.create_task(publish())
    joining: list[asyncio.Task[list[int]]] = []
    while not publishing.done():
        if len(joining) < 60:  # the limit of connections per user is higher
            joining.append(asyncio.create_task(join()))
        await asyncio.sleep(0.02)
    await publishing
    lengths = [len(offsets) for offsets in await asyncio.gather(*joining)]
    assert max(lengths) > 0


async def test_clients_take_a_new_snapshot_after_redis_has_lost_its_data(
    herald: Herald, feed: Feed, store: Store
) -> None:
    task, _ = await store.create(a_task())
    await announced(feed, 3, task)
    async with herald.connected() as socket:
        await socket.call(subscribe={"channel": f"task:{task.task_id}"})
        await feed.redis.flushall()
        await feed.publish([(f"task:{task.task_id}", json.dumps({"type": "task.progress"}))])
        push = await socket.push()
        assert push["channel"] == f"task:{task.task_id}"
        assert push["unsubscribe"] == {"code": 2500, "reason": "insufficient state"}
        again = await socket.call(subscribe={"channel": f"task:{task.task_id}"})
        assert again["subscribe"]["data"]["tasks"][0]["taskId"] == task.task_id
        await feed.publish([(MINE, json.dumps({"type": "task.progress"}))])
        assert await socket.closed() == (3010, "insufficient state")


async def test_no_event_is_lost_when_the_pubsub_connection_breaks(herald: Herald, feed: Feed) -> None:
    async with herald.connected() as socket:
        for round_number in range(5):
            await feed.redis.client_kill_filter(_type="pubsub")
            await announced(feed, 2)
            offsets = [(await socket.publication())["offset"] for _ in range(2)]
            assert offsets == [2 * round_number + 1, 2 * round_number + 2]
