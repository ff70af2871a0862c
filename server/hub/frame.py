"""A frame, encoded once for all its receivers, whatever transport they use; pure."""

_TEXT_FINAL = b"\x81"
_SHORT, _MEDIUM = 126, 65_536
"""From so many bytes on, the length takes two bytes more, and then eight (RFC 6455 §5.2)."""


class Frame:
    """One or more protocol messages, joined by line breaks, on their way out."""

    __slots__ = ("_websocket", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._websocket: bytes | None = None

    @property
    def websocket(self) -> bytes:
        """As the bytes of a WebSocket text frame from a server, which is not masked."""
        if self._websocket is None:
            payload = self.text.encode()
            self._websocket = _TEXT_FINAL + _length(len(payload)) + payload
        return self._websocket

    @property
    def lines(self) -> bytes:
        """As lines of an HTTP stream."""
        return self.text.encode() + b"\n"

    @property
    def event(self) -> bytes:
        """As an event of an event stream; its lines are joined again by the receiver."""
        return ("data: " + self.text.replace("\n", "\ndata: ") + "\n\n").encode()


def _length(size: int) -> bytes:
    if size < _SHORT:
        return size.to_bytes(1)
    if size < _MEDIUM:
        return b"\x7e" + size.to_bytes(2)
    return b"\x7f" + size.to_bytes(8)
