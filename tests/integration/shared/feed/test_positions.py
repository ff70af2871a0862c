"""A position never names two publications, even if Redis comes back with older data."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from redis.asyncio import Connection

from herald.server.http.long_poll import _changes, _Listener
from herald.server.hub.channel import Subscription
from herald.server.hub.hub import Hub
from herald.shared.feed.feed import Feed, Position
from herald.shared.feed.follower import Follower
from herald.shared.settings import Settings
from tests.support.older import WAYS, Forgetful
from tests.support.positions import CHANNEL, Reader, publish


@pytest.fixture(params=WAYS)
async def older(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Forgetful]:
    way: Callable[[Path], AbstractAsyncContextManager[Forgetful]] = request.param
    async with way(tmp_path) as opened:
        yield opened


def hold_back(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Hold back the reconnects of ``feed``'s followers until the event is set; others publish first."""
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


async def test_older_data_belongs_to_another_epoch(settings: Settings, older: Forgetful) -> None:
    async with Feed.connect(settings.model_copy(update={"redis_url": older.url})) as feed:
        await publish(feed, "1", "2")
        await older.remember()
        await publish(feed, "3 lost", "4 lost")
        lost = await feed.history(CHANNEL, limit=10)
        await older.go_back()
        assert await feed.since(CHANNEL, lost.position) is None, "the position lies in the future"
        await publish(feed, "3", "4", "5")
        kept = await feed.history(CHANNEL, limit=10)
        assert [publication.data for publication in kept.publications] == ["1", "2", "3", "4", "5"]
        assert lost.position.offset == 4
        assert await feed.since(CHANNEL, lost.position) is None, "otherwise only 5 would be recovered"
        assert kept.position.epoch != lost.position.epoch


async def test_a_follower_resets_when_offsets_are_used_again(
    settings: Settings, older: Forgetful, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, reached = Reader(), settings.model_copy(update={"redis_url": older.url})
    async with (
        Feed.connect(reached) as feed,
        Feed.connect(reached) as other,
        Follower(feed, reader.on_publication, reader.on_reset) as follower,
    ):
        await publish(other, "1", "2")
        assert (await reader.follow(follower)).offset == 2
        await older.remember()
        await publish(other, "3 lost", "4 lost")
        await reader.until("4 lost")
        go_on = hold_back(feed, monkeypatch)
        await older.go_back()
        await publish(other, "3", "4", "5")
        go_on.set()
        await reader.until("reset")
        position = await reader.follow(follower)
        await publish(other, "6")
        await reader.until("6")
        assert position.offset == 5
        assert reader.data == ["3 lost", "4 lost", "reset", "6"]


class Client(_Listener):
    """A hub's receiver that signals when its position becomes void."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = asyncio.Event()

    def lost_position(self, _: Subscription) -> None:
        self.lost.set()


async def test_positions_from_a_hub_that_has_not_noticed_yet_are_voided_later(
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
            # A new client, a returning one, and one from a hub that has noticed.
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
                await publish(other, "4")  # its offset was used for another publication before
                await changed.wait()
