"""A TCP proxy that can stop forwarding, like a network that drops packets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Forwards connections to the port ``target``, which a test may change for new connections."""

    def __init__(self, port: int) -> None:
        self.target = port
        self._stalled = asyncio.Event()
        self.port = 0
        self.writers: set[asyncio.StreamWriter] = set()

    def stall(self) -> None:
        """Stop forwarding on all current connections, and keep them open."""
        self._stalled.set()
        self._stalled = asyncio.Event()  # for new connections

    def drop(self) -> None:
        """Close all current connections."""
        for writer in self.writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stalled = self._stalled
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:  # nothing listens there
            writer.close()
            return
        self.writers |= {writer, far_writer}
        await asyncio.gather(_pipe(reader, far_writer, stalled), _pipe(far_reader, writer, stalled))


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter, stalled: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            if not stalled.is_set():
                sink.write(data)
    if not stalled.is_set():
        sink.close()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    """A proxy on a free port until the block ends."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for writer in proxy.writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
