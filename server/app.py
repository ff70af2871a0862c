"""Wires routes, middleware and lifespan; nothing else."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server import api, asyncapi, centrifugo, health, openapi, ops, page, problems, reference, schemas, scrape
from server.hub import transports
from server.observed import Observed
from server.services import open_services
from shared import logs, tracing
from shared.settings import Settings, load_for_service


def create_app(settings: Settings | None = None) -> Starlette:
    """The application; by default that of a process of its own, with the settings of its environment."""
    if settings is None:
        settings = load_for_service()
        logs.set_up(settings)
        tracing.set_up(settings, "web")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with open_services(settings) as services:
            yield {"services": services}

    cors = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST", "PATCH"],
        allow_headers=["*"],
        expose_headers=["ETag", "Location", "Preference-Applied", "Retry-After"],
    )
    contracts = [*openapi.ROUTES, *asyncapi.ROUTES, *schemas.ROUTES, *reference.ROUTES]
    return Starlette(
        routes=[
            *api.ROUTES,
            *contracts,
            *health.ROUTES,
            *scrape.ROUTES,
            *ops.ROUTES,
            *centrifugo.ROUTES,
            *transports.ROUTES,
            *page.ROUTES,
        ],
        middleware=[Middleware(Observed), *([cors] if settings.allowed_origins else [])],
        exception_handlers=problems.HANDLERS,
        lifespan=lifespan,
    )
