"""Uvicorn's HTTP protocol with the hub's WebSockets, and with limits on the size and pace of requests.

This is the only module that relies on uvicorn's internals. `HttpToolsProtocol` is not a public interface, but
ASGI offers no way to do these things, and a proxy in front of Herald cannot be taken for granted:

- Uvicorn limits neither the size of a request's head nor the time that a client may take, so one client could
  fill the memory, or hold connections for ever.
- Through ASGI a WebSocket handshake would be parsed twice and cost a task, and each frame would be encoded
  for each of its receivers. Thousands of browsers may connect at once, so the upgrade is answered here.

`tests/unit/server/test_uvicorn_protocol.py` reports what a new version of uvicorn has changed.
"""

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from herald.server.dependencies import Dependencies
from herald.server.http import origins
from herald.server.http.connections import ABORT, WEBSOCKET_PATH
from herald.server.hub import codes
from herald.server.hub.transports import handshake
from herald.server.hub.transports.websocket import WebSocketTransport

MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 * 1024
"""The size of a request's URL, headers and trailers together."""
MAX_OVERHEAD = 16
"""A chunked body may be this many times as long as its content."""
MAX_PIPELINED = 16
"""How many requests may wait on one connection while an earlier one is answered."""
HEAD_WITHIN_S = 10.0
BODY_WITHIN_S = 30.0
"""The deadline of a request's body, counted from the deadline of its head."""
READ_WITHIN_S = 15.0
"""A client that reads nothing of a response for this long is disconnected."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Refuses requests that are too large, and disconnects clients that are too slow."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._begun = 0
        """The number of requests so far, including the one being received."""
        self._in_head = self._in_request = self._in_time = False
        self._head_bytes = 0
        self._received = 0
        """Bytes of the current request, except its first chunk, which may begin with the previous request."""
        self._fault = HTTPStatus.BAD_REQUEST
        self._unread: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        for timer in (self._overdue, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    # Size limits

    def data_received(self, data: bytes) -> None:
        """Parse the data, and refuse the request if it has become too large."""
        begun = self._begun
        self._expect_request()
        super().data_received(data)
        if self._in_request and self._begun == begun:
            # The parser reports a header or a trailer only when it is complete, which may never happen.
            self._received += len(data)
            if self._in_head and self._received > MAX_HEAD_BYTES:
                self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            elif self._received > MAX_HEAD_BYTES and self._received > self._max_request_bytes():
                self._close()

    def _max_request_bytes(self) -> float:
        dependencies: Dependencies | None = self.app_state.get("dependencies")
        if dependencies is None:
            return float("inf")
        largest = max(dependencies.settings.max_body_bytes, dependencies.settings.max_frame_bytes)
        return MAX_HEAD_BYTES + MAX_OVERHEAD * largest

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._begun += 1
        self._in_request = self._in_head = self._in_time = True
        self._head_bytes = self._received = 0
        self._expect_request()  # it may have arrived together with the end of the previous one

    def on_url(self, url: bytes) -> None:
        """A part of the URL has arrived."""
        self._count(url, HTTPStatus.REQUEST_URI_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer has arrived."""
        self._count(name + value, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def _count(self, part: bytes, fault: HTTPStatus) -> None:
        self._head_bytes += len(part)
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._fault = fault
            raise ValueError(fault.phrase)  # the parser stops, and uvicorn calls `send_400_response`

    def on_headers_complete(self) -> None:
        """The head is complete; the request is served once all earlier ones have been answered."""
        self._in_head = False
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete, so its deadline no longer applies."""
        super().on_message_complete()
        self._in_request = False
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that cannot be parsed or is too large."""
        self.refuse(self._fault, msg if self._fault is HTTPStatus.BAD_REQUEST else "")

    def refuse(self, status: HTTPStatus, detail: str = "") -> None:
        """Respond without calling the application, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = (detail or status.phrase).encode()
            head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
            head += [name + b": " + value for name, value in self.server_state.default_headers]
            head += [b"Connection: close", b"Content-Type: text/plain", b"Content-Length: %d" % len(body)]
            self.transport.write(b"\r\n".join([*head, b"", body]))
        self._close()

    # Deadlines

    def _expect_request(self) -> None:
        if self._overdue is None:
            self._overdue = self.loop.call_later(HEAD_WITHIN_S, self._on_overdue)

    def _on_overdue(self) -> None:
        """No request, or only a part of one, has arrived in time."""
        self._overdue = None
        if self._in_request and not self._in_head and self._in_time:
            self._in_time = False
            self._overdue = self.loop.call_later(BODY_WITHIN_S, self._on_overdue)
        elif self._in_head:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._in_request or self.cycle is None or self.cycle.response_complete:
            self._close()

    def pause_writing(self) -> None:
        """The write buffer is full, because the client reads too slowly."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """The client has read most of the write buffer."""
        super().resume_writing()
        if self._unread is not None and not self.transport.is_closing():
            self._unread.cancel()
            self._unread = None

    def eof_received(self) -> None:
        """The client has closed its side; the connection ends once the client has read the write buffer."""
        super().eof_received()
        self._expect_reading()

    def on_response_complete(self) -> None:
        """A response has been written; it may be the last one of the connection."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has arrived in time."""
        self._close()

    def _close(self) -> None:
        """Close the connection once the client has read the write buffer."""
        self.transport.close()
        self._expect_reading()

    def _expect_reading(self) -> None:
        if self._unread is None:
            waiting = self.transport.get_write_buffer_size()
            self._unread = self.loop.call_later(READ_WITHIN_S, self._on_unread, waiting)

    def _on_unread(self, before: int) -> None:
        """Disconnect the client if it has read none of the ``before`` bytes in the write buffer."""
        self._unread = None
        waiting = self.transport.get_write_buffer_size()
        if waiting and waiting >= before:
            self.transport.abort()
        elif waiting:
            self._expect_reading()


class HttpProtocol(LimitedHttpProtocol):
    """Adds the hub's WebSockets."""

    def handle_websocket_upgrade(self) -> None:
        """Open a WebSocket at `WEBSOCKET_PATH`; the application refuses those at other paths."""
        path, _, query = self.url.partition(b"?")
        if path != WEBSOCKET_PATH.encode():
            super().handle_websocket_upgrade()
            return
        dependencies: Dependencies = self.app_state["dependencies"]
        headers = dict(self.headers)
        accepted = handshake.accept(headers)
        if accepted is None or self.scope["method"] != "GET":
            self.refuse(HTTPStatus.BAD_REQUEST, "This is not a WebSocket handshake of version 13")
        elif not origins.is_allowed(headers, dependencies.settings.allowed_origins):
            self.refuse(HTTPStatus.FORBIDDEN, "This origin is not in HERALD_ALLOWED_ORIGINS")
        else:
            self._upgrade(dependencies, accepted, query)

    def _upgrade(self, dependencies: Dependencies, accepted: bytes, query: bytes) -> None:
        self.connections.discard(self)
        socket = _WebSocket(self.transport, self.connections, dependencies, self.config.ws_max_size)
        self.transport.set_protocol(socket)
        # The parser and this protocol refer to each other; only the garbage collector would free them.
        self.parser = None  # type: ignore[assignment]
        subprotocol = handshake.subprotocol(self.headers)
        self.transport.write(handshake.response(accepted, subprotocol))
        if subprotocol == handshake.PROTOBUF or handshake.asks_for_protobuf(query):
            # Clients retry a failed handshake for ever; after this close code they stop.
            socket.refuse(codes.INAPPROPRIATE_PROTOCOL)

    def shutdown(self) -> None:
        """The server is stopping: let the hub disconnect its clients, since HTTP streams are requests too."""
        dependencies: Dependencies | None = self.app_state.get("dependencies")
        if dependencies is not None:
            dependencies.hub.drain()
        super().shutdown()


class _WebSocket(WebSocketTransport):
    """A WebSocket of the hub, listed among uvicorn's connections, which it shuts down and waits for."""

    __slots__ = ("_connections", "_hub")

    def __init__(
        self,
        transport: asyncio.Transport,
        connections: set[Any],
        dependencies: Dependencies,
        max_message_bytes: int,
    ) -> None:
        self._connections = connections
        self._hub = dependencies.hub
        connections.add(self)
        super().__init__(
            transport,
            dependencies.connect,
            max_message_bytes=max_message_bytes,
            max_unread_bytes=dependencies.settings.max_outbox_bytes,
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._connections.discard(self)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server is stopping: let the hub disconnect its clients."""
        self._hub.drain()
