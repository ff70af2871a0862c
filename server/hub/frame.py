"""A frame of protocol messages, as each kind of transport encodes it; pure."""

_TEXT_FINAL = b"\x81"
_SHORT, _MEDIUM = 126, 65_536
"""From these payload sizes on, the length takes two more bytes, and then eight (RFC 6455 §5.2)."""


class Frame:
    """One or more protocol messages, separated by line breaks."""

    __slots__ = ("_websocket", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._websocket: bytes | None = None

    @property
    def websocket(self) -> bytes:
        """The bytes of a WebSocket text frame from a server, which is not masked.

        `websockets.frames.Frame.serialize` makes the same bytes, but takes 1.3 µs where this takes 0.4. A hub
        with one client a channel spends 7.5 µs on an event in all. A test compares the two.
        """
        if self._websocket is None:
            self._websocket = _TEXT_FINAL + _length(len(self.data)) + self.data
        return self._websocket

    @property
    def lines(self) -> bytes:
        """The lines of an HTTP stream."""
        return self.data + b"\n"

    @property
    def event(self) -> bytes:
        """A server-sent event; its receiver joins the lines again."""
        return b"data: " + self.data.replace(b"\n", b"\ndata: ") + b"\n\n"


def _length(size: int) -> bytes:
    if size < _SHORT:
        return size.to_bytes(1)
    if size < _MEDIUM:
        return b"\x7e" + size.to_bytes(2)
    return b"\x7f" + size.to_bytes(8)
