"""Wires routes and lifespan; nothing else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from server import api, health, page, problems
from server.hub.connection import Connection
from server.services import open_services, services_of
from shared.settings import Settings, load_for_service


async def websocket(socket: WebSocket) -> None:
    """``/connection/websocket``: the client protocol."""
    services = services_of(socket)
    await Connection(
        socket,
        hub=services.hub,
        authenticator=services.authenticator,
        store=services.store,
        settings=services.settings,
    ).serve()


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; by default with the settings of this process."""
    chosen = settings or load_for_service()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with open_services(chosen) as services:
            yield {"services": services}

    return Starlette(
        routes=[
            *api.ROUTES,
            *health.ROUTES,
            WebSocketRoute("/connection/websocket", websocket),
            *page.ROUTES,
        ],
        exception_handlers=problems.HANDLERS,
        lifespan=lifespan,
    )
