"""A frame, encoded once for all its receivers, whatever transport they use; pure."""

from functools import cached_property

from websockets.frames import Frame as WebSocketFrame
from websockets.frames import Opcode


class Frame:
    """One or more protocol messages, joined by line breaks, on their way out."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def websocket(self) -> bytes:
        """As the bytes of a WebSocket text frame from a server, which is not masked."""
        return WebSocketFrame(Opcode.TEXT, self.text.encode()).serialize(mask=False)

    @cached_property
    def lines(self) -> bytes:
        """As lines of an HTTP stream."""
        return self.text.encode() + b"\n"

    @cached_property
    def event(self) -> bytes:
        """As an event of an event stream; its lines are joined again by the receiver."""
        return ("data: " + self.text.replace("\n", "\ndata: ") + "\n\n").encode()
