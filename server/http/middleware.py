"""Middleware that counts and times requests, and runs each in a span of its trace."""

import time

from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herald.shared.observability import metrics, tracing

OTHER = "other"
"""The route label of unknown paths: clients can invent any number, so they must not create series."""


class Observed:
    """Counts requests and times them until the response headers, because a stream may stay open for hours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, method = time.perf_counter(), scope["method"]

        def count(status: int) -> None:
            route = getattr(scope.get("route"), "path", OTHER)
            metrics.REQUESTS.labels(method, route, status).inc()
            metrics.REQUEST_SECONDS.labels(method, route).observe(time.perf_counter() - began)

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        within = Headers(scope=scope).get("traceparent")
        with tracing.span(f"{method} {scope['path']}", within=within, new=True, kind=SpanKind.SERVER):
            try:
                await self._app(scope, receive, observe)
            except Exception:  # Starlette sends the 500 outside this middleware
                count(500)
                raise
