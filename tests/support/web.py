"""Serves an ASGI application over a real socket, as the web process does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from herald.server.__main__ import server_options
from herald.server.app import create_app
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import Herald


@asynccontextmanager
async def serving(app: Any, settings: Settings | None = None) -> AsyncIterator[str]:
    """Serve ``app`` on a free port until the block ends; yields ``127.0.0.1:<port>``."""
    options = server_options(settings or Settings()) | {"timeout_graceful_shutdown": 2}
    config = uvicorn.Config(app, port=0, lifespan="on", log_level="warning", **options)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
            raise RuntimeError("the application did not start")
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def herald_with(settings: Settings, **changes: Any) -> AsyncIterator[Herald]:
    """A client of a separate Herald with changed settings."""
    changed = settings.model_copy(update=changes)
    async with serving(create_app(changed), changed) as address:
        async with Herald.at(address, TokenIssuer(changed)) as herald:
            yield herald
