"""Transports whose clients read slowly or not at all."""

import asyncio
from functools import partial
from typing import Any

from herald.server.hub.frame import Frame
from herald.server.hub.transports import stream
from herald.server.hub.transports.stream import StreamTransport
from herald.server.hub.transports.websocket import WebSocketTransport
from tests.support.fakes import FakeFeed, Socket, connection_to, hub_on


async def test_a_stream_is_writable_again_once_all_queued_frames_have_been_sent() -> None:
    sent: list[bytes] = []
    sending, writable = asyncio.Event(), asyncio.Event()

    async def send(data: bytes) -> None:
        await sending.wait()
        sent.append(data)

    transport = StreamTransport("sse", lambda frame: frame.lines, send, lambda: None)
    transport.on_writable = writable.set
    pump = asyncio.create_task(transport.pump())
    half = Frame(b"x" * (stream.MAX_UNSENT_BYTES // 2))
    for _ in range(2):
        transport.write(half)
        assert transport.writable
        transport.write(half)
        assert not transport.writable
        sending.set()
        async with asyncio.timeout(10):
            await writable.wait()
        assert transport.writable
        sending.clear()
        writable.clear()
    assert sent == [half.lines] * 4
    pump.cancel()


PING = b"\x89\xfd" + bytes(4) + b"x" * 125  # masked with zeros; its pong has 127 bytes


async def test_the_count_of_unread_pongs_restarts_once_the_client_has_read() -> None:
    hub, socket = hub_on(FakeFeed()), Socket()
    transport: Any = socket
    websocket = WebSocketTransport(
        transport, partial(connection_to, hub), max_message_bytes=1000, max_unread_bytes=1000
    )
    for _ in range(2):
        websocket.pause_writing()
        websocket.data_received(PING * 5)
        websocket.resume_writing()
    assert hub.connections
    websocket.pause_writing()
    websocket.data_received(PING * 8)
    assert not hub.connections
    websocket.connection_lost(None)
