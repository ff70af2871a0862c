"""What each transport does while its client reads slowly, or not at all."""

import asyncio
from types import SimpleNamespace
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from herald.server.auth.verify import TokenVerifier
from herald.server.http.limits import LimitedHttpProtocol
from herald.server.hub.frame import Frame
from herald.server.hub.hub import Hub
from herald.server.hub.transports import streams as transports
from herald.server.hub.transports.streams import QueueTransport
from herald.server.hub.transports.websocket import WebSocketProtocol
from herald.shared.settings import Settings
from tests.unit.server.hub.test_lingering import Clock, Feed


class Socket:
    """A transport of asyncio whose client reads when the test says so."""

    def __init__(self) -> None:
        self.waiting = 0
        self.aborted = self.closing = False

    def write(self, data: bytes) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def get_extra_info(self, _: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True


async def test_a_stream_takes_more_once_everything_before_has_been_sent() -> None:
    sent: list[bytes] = []
    sending, writable = asyncio.Event(), asyncio.Event()

    async def send(data: bytes) -> None:
        await sending.wait()
        sent.append(data)

    transport = QueueTransport("sse", lambda frame: frame.lines, send, lambda: None)
    transport.on_writable = writable.set
    pump = asyncio.create_task(transport.pump())
    half = Frame("x" * (transports.MAX_UNSENT_BYTES // 2))
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


async def test_unread_pongs_are_counted_anew_once_the_client_has_read() -> None:
    async def snapshot(_: str) -> str:
        raise NotImplementedError

    settings = Settings().model_copy(update={"max_outbox_bytes": 1000})
    services: Any = SimpleNamespace(
        hub=Hub(Feed(), snapshot),  # type: ignore[arg-type]
        authenticator=TokenVerifier(settings),
        store=None,
        settings=settings,
    )
    socket: Any = Socket()
    protocol = WebSocketProtocol(socket, set(), services, 1000)
    for _ in range(2):
        protocol.pause_writing()
        protocol.data_received(PING * 5)
        protocol.resume_writing()
    assert services.hub.connections
    protocol.pause_writing()
    protocol.data_received(PING * 8)
    assert not services.hub.connections
    protocol.connection_lost(None)


async def test_a_client_that_reads_some_of_a_response_gets_more_time_for_the_rest() -> None:
    clock, socket = Clock(), Socket()
    config = uvicorn.Config(lambda: None, log_config=None)
    http = LimitedHttpProtocol(config, ServerState(), {}, clock)  # type: ignore[arg-type]
    http.connection_made(socket)  # type: ignore[arg-type]
    clock.timers.clear()
    socket.waiting = 1000
    http.pause_writing()
    for left in (900, 899, 1):
        socket.waiting = left
        clock.timers.pop()[1]()
        assert not socket.aborted
    clock.timers.pop()[1]()
    assert socket.aborted
