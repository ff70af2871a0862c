"""Uvicorn's protocols, with what a hub needs of them: frames that are encoded once, and a gentle end.

A frame to 500 receivers is the same bytes for each of them. ASGI's ``send`` would encode it 500 times, so
the WebSocket protocol hands itself to the application as the extension ``herald.wire``, to be written to.
"""

from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

EXTENSION = "herald.wire"
CLOSE_WITHIN_S = 5.0


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that takes frames as bytes, besides what ASGI offers."""

    _on_frame: Callable[[str | bytes], None] | None = None
    _on_full: Callable[[], None] | None = None
    _on_writable: Callable[[], None] | None = None
    _on_lost: Callable[[], None] | None = None

    def handle_connect(self, event: Request) -> None:
        """Offer ourselves to the application."""
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = self

    def adopt(
        self,
        on_frame: Callable[[str | bytes], None],
        on_full: Callable[[], None],
        on_writable: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        """Take the connection over from the ASGI application, which may return: it is called back instead.

        So an idle connection costs no task, and the frames of a busy one go through no queue.
        """
        self._on_frame, self._on_lost = on_frame, on_lost
        self._on_full, self._on_writable = on_full, on_writable
        if not self.writable.is_set():
            on_full()
        while not self.queue.empty():  # what came while the application made up its mind
            event = self.queue.get_nowait()
            if event["type"] == "websocket.receive":
                text = event.get("text")
                on_frame(text if text is not None else event["bytes"] or b"")
            elif event["type"] == "websocket.disconnect":
                self._lost()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # The handshake is over: what it was about would stay as long as the connection.
        self.scope = self.request = self.response = cast(Any, None)

    def send_receive_event_to_app(self) -> None:
        """Hand a frame to whoever has the connection."""
        if self._on_frame is None:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        if not self.close_sent:
            self._on_frame(data)

    async def run_asgi(self) -> None:
        """Run the application; a connection that nobody has adopted is closed when it returns."""
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            self.logger.exception("the application failed")
            self.send_500_response()
        else:
            if not self.handshake_complete:
                self.send_500_response()
        if self._on_frame is None and self.close_timer is None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._lost()

    def _lost(self) -> None:
        on_lost, self._on_lost = self._on_lost, None
        if on_lost is not None:
            on_lost()

    def pause_writing(self) -> None:
        """The client does not take what waits for it."""
        super().pause_writing()
        if self._on_full is not None:
            self._on_full()

    def resume_writing(self) -> None:
        """The client has taken what was waiting for it."""
        super().resume_writing()
        if self._on_writable is not None:
            self._on_writable()

    def write_frame(self, data: bytes) -> None:
        """Send a whole data frame, unless the connection is closing."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def send_close(self, code: int, reason: str) -> None:
        """Send a close frame, and end the connection if the client does not answer it in time."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
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
