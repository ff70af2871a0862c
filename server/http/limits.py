"""Uvicorn's HTTP with limits: how large a request may be, and how long its client may keep us waiting."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from herald.server.dependencies import Dependencies

MAX_HEADERS = 100
MAX_HEAD_BYTES = 64 * 1024
"""Of a request's address and headers together, trailers included."""
MAX_OVERHEAD = 16
"""A chunked body may be this many times as long as what it carries."""
MAX_PIPELINED = 16
"""Requests that may wait on one connection for the response to the one before."""
HEAD_WITHIN_S = 10.0
BODY_WITHIN_S = 30.0
"""A request's body has to be complete this long after its head had to be."""
READ_WITHIN_S = 15.0
"""A client that takes nothing of a response for so long is cut off."""

ABORT = "herald.abort"
"""The extension of the ASGI scope that ends the connection at once, even if its client does not read."""


class LimitedHttpProtocol(HttpToolsProtocol):
    """Refuses requests that are too large and ends connections whose client is too slow."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._begun = 0
        """Requests so far, the one that is being received included."""
        self._in_head = self._in_request = self._in_time = False
        self._head_bytes = 0
        self._received = 0
        """Bytes of the current request, without its first chunk, which may have begun with another one."""
        self._fault = HTTPStatus.BAD_REQUEST
        self._unread: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        for timer in (self._overdue, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    # How large a request may be

    def data_received(self, data: bytes) -> None:
        """Parse what has come, unless there is too much of it before the request's end."""
        begun = self._begun
        self._expect_request()
        super().data_received(data)
        if self._in_request and self._begun == begun:
            # The parser reports a header or a trailer at its end, which may never come: count what it holds.
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
        self._expect_request()  # it may have come together with the end of the one before

    def on_url(self, url: bytes) -> None:
        """A part of the address has come."""
        self._count(url, HTTPStatus.REQUEST_URI_TOO_LONG)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has come, or a trailer."""
        self._count(name + value, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        super().on_header(name, value)

    def _count(self, part: bytes, fault: HTTPStatus) -> None:
        self._head_bytes += len(part)
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._fault = fault
            raise ValueError(fault.phrase)  # the parser stops, and uvicorn calls `send_400_response`

    def on_headers_complete(self) -> None:
        """The head is complete; its request is served as soon as those before it are."""
        self._in_head = False
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")
        if not (self.parser.should_upgrade() and self._should_upgrade()):
            self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete; from here on we keep the client waiting."""
        super().on_message_complete()
        self._in_request = False
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what could not be parsed, or was too much."""
        self.refuse(self._fault, msg if self._fault is HTTPStatus.BAD_REQUEST else "")

    def refuse(self, status: HTTPStatus, detail: str = "") -> None:
        """Answer in the application's place, and end the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            body = (detail or status.phrase).encode()
            head = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
            head += [name + b": " + value for name, value in self.server_state.default_headers]
            head += [b"Connection: close", b"Content-Type: text/plain", b"Content-Length: %d" % len(body)]
            self.transport.write(b"\r\n".join([*head, b"", body]))
        self._close()

    # How long a client may take

    def _expect_request(self) -> None:
        if self._overdue is None:
            self._overdue = self.loop.call_later(HEAD_WITHIN_S, self._on_overdue)

    def _on_overdue(self) -> None:
        """Nothing, or only a part of a request, has come in time."""
        self._overdue = None
        if self._in_request and not self._in_head and self._in_time:
            self._in_time = False
            self._overdue = self.loop.call_later(BODY_WITHIN_S, self._on_overdue)
        elif self._in_head:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._in_request or self.cycle is None or self.cycle.response_complete:
            self._close()

    def pause_writing(self) -> None:
        """The client does not take what waits for it."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """The client has taken nearly all that waited for it."""
        super().resume_writing()
        if self._unread is not None and not self.transport.is_closing():
            self._unread.cancel()
            self._unread = None

    def eof_received(self) -> None:
        """The client sends no more, which ends the connection once it has taken what waits for it."""
        super().eof_received()
        self._expect_reading()

    def on_response_complete(self) -> None:
        """A response is on its way; the connection may end with it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._expect_reading()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has come."""
        self._close()

    def _close(self) -> None:
        """End the connection once the client has taken what waits for it."""
        self.transport.close()
        self._expect_reading()

    def _expect_reading(self) -> None:
        if self._unread is None:
            waiting = self.transport.get_write_buffer_size()
            self._unread = self.loop.call_later(READ_WITHIN_S, self._on_unread, waiting)

    def _on_unread(self, before: int) -> None:
        """Cut a client off that has taken nothing of the ``before`` bytes that waited for it."""
        self._unread = None
        waiting = self.transport.get_write_buffer_size()
        if waiting and waiting >= before:
            self.transport.abort()
        elif waiting:
            self._expect_reading()
