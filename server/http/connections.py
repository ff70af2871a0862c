"""The endpoints of the hub's connections: WebSocket, HTTP stream, server-sent events, and emulation."""

import asyncio

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from herald.server import strict_json
from herald.server.dependencies import dependencies_of
from herald.server.http import origins
from herald.server.http.problems import Problem
from herald.server.http.requests import read_body
from herald.server.hub.frame import Frame
from herald.server.hub.transports.stream import StreamTransport
from herald.shared.aio import cancel_and_wait

WEBSOCKET_PATH = "/connection/websocket"
ABORT = "herald.abort"
"""The extension of the ASGI scope that `server.uvicorn_protocol` provides.

Its ``abort`` ends the connection at once, even if the client does not read.
"""


async def websocket(_: WebSocket) -> None:
    """``/connection/websocket``: `server.uvicorn_protocol` handles it before it reaches the application."""
    raise RuntimeError(
        "Start the server with `python -m herald.server`: the hub needs its WebSocket protocol"
    )


class StreamResponse(Response):
    """An endless response with everything that the hub sends; the client's commands arrive at `emulation`."""

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
        transport = StreamTransport(name, encode, write, abort)
        connection = dependencies_of(self._request).connect(transport)
        transport.on_writable = connection.on_writable
        pump = asyncio.create_task(transport.pump())
        leaving = asyncio.create_task(until_client_leaves())
        try:
            connection.feed(self._first)
            await asyncio.wait((pump, leaving), return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
                await send({"type": "http.response.body", "body": b""})
        except OSError:  # the client has left
            pass
        finally:
            connection.release()
            transport.ended()
            await cancel_and_wait(pump, leaving)


async def http_stream(request: Request) -> Response:
    """``POST /connection/http_stream``: the body is the connect command."""
    _check_origin(request)
    return StreamResponse(request, await _body(request), media_type="application/json")


async def sse(request: Request) -> Response:
    """``GET /connection/sse?cf_connect=…``: the same, as server-sent events."""
    _check_origin(request)
    return StreamResponse(request, request.query_params.get("cf_connect", ""), media_type="text/event-stream")


class EmulationRequest(BaseModel):
    """Body of ``POST /emulation``; unknown fields are ignored."""

    session: str
    node: str
    data: str


async def emulation(request: Request) -> Response:
    """``POST /emulation`` ``{session, node, data}``: serve commands of a client that reads a stream.

    If another process serves the stream, the commands are forwarded to it through Redis.
    """
    _check_origin(request)
    try:
        wanted = EmulationRequest.model_validate(strict_json.decode(await _body(request)))
    except ValueError:  # pydantic's ValidationError included
        raise Problem(400, "The body is not a JSON object with the strings session, node and data") from None
    if not await dependencies_of(request).hub.forward_commands(wanted.node, wanted.session, wanted.data):
        raise Problem(404, "There is no such node")
    return Response(status_code=204)


def _check_origin(request: Request) -> None:
    if not origins.is_allowed(dict(request.headers.raw), dependencies_of(request).settings.allowed_origins):
        raise Problem(403, "This origin is not in HERALD_ALLOWED_ORIGINS")


async def _body(request: Request) -> str:
    body = await read_body(request, dependencies_of(request).settings.max_frame_bytes)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8") from None


ROUTES: list[BaseRoute] = [
    WebSocketRoute(WEBSOCKET_PATH, websocket),
    Route("/connection/http_stream", http_stream, methods=["POST"]),
    Route("/connection/sse", sse, methods=["GET"]),
    Route("/emulation", emulation, methods=["POST"]),
]
