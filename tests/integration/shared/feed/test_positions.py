"""A position never names two publications, whatever data Redis comes back with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import redis
from redis.asyncio import Connection

from herald.server.http.long_poll import _changes, _Listener
from herald.server.hub.channel import Subscription
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Feed, Position, Publication, pubsub_name
from herald.shared.feed.follower import Follower
from herald.shared.launcher import embedded
from herald.shared.settings import Settings
from tests.support.older import WAYS, Forgetful, port_of, replica_of, until_replicated
from tests.support.proxy import proxy_to

CHANNEL = "tasks#ada"
STREAM = f"herald:history:{{{CHANNEL}}}"


@pytest.fixture(params=WAYS)
async def older(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Forgetful]:
    way: Callable[[Path], AbstractAsyncContextManager[Forgetful]] = request.param
    async with way(tmp_path) as opened:
        yield opened


async def publish(feed: Feed, *texts: str) -> None:
    for text in texts:
        await feed.publish([CHANNEL], text)


class Reader:
    """What a follower handed over, each publication with the position that it was handed over under."""

    def __init__(self) -> None:
        self.follower: Follower
        self.named: dict[Position, str] = {}
        self.data: list[str] = []
        self.epoch = ""
        self.reset = asyncio.Event()

    async def follow(self) -> Position:
        position = await self.follower.follow(CHANNEL)
        self.epoch = position.epoch
        return position

    def on_publication(self, _: str, publication: Publication) -> None:
        position = Position(publication.offset, self.epoch)
        assert self.named.setdefault(position, publication.data) == publication.data
        self.data.append(publication.data)

    def on_reset(self, _: str) -> None:
        self.epoch = self.follower._channels[pubsub_name(CHANNEL).encode()].epoch or ""
        self.data.append("reset")
        self.reset.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in self.data:
                await asyncio.sleep(0.005)


def hold_back(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let followers of ``feed`` connect again only once the event is set, as if others were faster."""
    go_on, new_connection = asyncio.Event(), feed.new_connection

    def held_back() -> Connection:
        connection = new_connection()
        connect = connection.connect

        async def connect_later() -> None:
            await go_on.wait()
            await connect()  # type: ignore[no-untyped-call]

        connection.connect = connect_later  # type: ignore[method-assign]
        return connection

    monkeypatch.setattr(feed, "new_connection", held_back)
    return go_on


async def test_older_data_has_another_epoch(settings: Settings, older: Forgetful) -> None:
    async with Feed.connect(settings.model_copy(update={"redis_url": older.url})) as feed:
        await publish(feed, "1", "2")
        await older.remember()
        await publish(feed, "3 lost", "4 lost")
        lost = await feed.history(CHANNEL, limit=10)
        await older.go_back()
        assert await feed.since(CHANNEL, lost.position) is None, "that lies in the future"
        await publish(feed, "3", "4", "5")
        kept = await feed.history(CHANNEL, limit=10)
        assert [publication.data for publication in kept.publications] == ["1", "2", "3", "4", "5"]
        assert lost.position.offset == 4
        assert await feed.since(CHANNEL, lost.position) is None, "only 5 would be recovered"
        assert kept.position.epoch != lost.position.epoch


