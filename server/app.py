"""Builds the ASGI application from its routes, middleware and lifespan."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from herald.server.contracts import asyncapi, openapi, reference, schemas
from herald.server.dependencies import open_dependencies
from herald.server.http import (
    admin,
    centrifugo,
    connections,
    creation,
    health,
    metrics,
    pages,
    problems,
    results,
    task_types,
    tasks,
    tokens,
)
from herald.server.http.middleware import Observed
from herald.shared.observability import logs, tracing
from herald.shared.settings import Settings, load_for_service


def create_app(settings: Settings | None = None) -> Starlette:
    """Return the application; by default, read the settings from the environment and set up logging."""
    if settings is None:
        settings = load_for_service()
        logs.set_up(settings)
        tracing.set_up(settings, "web")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[Mapping[str, Any]]:
        async with open_dependencies(settings) as dependencies:
            yield {"dependencies": dependencies}

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
            *creation.ROUTES,
            *tasks.ROUTES,
            *results.ROUTES,
            *task_types.ROUTES,
            *tokens.ROUTES,
            *contracts,
            *health.ROUTES,
            *metrics.ROUTES,
            *admin.ROUTES,
            *centrifugo.ROUTES,
            *connections.ROUTES,
            *pages.ROUTES,
            *results.COLLECTIONS,
        ],
        middleware=[Middleware(Observed), *([cors] if settings.allowed_origins else [])],
        exception_handlers=problems.HANDLERS,
        lifespan=lifespan,
    )
