"""Reading a channel's history."""

from typing import Any

import pytest

from herald.shared.feed.feed import Feed
from tests.support.client import Herald
from tests.support.hub import MINE, announced, subscribed


async def test_a_history_is_read_forwards_backwards_and_from_a_position(herald: Herald, feed: Feed) -> None:
    await announced(feed, 5)
    async with herald.connected() as socket:
        epoch = subscribed(socket.hello)["epoch"]

        async def offsets(**wanted: Any) -> list[int]:
            reply = (await socket.call(history={"channel": MINE, **wanted}))["history"]
            assert (reply["offset"], reply["epoch"]) == (5, epoch)
            return [found["offset"] for found in reply["publications"]]

        assert await offsets() == []
        assert await offsets(limit=-1) == [1, 2, 3, 4, 5]
        assert await offsets(limit=2) == [1, 2]
        assert await offsets(limit=2, reverse=True) == [5, 4]
        assert await offsets(limit=2, since={"offset": 2, "epoch": epoch}) == [3, 4]
        assert await offsets(limit=-1, since={"offset": 3, "epoch": epoch}, reverse=True) == [2, 1]
        lost = await socket.call(
            history={"channel": MINE, "limit": 1, "since": {"offset": 1, "epoch": "other"}}
        )
        assert lost["error"]["code"] == 112
        foreign = await socket.call(history={"channel": "tasks#bob", "limit": 1})
        assert foreign["error"]["code"] == 103


@pytest.mark.parametrize("reverse", [False, True])
async def test_the_largest_offsets_and_limits_are_accepted(herald: Herald, reverse: bool) -> None:
    largest = 2**63 - 1
    async with herald.connected(subs={MINE: {"recover": True, "offset": largest}}) as socket:
        assert "recovered" not in subscribed(socket.hello)
        asked = {"channel": MINE, "limit": largest, "since": {"offset": largest}, "reverse": reverse}
        assert (await socket.call(history=asked))["history"]["publications"] == []


async def test_a_negative_limit_reads_the_whole_history(herald: Herald, feed: Feed) -> None:
    await announced(feed, 3)
    async with herald.connected() as socket:
        found = (await socket.call(history={"channel": MINE, "limit": -7}))["history"]["publications"]
        assert [publication["offset"] for publication in found] == [1, 2, 3]
