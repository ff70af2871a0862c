"""The ways to a client through ASGI, HTTP stream and event stream, and their endpoints."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from uvicorn.protocols.utils import ClientDisconnected

from herald.server import strict_json
from herald.server.dependencies import Dependencies, dependencies_of
from herald.server.http.limits import ABORT
from herald.server.http.problems import Problem
from herald.server.http.requests import read_body
from herald.server.hub import codes, protocol
from herald.server.hub.connection import Connection, Transport
from herald.server.hub.frame import Frame
from herald.server.hub.hub import node_signal
from herald.shared.settings import Settings

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 64 * 1024
"""An HTTP stream with so much on its way counts as slow, and further messages wait in the outbox."""
CLOSE_WITHIN_S = 5.0
"""How long a client may take to read the end of its stream."""


def connection_over(transport: Transport, dependencies: Dependencies) -> Connection:
    """A connection of the application that has ``services``."""
    return Connection(
        transport,
        hub=dependencies.hub,
        authenticator=dependencies.verifier,
        store=dependencies.store,
        settings=dependencies.settings,
    )


def may_come_from(headers: Mapping[bytes, bytes], settings: Settings) -> bool:
    """Whether the page that asks is of our own origin or an allowed one; what is no page has no origin."""
    if b"origin" not in headers:
        return True
    origin, allowed = headers[b"origin"].decode("latin-1"), settings.allowed_origins
    if origin in allowed or "*" in allowed:
        return True
    try:
        return urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")
    except ValueError:
        return False


class QueueTransport:
    """Hands frames to a coroutine that sends them one after the other.

    ``encode`` makes a frame the bytes that ``send`` takes; ``abort`` ends the client's connection at once.
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
        self.fast = None  # there is more to a frame than its bytes here
        self.why: codes.Disconnect | None = None
        self.on_writable: Callable[[], None] | None = None

    def write(self, frame: Frame) -> None:
        """Send a frame, after those before it."""
        data = self._encode(frame)
        self._unsent.put_nowait(data)
        self._unsent_bytes += len(data)
        self.writable = self._unsent_bytes < MAX_UNSENT_BYTES

    def close(self, why: codes.Disconnect) -> None:
        """End after the frames before this, or without them if the client does not read them in time."""
        if self.why is None:
            self.why = why
            self.write(Frame(protocol.disconnected(why)))
            self._unsent.put_nowait(None)
            self._closing = asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._abort)

    def ended(self) -> None:
        """There is nothing more to send, or nobody to send it to."""
        if self._closing is not None:
            self._closing.cancel()

    async def pump(self) -> None:
        """Send what is written, until the transport is closed."""
        while (data := await self._unsent.get()) is not None:
            await self._send(data)
            self._unsent_bytes -= len(data)
            if not self.writable and not self._unsent_bytes:
                self.writable = True
                if self.on_writable is not None:
                    self.on_writable()


async def websocket(_: WebSocket) -> None:
    """``/connection/websocket``: `transports.websocket` answers it, if uvicorn was started with it."""
    raise RuntimeError(
        "start the server with `python -m herald.server`: the hub needs its WebSocket protocol"
    )


class StreamResponse(Response):
    """The protocol from us to the client as an endless response; the other way is `emulation`."""

    def __init__(self, request: Request, first: str, *, media_type: str) -> None:
        super().__init__(
            media_type=media_type, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        del self.headers["content-length"]
        self._request = request
        self._first = first
        self._events = media_type == "text/event-stream"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the connection until either side ends it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})

        def encode(frame: Frame) -> bytes:
            return frame.event if self._events else frame.lines

        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        async def until_client_leaves() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        name, abort = "sse" if self._events else "http_stream", scope["extensions"][ABORT]["abort"]
        transport = QueueTransport(name, encode, write, abort)
        connection = connection_over(transport, dependencies_of(self._request))
        transport.on_writable = connection.on_writable
        pump = asyncio.create_task(transport.pump())
        left = asyncio.create_task(until_client_leaves())
        try:
            connection.feed(self._first)
            await asyncio.wait((pump, left), return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
                await send({"type": "http.response.body", "body": b""})
        except (ClientDisconnected, OSError):
            pass
        finally:
            connection.release()
            transport.ended()
            for task in (pump, left):
                task.cancel()
            await asyncio.gather(pump, left, return_exceptions=True)


async def http_stream(request: Request) -> Response:
    """``POST /connection/http_stream``: the body is the connect command."""
    _check_origin(request)
    return StreamResponse(request, await _body(request), media_type="application/json")


async def sse(request: Request) -> Response:
    """``GET /connection/sse?cf_connect=…``: the same as an event stream."""
    _check_origin(request)
    return StreamResponse(request, request.query_params.get("cf_connect", ""), media_type="text/event-stream")


class Emulated(BaseModel):
    """Body of ``POST /emulation``; further fields are ignored."""

    session: str
    node: str
    data: str


async def emulation(request: Request) -> Response:
    """``POST /emulation`` ``{session, node, data}``: commands of a client that has a stream from us.

    The stream may be another process's: then the commands reach it through Redis.
    """
    _check_origin(request)
    try:
        wanted = Emulated.model_validate(strict_json.decode(await _body(request)))
    except ValueError:  # pydantic's ValidationError is one
        raise Problem(400, "the body is not a JSON object with the texts session, node and data") from None
    hub = dependencies_of(request).hub
    if wanted.node == hub.node:
        connection = hub.sessions.get(wanted.session)
        if connection is not None:
            connection.feed(wanted.data)
    elif not await hub.feed.signal(
        node_signal(wanted.node), json.dumps({"session": wanted.session, "data": wanted.data})
    ):
        raise Problem(404, "there is no such node")
    return Response(status_code=204)


def _check_origin(request: Request) -> None:
    if not may_come_from(dict(request.headers.raw), dependencies_of(request).settings):
        raise Problem(403, "this origin is not in HERALD_ALLOWED_ORIGINS")


async def _body(request: Request) -> str:
    body = await read_body(request, dependencies_of(request).settings.max_frame_bytes)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "the body is not UTF-8") from None


ROUTES: list[BaseRoute] = [
    WebSocketRoute("/connection/websocket", websocket),
    Route("/connection/http_stream", http_stream, methods=["POST"]),
    Route("/connection/sse", sse, methods=["GET"]),
    Route("/emulation", emulation, methods=["POST"]),
]
