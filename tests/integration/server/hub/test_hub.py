"""The hub, spoken to in the client protocol by hand, on a real feed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import websockets

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Task, TaskStatus, now
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer
from tests.support.client import PERSONAS, Herald
from tests.support.tasks import a_task
from tests.support.web import serving

MINE = "tasks#ada"


def subscribed(hello: dict[str, Any], channel: str = MINE) -> dict[str, Any]:
    subscription: dict[str, Any] = hello["subs"][channel]
    return subscription


def position(subscription: dict[str, Any]) -> dict[str, Any]:
    return {"recover": True, "epoch": subscription["epoch"], "offset": subscription["offset"]}


async def announced(feed: Feed, number: int, task: Task | None = None) -> Task:
    """Publish ``number`` progress events of a task."""
    task = task or a_task(status=TaskStatus.PROCESSING)
    for tick in range(task.tick + 1, task.tick + number + 1):
        task = task.model_copy(update={"tick": tick})
        await feed.publish(TaskEvent.of(task, "task.progress").messages())
    return task


async def test_a_connect_subscribes_to_the_user_s_tasks_with_a_snapshot(herald: Herald) -> None:
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


async def test_a_snapshot_that_would_be_too_large_says_where_the_rest_is(
    settings: Settings, store: Store
) -> None:
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


async def test_events_arrive_at_every_tab_and_at_no_one_else(herald: Herald) -> None:
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


async def test_several_commands_in_one_frame(herald: Herald) -> None:
    async with herald.socket() as socket:
        await socket.send(
            {"id": 1, "connect": {"token": herald.token()}}, {"id": 2, "ping": {}}, {"id": 3, "dance": {}}
        )
        replies = [await socket.next() for _ in range(3)]
        assert [reply["id"] for reply in replies] == [1, 2, 3]
        assert replies[2]["error"]["code"] == 104


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"publish": {"channel": MINE, "data": {}}}, 108),
        ({"presence": {"channel": MINE}}, 108),
        ({"rpc": {"method": "x"}}, 108),
        ({"dance": {}}, 104),
        ({"subscribe": {"channel": MINE}}, 105),
        ({"subscribe": {"channel": "tasks#bob"}}, 103),
        ({"subscribe": {"channel": "task:unknown"}}, 103),
        ({"subscribe": {"channel": "brand:foreign"}}, 103),
        ({"subscribe": {"channel": "brand:"}}, 103),
        ({"subscribe": {"channel": "else"}}, 103),
        ({"subscribe": {}}, 107),
        ({"subscribe": {"channel": "x" * 256}}, 107),
        ({"subscribe": {"channel": "brand:acme", "type": 1}}, 108),
        ({"subscribe": {"channel": "brand:acme", "type": 4}}, 108),
        ({"subscribe": {"channel": "brand:acme", "tf": {"key": "a", "cmp": "ex"}}}, 107),
        ({"subscribe": {"channel": "brand:acme", "recover": True, "offset": 2**63}}, 107),
        ({"subscribe": {"channel": "brand:acme", "offset": 2**64}}, 107),
        ({"history": {"channel": MINE, "limit": 2**63}}, 107),
        ({"history": {"channel": MINE, "limit": 1, "since": {"offset": 2**63}}}, 107),
        ({"history": {"channel": MINE, "limit": 1, "since": {"offset": 0}, "reverse": True}}, 107),
    ],
)
async def test_what_cannot_be_served_gets_its_code_and_the_connection_stays(
    herald: Herald, command: dict[str, Any], code: int
) -> None:
    herald.brands = ["acme", ""]
    async with herald.connected() as socket:
        assert (await socket.call(**command))["error"]["code"] == code
        assert (await socket.call(ping={}))["ping"] == {}


@pytest.mark.parametrize(
    "frame",
    [
        "nonsense",
        "[1]",
        "",
        '{"connect":{}}',
        '{"id":1,"ping":{}}',
        '{"id":1,"subscribe":{"channel":"c"}}',
        '{"send":{}}',
    ],
)
async def test_a_client_that_does_not_speak_the_protocol_is_sent_away_alone(
    herald: Herald, frame: str
) -> None:
    async with herald.connected() as innocent, herald.socket() as socket:
        await socket.connection.send(frame)
        assert await socket.closed() == (3501, "bad request")
        await herald.create(PERSONAS)
        assert (await innocent.publication())["offset"] == 1


async def test_commands_before_a_malformed_line_are_served(herald: Herald) -> None:
    async with herald.socket() as socket:
        connect = json.dumps({"id": 1, "connect": {"token": herald.token()}})
        await socket.connection.send(f'{connect}\n{{"id":2,"ping":{{}}}}\nnonsense\n{{"id":3,"ping":{{}}}}')
        await socket.connection.send('{"id":4,"ping":{}}')
        assert [(await socket.next())["id"] for _ in range(2)] == [1, 2]
        assert await socket.closed() == (3501, "bad request")


@pytest.mark.parametrize("number", [{}, {"id": 5}])
async def test_a_message_that_nobody_handles_ends_the_connection(
    herald: Herald, number: dict[str, int]
) -> None:
    async with herald.connected() as socket:
        await socket.send({**number, "send": {"data": {}}})
        assert await socket.closed() == (3508, "not available")


async def test_a_binary_frame_is_read_like_text(herald: Herald) -> None:
    async with herald.connected() as socket:
        await socket.connection.send(b'{"id":9,"ping":{}}')
        assert await socket.next() == {"id": 9, "ping": {}}
        await socket.connection.send(b"\xff")
        assert await socket.closed() == (3501, "bad request")


async def test_text_has_to_be_utf_8(herald: Herald) -> None:
    async with herald.connected() as socket:
        refused = {"id": 9, "subscribe": {"channel": "brand:é"}}
        text = json.dumps(refused, ensure_ascii=False).encode()
        await socket.connection.send([text[:-4], text[-4:]], text=True)  # a character in two fragments
        assert (await socket.next())["error"]["code"] == 103
        await socket.connection.send([text[:-4], text[-3:]], text=True)  # half a character
        assert (await socket.closed())[0] == 1007


async def test_a_second_connect_is_a_bad_request(herald: Herald) -> None:
    async with herald.connected() as socket:
        await socket.send({"id": 9, "connect": {"token": herald.token()}})
        assert await socket.closed() == (3501, "bad request")


async def test_tokens(herald: Herald) -> None:
    async with herald.socket() as socket:
        await socket.send({"id": 1, "connect": {"token": "nonsense"}})
        assert await socket.closed() == (3500, "invalid token")
    async with herald.socket() as socket:
        reply = await socket.call(connect={"token": herald.token(ttl_s=-10)})
        assert reply["error"] == {"code": 109, "message": "token expired"}
        assert "connect" in await socket.call(connect={"token": herald.token()}), "with a new one it goes on"


async def test_a_token_is_refreshed_by_the_same_user_only(herald: Herald) -> None:
    async with herald.connected() as socket:
        refreshed = await socket.call(refresh={"token": herald.token(ttl_s=500)})
        assert 490 <= refreshed["refresh"]["ttl"] <= 500
        assert (await socket.call(refresh={"token": herald.other("bob").token()}))["error"]["code"] == 107
        # The SDKs stay away after an error; after this disconnect they return with a new token.
        await socket.send({"id": 9, "refresh": {"token": herald.token(ttl_s=-1)}})
        assert await socket.closed() == (3005, "connection expired")


@asynccontextmanager
async def herald_with(settings: Settings, **changes: Any) -> AsyncIterator[Herald]:
    """A Herald of its own with other settings."""
    changed = settings.model_copy(update=changes)
    async with serving(create_app(changed), changed) as address:
        async with Herald.at(address, TokenIssuer(changed)) as herald:
            yield herald


async def test_a_lifetime_of_many_years_is_reported_as_one(herald: Herald) -> None:
    year, long = 365 * 24 * 3600, 10**11
    async with herald.socket() as socket:
        hello = (await socket.call(connect={"token": herald.token(ttl_s=long)}))["connect"]
        assert hello["expires"] is True and hello["ttl"] == year
        assert (await socket.call(refresh={"token": herald.token(ttl_s=long)}))["refresh"]["ttl"] == year
        token = herald.issuer.issue_subscription("ada", "brand:x", long)
        asked = {"channel": "brand:x", "token": token}
        assert (await socket.call(subscribe=asked))["subscribe"]["ttl"] == year
        assert (await socket.call(sub_refresh=asked))["sub_refresh"]["ttl"] == year


async def test_an_expired_token_ends_the_connection(settings: Settings) -> None:
    async with herald_with(settings, expiry_grace_s=0) as herald, herald.socket() as socket:
        await socket.call(connect={"token": herald.token(ttl_s=1)})
        assert await socket.closed() == (3005, "connection expired")


async def test_who_never_connects_is_sent_away(settings: Settings) -> None:
    async with herald_with(settings, connect_within_s=0.05) as herald, herald.socket() as socket:
        assert await socket.closed() == (3502, "stale")


async def test_pings_are_sent_and_have_to_be_answered(settings: Settings) -> None:
    async with herald_with(settings, ping_interval_s=0.05, pong_within_s=0.05) as herald:
        async with herald.connected() as socket:
            assert [await socket.next() for _ in range(5)] == [{}] * 5
        async with herald.connected() as mute:
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await mute.connection.recv()  # and no pong
            assert (mute.connection.close_code, mute.connection.close_reason) == (3012, "no pong")


async def test_a_task_s_channel_is_for_its_owner_and_its_brand(
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


async def test_who_returns_gets_what_was_missed_and_no_snapshot(herald: Herald, feed: Feed) -> None:
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
async def test_a_position_that_cannot_be_recovered_gets_a_snapshot(
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


async def test_a_position_without_an_epoch_is_one_of_the_present_epoch(herald: Herald, feed: Feed) -> None:
    await announced(feed, 3)
    async with herald.connected(subs={MINE: {"recover": True, "offset": 1}}) as socket:
        subscription = subscribed(socket.hello)
        assert subscription["recovered"]
        assert [missed["offset"] for missed in subscription["publications"]] == [2, 3]


@pytest.mark.parametrize("change", [{"epoch": "another"}, {"offset": 1000}])
async def test_a_client_may_ask_for_an_error_in_place_of_a_snapshot(
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
        assert recovered["recovered"] and len(recovered["publications"]) == 1, "it may ask again"
        await socket.call(unsubscribe={"channel": "brand:acme"})
        fresh = (await socket.call(subscribe={"channel": "brand:acme", "flag": 3}))["subscribe"]
        assert "data" in fresh, "who has no position gets a snapshot"


@pytest.mark.parametrize("reverse", [False, True])
async def test_the_largest_numbers_are_served(herald: Herald, reverse: bool) -> None:
    largest = 2**63 - 1
    async with herald.connected(subs={MINE: {"recover": True, "offset": largest}}) as socket:
        assert "recovered" not in subscribed(socket.hello)
        asked = {"channel": MINE, "limit": largest, "since": {"offset": largest}, "reverse": reverse}
        assert (await socket.call(history=asked))["history"]["publications"] == []


async def test_a_negative_limit_reads_all(herald: Herald, feed: Feed) -> None:
    await announced(feed, 3)
    async with herald.connected() as socket:
        found = (await socket.call(history={"channel": MINE, "limit": -7}))["history"]["publications"]
        assert [publication["offset"] for publication in found] == [1, 2, 3]


async def test_a_connect_with_a_position_out_of_range_is_refused_for_good(herald: Herald) -> None:
    async with herald.socket() as socket:
        subs = {MINE: {"recover": True, "offset": 2**63}}
        refused = await socket.call(connect={"token": herald.token(), "subs": subs})
        assert refused["error"] == {"code": 107, "message": "bad request"}


async def test_joining_while_events_flow_leaves_no_hole_and_repeats_nothing(
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
        if len(joining) < 60:  # as a user may have connections
            joining.append(asyncio.create_task(join()))
        await asyncio.sleep(0.02)
    await publishing
    lengths = [len(offsets) for offsets in await asyncio.gather(*joining)]
    assert max(lengths) > 0


async def test_lost_data_gives_the_clients_a_new_snapshot(herald: Herald, feed: Feed, store: Store) -> None:
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


async def test_events_survive_a_killed_pubsub_connection(herald: Herald, feed: Feed) -> None:
    async with herald.connected() as socket:
        for round_number in range(5):
            await feed.redis.client_kill_filter(_type="pubsub")
            await announced(feed, 2)
            offsets = [(await socket.publication())["offset"] for _ in range(2)]
            assert offsets == [2 * round_number + 1, 2 * round_number + 2]


async def test_a_stopping_server_says_so_and_lets_clients_recover_at_the_next(
    settings: Settings, feed: Feed
) -> None:
    issuer = TokenIssuer(settings)
    async with serving(create_app(settings)) as address, Herald.at(address, issuer) as herald:
        async with herald.connected() as socket:
            before = position(subscribed(socket.hello))
            await announced(feed, 1)
            assert (await socket.publication())["offset"] == 1
    await announced(feed, 1)
    async with serving(create_app(settings)) as address, Herald.at(address, issuer) as herald:
        async with herald.connected(subs={MINE: before | {"offset": 1}}) as socket:
            assert [missed["offset"] for missed in subscribed(socket.hello)["publications"]] == [2]


async def test_two_hubs_on_one_redis(settings: Settings, herald: Herald) -> None:
    async with (
        serving(create_app(settings)) as address,
        Herald.at(address, herald.issuer) as elsewhere,
    ):
        async with elsewhere.connected() as socket:
            await herald.create(PERSONAS)
            assert (await socket.publication())["data"]["type"] == "task.queued"


async def test_a_plain_request_to_the_websocket_is_told_so(herald: Herald) -> None:
    response: httpx2.Response = await herald.http.get("/connection/websocket")
    assert response.status_code == 404
