"""The interface between a connection and the transport that carries its frames."""

from collections.abc import Callable
from typing import Protocol

from herald.server.hub.codes import Disconnect
from herald.server.hub.frame import Frame


class Transport(Protocol):
    """Carries frames to a client."""

    name: str
    """The kind of transport, as a label in the metrics."""

    @property
    def writable(self) -> bool:
        """Whether it accepts data now; when it does so again, `Connection.on_writable` is called."""

    @property
    def direct_write(self) -> Callable[[bytes], object] | None:
        """For a WebSocket, a function that writes the bytes of a frame; call it only while `writable`."""

    def write(self, frame: Frame) -> None:
        """Send a frame, in order; call it only while `writable`."""

    def close(self, why: Disconnect) -> None:
        """Close, after sending the reason to a client that still reads."""
