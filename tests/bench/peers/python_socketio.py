"""python-socketio with its Redis manager, served by uvicorn like Herald; a channel is a room."""

import sys

import socketio
import uvicorn

port, redis_url = sys.argv[1:]
server = socketio.AsyncServer(async_mode="asgi", client_manager=socketio.AsyncRedisManager(redis_url))


@server.event  # type: ignore[untyped-decorator]
async def join(sid: str, room: str) -> None:
    await server.enter_room(sid, room)
    await server.emit("subscribed", to=sid)


uvicorn.run(
    socketio.ASGIApp(server), port=int(port), log_level="error", loop="uvloop", ws_per_message_deflate=False
)
