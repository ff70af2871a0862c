"""WebSockets under uvicorn: from the upgrade straight to the hub, with frames that are encoded once.

A frame to 500 receivers is the same bytes for each of them, and thousands of browsers may connect at once. By
way of ASGI a handshake would be parsed twice and cost a task, and each frame would be encoded for each of its
receivers. So the upgrade of `PATH` is answered here, and the connection writes bytes to its socket itself.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from websockets.frames import DATA_OPCODES, CloseCode, Opcode
from websockets.frames import Frame as WebSocketFrame
from websockets.protocol import Protocol, Side
from websockets.utils import accept_key

from herald.server.dependencies import Dependencies
from herald.server.http.limits import LimitedHttpProtocol
from herald.server.hub import codes
from herald.server.hub.frame import Frame
from herald.server.hub.transports.streams import connection_over, may_come_from

log = logging.getLogger(__name__)

PATH = b"/connection/websocket"
CLOSE_WITHIN_S = 5.0
KEY_BYTES = 16
VERSION = b"13"
JSON, PROTOBUF = b"centrifuge-json", b"centrifuge-protobuf"
"""The subprotocols that a client may offer; without one, it is JSON."""


class WebSocketProtocol(asyncio.Protocol):
    """A WebSocket after its handshake, as a `Transport` of the hub's connections."""

    __slots__ = (
        "_closing",
        "_connection",
        "_is_text",
        "_message",
        "_open",
        "_protocol",
        "_services",
        "_surplus",
        "_transport",
        "fast",
        "writable",
    )
    name = "websocket"

    def __init__(
        self, transport: asyncio.Transport, open_sockets: set[Any], dependencies: Dependencies, max_size: int
    ) -> None:
        self._transport = transport
        self._open = open_sockets
        """Uvicorn's set of connections: those in it are told when the server stops, and waited for."""
        self._services = dependencies
        self._protocol = Protocol(Side.SERVER, max_size=max_size, logger=log)
        self._message: list[bytes] = []
        self._is_text = False
        self._closing: asyncio.TimerHandle | None = None
        self._surplus = 0
        """Bytes of pongs since the client stopped reading, and of what it has sent after our close frame."""
        self.writable = True
        self.fast: Callable[[bytes], object] = transport.write
        self._open.add(self)
        self._connection = connection_over(self, dependencies)

    def data_received(self, data: bytes) -> None:
        """Hand whole messages to the connection, and let the WebSocket's own frames be answered."""
        if self._closing is not None:
            self._surplus += len(data)
            if self._surplus > self._max_surplus:
                self._transport.abort()
                return
        self._protocol.receive_data(data)
        without_message = 0  # pings, pongs and parts of a message: they cost as much as a command
        for frame in self._protocol.events_received():
            if isinstance(frame, WebSocketFrame) and frame.opcode in DATA_OPCODES:
                if frame.opcode is not Opcode.CONT:
                    self._is_text = frame.opcode is Opcode.TEXT
                if frame.data:
                    self._message.append(bytes(frame.data))
                if frame.fin:
                    message, self._message = self._message, []
                    self._take(b"".join(message))
                    continue
            without_message += 1
        if without_message:
            self._connection.count(without_message)
        self._send_own_frames()

    def _take(self, message: bytes) -> None:
        """Hand a message to the connection; a text has to be UTF-8 (RFC 6455 §8.1)."""
        try:
            content = message.decode() if self._is_text else message
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "the text is not UTF-8")
            self._connection.release()  # so that nothing after it is served
        else:
            self._connection.feed(content)

    def _send_own_frames(self) -> None:
        """Send pongs, and close frames: ours, the answer to the client's, or the one after a fault of it."""
        for data in self._protocol.data_to_send():
            if not data:  # the end of the stream
                self._transport.close()
                self._abort_soon()
            elif self._closing is None:
                self._transport.write(data)
                if not self.writable:
                    self._surplus += len(data)
        if self._surplus > self._max_surplus:
            self._connection.disconnect(codes.SLOW)

    @property
    def _max_surplus(self) -> int:
        return self._services.settings.max_outbox_bytes

    def _abort_soon(self) -> None:
        """End the connection, though the client may not read what waits for it or answer our close frame."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._transport.abort)

    def eof_received(self) -> None:
        """The client sends no more, which closes the connection."""
        self._abort_soon()

    def connection_lost(self, _: Exception | None) -> None:
        """The socket is gone."""
        self._open.discard(self)
        if self._closing is not None:
            self._closing.cancel()
        self._connection.release()

    def pause_writing(self) -> None:
        """The client does not take what waits for it."""
        self.writable = False
        self._connection.on_full()

    def resume_writing(self) -> None:
        """The client has taken what was waiting for it."""
        self.writable = True
        self._surplus = 0
        self._connection.on_writable()

    def write(self, frame: Frame) -> None:
        """Send a frame, unless the connection is closing."""
        if not self._transport.is_closing():
            self._transport.write(frame.websocket)

    def refuse(self, why: codes.Disconnect) -> None:
        """End a connection that cannot be served."""
        self._connection.disconnect(why)

    def close(self, why: codes.Disconnect) -> None:
        """Send a close frame, and end the connection if the client does not answer it in time."""
        if self._closing is None and not self._transport.is_closing():
            self._protocol.send_close(why.code, why.reason)
            self._send_own_frames()
            self._abort_soon()

    def shutdown(self) -> None:
        """The server stops: let the hub send its connections away."""
        self._services.hub.drain()


class HttpProtocol(LimitedHttpProtocol):
    """Uvicorn's HTTP, with the way to the hub; its streams are the hub's connections too."""

    def handle_websocket_upgrade(self) -> None:
        """Open a WebSocket at `PATH`; one that is asked for elsewhere is the application's to refuse."""
        path, _, query = self.url.partition(b"?")
        if path != PATH:
            super().handle_websocket_upgrade()
            return
        dependencies: Dependencies = self.app_state["dependencies"]
        headers = dict(self.headers)
        accept = _accept(headers)
        if accept is None or self.scope["method"] != "GET":
            self.refuse(HTTPStatus.BAD_REQUEST, "this is no WebSocket handshake of version 13")
        elif not may_come_from(headers, dependencies.settings):
            self.refuse(HTTPStatus.FORBIDDEN, "this origin is not in HERALD_ALLOWED_ORIGINS")
        else:
            subprotocol = _subprotocol(self.headers)
            chosen = b"Sec-WebSocket-Protocol: " + subprotocol + b"\r\n" if subprotocol else b""
            self.connections.discard(self)
            socket = WebSocketProtocol(
                self.transport, self.connections, dependencies, self.config.ws_max_size
            )
            self.transport.set_protocol(socket)
            # The parser and this protocol hold each other; nothing but the garbage collector would free them.
            self.parser = None  # type: ignore[assignment]
            self.transport.write(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n" + chosen + b"\r\n"
            )
            if subprotocol == PROTOBUF or _asks_for_protobuf(query):
                # Clients try a failed handshake again and again; this close code ends it.
                socket.refuse(codes.INAPPROPRIATE_PROTOCOL)

    def shutdown(self) -> None:
        """The server stops: let the hub send its connections away."""
        dependencies: Dependencies | None = self.app_state.get("dependencies")
        if dependencies is not None:
            dependencies.hub.drain()
        super().shutdown()


def _subprotocol(headers: Sequence[tuple[bytes, bytes]]) -> bytes | None:
    """The subprotocol to accept, of those that the client offers; None if it offers none that we know."""
    offered = b",".join(value for name, value in headers if name == b"sec-websocket-protocol")
    names = {name.strip() for name in offered.split(b",")}
    return next((known for known in (JSON, PROTOBUF) if known in names), None)


def _asks_for_protobuf(query: bytes) -> bool:
    asked = parse_qs(query.decode("latin-1"))
    return any("protobuf" in asked.get(name, ()) for name in ("format", "cf_protocol"))


def _accept(headers: Mapping[bytes, bytes]) -> bytes | None:
    """What a handshake is accepted with (RFC 6455 §4.2); None if it is not one."""
    key = headers.get(b"sec-websocket-key", b"")
    try:
        is_key = len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except binascii.Error:
        is_key = False
    if not is_key or headers.get(b"sec-websocket-version") != VERSION:
        return None
    return accept_key(key.decode()).encode()
