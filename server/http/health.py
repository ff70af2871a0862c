"""The health endpoints: liveness and readiness."""

import asyncio
from collections.abc import Awaitable

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.dependencies import dependencies_of

READY_WITHIN_S = 3.0


async def healthz(request: Request) -> Response:
    """``GET /healthz``: the process is alive, and has this many connections."""
    return JSONResponse({"status": "ok", "connections": len(dependencies_of(request).hub.connections)})


async def readyz(request: Request) -> Response:
    """``GET /readyz``: whether MongoDB and Redis respond and events reach the hub; 503 if not.

    ``taskTypes`` is the number of task types that a worker runs now.
    """
    dependencies = dependencies_of(request)
    mongo, redis = await asyncio.gather(
        _responds(dependencies.store.ping()), _responds(dependencies.feed.ping())
    )
    checks = {"mongo": mongo, "redis": redis, "feed": dependencies.hub.connected}
    ready = all(checks.values())
    shown = {name: "ok" if works else "does not answer" for name, works in checks.items()}
    online = sum(each.online for each in dependencies.task_types.all())
    body = {"status": "ok" if ready else "not ready", **shown, "taskTypes": online}
    return JSONResponse(body, 200 if ready else 503)


async def _responds(check: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            await check
    except (PyMongoError, RedisError, OSError):
        return False
    return True


ROUTES: list[BaseRoute] = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
]