async def test_a_follower_starts_afresh_when_offsets_are_used_again(
    settings: Settings, older: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, reached = Reader(), settings.model_copy(update={"redis_url": older.url})
    async with (
        Feed.connect(reached) as feed,
        Feed.connect(reached) as other,
        Follower(feed, reader.on_publication, reader.on_reset) as follower,
    ):
        reader.follower = follower
        await publish(other, "1", "2")
        assert (await reader.follow()).offset == 2
        await older.remember()
        await publish(other, "3 lost", "4 lost")
        await reader.until("4 lost")
        go_on = hold_back(feed, monkeypatch)
        await older.go_back()
        await publish(other, "3", "4", "5")
        go_on.set()
        await reader.until("reset")
        position = await reader.follow()
        await publish(other, "6")
        await reader.until("6")
        assert position.offset == 5
        assert reader.data == ["3 lost", "4 lost", "reset", "6"]


class Client(_Listener):
    """A hub's receiver that waits until its position is void."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = asyncio.Event()

    def lost_position(self, _: Subscription) -> None:
        self.lost.set()


async def test_a_hub_that_has_not_noticed_yet_gives_nobody_a_position_that_stays(
    settings: Settings, older: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def snapshot(_: str) -> str:
        return "{}"

    reached = settings.model_copy(update={"redis_url": older.url})
    async with Feed.connect(reached) as feed, Feed.connect(reached) as other:
        await publish(other, "1", "2")
        await older.remember()
        await publish(other, "3 lost", "4 lost", "5 lost", "6 lost")
        async with Hub.open(feed, snapshot) as hub, _changes(hub, CHANNEL) as changed:
            before = (await other.history(CHANNEL, limit=0)).position
            go_on = hold_back(feed, monkeypatch)
            await older.go_back()
            await publish(other, "3")
            elsewhere = Position(2, (await other.history(CHANNEL, limit=0)).position.epoch)
            clients = [Client() for _ in range(3)]
            # A newcomer, one who was here before, and one who comes from a hub that has noticed.
            for client, recover in zip(clients, (None, before, elsewhere), strict=True):
                subscription, start = await hub.subscribe(CHANNEL, client, recover=recover)
                assert start.position.epoch == before.epoch
                subscription.begin()
            go_on.set()
            async with asyncio.timeout(30):
                for client in clients:
                    await client.lost.wait()
                await changed.wait()
                changed.clear()
                await publish(other, "4")  # an offset that had been used for something else
                await changed.wait()


async def test_a_leader_that_leads_again_has_another_epoch(settings: Settings, tmp_path: Path) -> None:
    with (
        embedded.valkey(tmp_path / "first") as first,
        replica_of(port_of(first), tmp_path / "second") as second,
        redis.Redis.from_url(first.url) as of_first,
        redis.Redis.from_url(second.url) as of_second,
    ):
        async with (
            Feed.connect(settings.model_copy(update={"redis_url": first.url})) as feed,
            Feed.connect(settings.model_copy(update={"redis_url": second.url})) as other,
        ):
            await publish(feed, "1")
            await asyncio.to_thread(until_replicated, first)
            at_first = (await feed.history(CHANNEL, limit=0)).position
            of_second.slaveof()
            at_second = (await other.history(CHANNEL, limit=0)).position
            of_first.slaveof("127.0.0.1", str(port_of(second)))
            await asyncio.to_thread(until_replicated, second)
            of_first.slaveof()
            again = (await feed.history(CHANNEL, limit=0)).position
            assert [at_first.offset, at_second.offset, again.offset] == [1, 1, 1]
            assert len({at_first.epoch, at_second.epoch, again.epoch}) == 3


async def test_a_leader_demoted_under_a_standing_connection_is_noticed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover by hand, without sentinels that close the connections of the old leader."""
    monkeypatch.setattr(Follower, "ping_every_s", 0.05)
    monkeypatch.setattr(Follower, "pong_within_s", 0.2)
    with (
        embedded.valkey(tmp_path / "first") as first,
        replica_of(port_of(first), tmp_path / "second") as second,
        redis.Redis.from_url(first.url) as of_first,
        redis.Redis.from_url(second.url) as of_second,
    ):
        async with (
            proxy_to(port_of(first)) as front,
            Feed.connect(
                settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{front.port}/0"})
            ) as feed,
            Feed.connect(settings.model_copy(update={"redis_url": second.url})) as other,
        ):
            await publish(feed, "1", "2")
            await asyncio.to_thread(until_replicated, first)
            of_second.slaveof()  # it has got no further
            reader = Reader()
            async with Follower(feed, reader.on_publication, reader.on_reset) as follower:
                reader.follower = follower
                await reader.follow()
                await publish(feed, "3 lost", "4 lost")
                await reader.until("4 lost")
                front.target = port_of(second)
                of_first.slaveof("127.0.0.1", str(port_of(second)))
                await asyncio.to_thread(until_replicated, second)
                await publish(other, "3", "4")
                await reader.until("reset")
                position = await reader.follow()
                await publish(other, "5")
                await reader.until("5")
                assert position.offset == 4
                assert reader.data == ["3 lost", "4 lost", "reset", "5"]


async def test_a_position_read_from_another_redis_than_the_followed_one_is_not_trusted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two lead for a moment: the old one was only paused, and connections to it still stand."""
    monkeypatch.setattr(Follower, "ping_every_s", 600)  # it does not take a ping to find out
    with (
        embedded.valkey(tmp_path / "first") as first,
        replica_of(port_of(first), tmp_path / "second") as second,
        redis.Redis.from_url(second.url) as of_second,
    ):
        async with (
            proxy_to(port_of(first)) as front,
            Feed.connect(
                settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{front.port}/0"})
            ) as feed,
            Feed.connect(settings.model_copy(update={"redis_url": second.url})) as other,
        ):
            await publish(feed, "1", "2")
            await asyncio.to_thread(until_replicated, first)
            of_second.slaveof()
            await publish(feed, "3 lost", "4 lost")
            front.target = port_of(second)  # the follower will get there; the feed's connection stays
            reader = Reader()
            async with Follower(feed, reader.on_publication, reader.on_reset) as follower:
                reader.follower = follower
                while not follower.connected:
                    await asyncio.sleep(0.005)
                await reader.follow()
                await publish(other, "3", "4", "5", "6")
                await reader.until("reset")
                position = await reader.follow()
                await publish(other, "7")
                await reader.until("7")
                assert position.offset == 6
                assert reader.data == ["reset", "7"]


async def test_a_channel_that_begins_anew_drops_the_entries_of_its_old_epoch(feed: Feed) -> None:
    await publish(feed, "1", "2", "3")
    old = (await feed.history(CHANNEL, limit=0)).position
    await feed.redis.delete(pubsub_name(CHANNEL))  # its position has expired or was evicted
    await publish(feed, "new")
    position, publications = await feed.history(CHANNEL, limit=10)
    assert publications == [Publication(1, "new")]
    assert position.offset == 1 and position.epoch != old.epoch


async def test_a_position_given_to_a_channel_anew_comes_without_the_old_entries(feed: Feed) -> None:
    await publish(feed, "1", "2", "3")
    old = (await feed.history(CHANNEL, limit=0)).position
    await feed.redis.delete(pubsub_name(CHANNEL))
    position, publications = await feed.history(CHANNEL, limit=10)
    assert publications == []
    assert position.offset == 0 and position.epoch != old.epoch


async def test_entries_that_are_gone_are_not_recovered_around(feed: Feed) -> None:
    start = (await feed.history(CHANNEL, limit=0)).position
    await publish(feed, "1", "2")
    await feed.redis.delete(STREAM)  # its history has expired or was evicted
    await publish(feed, "3")
    assert await feed.since(CHANNEL, start) is None
    recovered = await feed.since(CHANNEL, Position(2, start.epoch))
    assert recovered is not None and recovered.publications == [Publication(3, "3")]
