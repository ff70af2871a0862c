"""A transport for endless responses: frames wait in a queue until a coroutine sends them."""

import asyncio
from collections.abc import Awaitable, Callable

from herald.server.hub import codes, protocol
from herald.server.hub.frame import Frame

MAX_UNSENT_BYTES = 64 * 1024
"""With this much unsent, a stream is not writable, and further messages wait in the outbox."""
CLOSE_WITHIN_S = 5.0
"""How long a client may take to read the end of its stream."""


class StreamTransport:
    """Queues frames for `pump`, which sends them one after the other.

    ``encode`` turns a frame into the bytes for ``send``; ``abort`` ends the connection at once.
    """

    def __init__(
        self,
        name: str,
        encode: Callable[[Frame], bytes],
        send: Callable[[bytes], Awaitable[None]],
        abort: Callable[[], None],
    ) -> None:
        self.name = name
        self._encode = encode
        self._send = send
        self._abort = abort
        self._unsent: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._unsent_bytes = 0
        self._closing: asyncio.TimerHandle | None = None
        self.writable = True
        self.direct_write = None  # a frame has to be encoded for this client
        self.on_writable: Callable[[], None] | None = None

    def write(self, frame: Frame) -> None:
        """Queue a frame."""
        data = self._encode(frame)
        self._unsent.put_nowait(data)
        self._unsent_bytes += len(data)
        self.writable = self._unsent_bytes < MAX_UNSENT_BYTES

    def close(self, why: codes.Disconnect) -> None:
        """End the stream after its queued frames, or abort it if the client does not read them in time."""
        if self._closing is None:
            self.write(Frame(protocol.disconnected(why)))
            self._unsent.put_nowait(None)
            self._closing = asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._abort)

    def ended(self) -> None:
        """Cancel the deadline of `close`: the response is complete, or its client has left."""
        if self._closing is not None:
            self._closing.cancel()

    async def pump(self) -> None:
        """Send the queued frames until the transport is closed."""
        while (data := await self._unsent.get()) is not None:
            await self._send(data)
            self._unsent_bytes -= len(data)
            if not self.writable and not self._unsent_bytes:
                self.writable = True
                if self.on_writable is not None:
                    self.on_writable()
