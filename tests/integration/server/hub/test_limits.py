"""Limits on one client: frame size, commands per second, subscriptions and connections."""

import asyncio
from contextlib import AsyncExitStack

import pytest
import websockets

from herald.shared.settings import Settings
from tests.support.web import herald_with


async def test_a_frame_that_is_too_large_disconnects_its_sender(settings: Settings) -> None:
    async with herald_with(settings, max_frame_bytes=1000) as herald, herald.connected() as socket:
        await socket.connection.send("x" * 1001)
        assert (await socket.closed())[0] == 1009


async def test_too_many_commands_a_second_disconnect_their_sender(settings: Settings) -> None:
    async with herald_with(settings, max_commands_per_s=10) as herald, herald.connected() as socket:
        for _ in range(30):
            await socket.send({"id": 1, "ping": {}})
        assert await socket.closed() == (3013, "too many requests")


PING = b"\x89\xfd" + bytes(4) + b"x" * 125


@pytest.mark.parametrize("frame", [PING, b"\x8a\x80" + bytes(4)])
async def test_frames_without_a_command_count_as_commands(settings: Settings, frame: bytes) -> None:
    async with herald_with(settings, max_commands_per_s=10) as herald, herald.connected() as socket:
        socket.connection.transport.write(frame * 30)
        assert await socket.closed() == (3013, "too many requests")


async def test_subscriptions_of_a_connection_are_limited(settings: Settings) -> None:
    async with herald_with(settings, max_subscriptions=3) as herald:
        member = herald.other("ada", ["a", "b", "c"])
        async with member.connected() as socket:
            frame = [
                {"id": 10 + number, "subscribe": {"channel": f"brand:{name}"}}
                for number, name in enumerate("abc")
            ]
            await socket.send(*frame)
            replies = sorted([await socket.next() for _ in frame], key=lambda reply: reply["id"])
            assert "subscribe" in replies[0] and "subscribe" in replies[1]
            assert replies[2]["error"] == {"code": 106, "message": "limit exceeded"}


async def test_connections_of_a_user_are_limited(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=1) as herald:
        async with herald.connected(), herald.other("bob").connected(), herald.socket() as second:
            await second.send({"id": 1, "connect": {"token": herald.token()}})
            assert await second.closed() == (3504, "connection limit")
        async with asyncio.timeout(5):
            while True:
                try:
                    async with herald.connected():
                        break
                except (websockets.ConnectionClosed, KeyError):
                    await asyncio.sleep(0.01)


async def test_connections_of_a_user_are_limited_even_if_many_begin_at_once(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=3) as herald, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(herald.socket()) for _ in range(12)]
        for client in clients:
            await client.send({"id": 1, "connect": {"token": herald.token()}})

        async def is_connected(number: int) -> bool:
            try:
                return "connect" in await clients[number].next()
            except websockets.ConnectionClosed as end:
                assert end.rcvd is not None and end.rcvd.code == 3504
                return False

        assert sum(await asyncio.gather(*map(is_connected, range(len(clients))))) == 3
