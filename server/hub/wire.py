"""Uvicorn's protocols, with what a hub needs of them: frames that are encoded once, and a gentle end.

A frame to 500 receivers is the same bytes for each of them. ASGI's ``send`` would encode it 500 times, so
the WebSocket protocol hands itself to the application as the extension ``herald.wire``, to be written to.
"""

from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "herald.wire"
CLOSE_WITHIN_S = 5.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that takes frames as bytes, besides what ASGI offers."""

    on_writable: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer ourselves to the application."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def resume_writing(self) -> None:
        """The client has taken what was waiting for it."""
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def write_frame(self, data: bytes) -> None:
        """Send a whole data frame, unless the connection is closing."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(data)

    def send_close(self, code: int, reason: str) -> None:
        """Send a close frame, and end the connection if the client does not answer it in time."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_WITHIN_S, self.transport.abort)

    def shutdown(self) -> None:
        """The server stops: let the hub send its connections away."""
        if self.handshake_complete and not self.close_sent and _drain(self.app_state):
            return
        super().shutdown()


class HttpProtocol(HttpToolsProtocol):
    """HTTP, whose streams are the hub's connections too."""

    def shutdown(self) -> None:
        """The server stops: let the hub send its connections away."""
        _drain(self.app_state)
        super().shutdown()


def _drain(app_state: dict[str, Any]) -> bool:
    """Tell the hub of the application, if it has one, that the server stops."""
    services = app_state.get("services")
    if services is not None:
        services.hub.drain()
    return services is not None
