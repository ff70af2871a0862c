"""A WebSocket transport that writes frames, encoded once for all receivers, straight to its socket.

A frame to 500 receivers is the same bytes for each of them. Through ASGI it would be encoded once for each
receiver, and each connection would cost a task. So this is an `asyncio.Protocol`, which takes over the socket
after the handshake.
"""

import asyncio
import logging
from collections.abc import Callable

from websockets.frames import DATA_OPCODES, CloseCode, Opcode
from websockets.frames import Frame as WebSocketFrame
from websockets.protocol import Protocol, Side

from herald.server.hub import codes
from herald.server.hub.connection import Connection
from herald.server.hub.frame import Frame
from herald.server.hub.transports.transport import Transport

log = logging.getLogger(__name__)

CLOSE_WITHIN_S = 5.0
"""How long a client may take to answer our close frame."""


class WebSocketTransport(asyncio.Protocol):
    """A WebSocket after its handshake.

    ``connect`` creates the connection that serves the client. Messages of more than ``max_message_bytes`` are
    refused, and a client that leaves more than ``max_unread_bytes`` of pongs unread is disconnected.
    """

    __slots__ = (
        "_closing",
        "_connection",
        "_is_text",
        "_max_unread_bytes",
        "_message",
        "_protocol",
        "_transport",
        "_unread_bytes",
        "direct_write",
        "writable",
    )
    name = "websocket"

    def __init__(
        self,
        transport: asyncio.Transport,
        connect: Callable[[Transport], Connection],
        *,
        max_message_bytes: int,
        max_unread_bytes: int,
    ) -> None:
        self._transport = transport
        self._max_unread_bytes = max_unread_bytes
        self._protocol = Protocol(Side.SERVER, max_size=max_message_bytes, logger=log)
        self._message: list[bytes] = []
        self._is_text = False
        self._closing: asyncio.TimerHandle | None = None
        self._unread_bytes = 0
        """The size of the pongs since the client stopped reading, and of all data since we began to close."""
        self.writable = True
        self.direct_write: Callable[[bytes], object] = transport.write
        self._connection = connect(self)

    def data_received(self, data: bytes) -> None:
        """Pass complete messages to the connection, and answer pings and close frames."""
        if self._closing is not None:
            self._unread_bytes += len(data)
            if self._unread_bytes > self._max_unread_bytes:
                self._transport.abort()
                return
        self._protocol.receive_data(data)
        without_message = 0  # pings, pongs and fragments, which cost as much as a command
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
        """Pass a message to the connection; text must be UTF-8 (RFC 6455 §8.1)."""
        try:
            content = message.decode() if self._is_text else message
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "the text is not UTF-8")
            self._connection.release()  # so that nothing after it is served
        else:
            self._connection.feed(content)

    def _send_own_frames(self) -> None:
        """Send the pongs and close frames that the protocol has produced."""
        for data in self._protocol.data_to_send():
            if not data:  # the end of the stream
                self._transport.close()
                self._abort_soon()
            elif self._closing is None:
                self._transport.write(data)
                if not self.writable:
                    self._unread_bytes += len(data)
        if self._unread_bytes > self._max_unread_bytes:
            self._connection.disconnect(codes.SLOW)

    def _abort_soon(self) -> None:
        """End the connection even if the client neither reads nor answers our close frame."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._transport.abort)

    def eof_received(self) -> None:
        """The client has closed its side, which closes the connection."""
        self._abort_soon()

    def connection_lost(self, _: Exception | None) -> None:
        """The socket is closed."""
        if self._closing is not None:
            self._closing.cancel()
        self._connection.release()

    def pause_writing(self) -> None:
        """The write buffer is full, because the client reads too slowly."""
        self.writable = False
        self._connection.on_full()

    def resume_writing(self) -> None:
        """The client has read the write buffer."""
        self.writable = True
        self._unread_bytes = 0
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
