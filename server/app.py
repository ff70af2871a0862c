"""Wires routes, middleware and lifespan; nothing else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server import api, health, page, problems
from server.hub import transports
from server.services import open_services
from shared.settings import Settings, load_for_service


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; by default with the settings of this process."""
    chosen = settings or load_for_service()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with open_services(chosen) as services:
            yield {"services": services}

    cors = Middleware(
        CORSMiddleware,
        allow_origins=chosen.allowed_origins,
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Retry-After"],
    )
    return Starlette(
        routes=[*api.ROUTES, *health.ROUTES, *transports.ROUTES, *page.ROUTES],
        middleware=[cors] if chosen.allowed_origins else [],
        exception_handlers=problems.HANDLERS,
        lifespan=lifespan,
    )
