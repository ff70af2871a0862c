"""The token endpoints: development tokens, and revoking a user's tokens."""

from typing import Annotated

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import Name, body_of, principal_of, validated
from herald.shared.tasks.models import Model


class TokenRequest(Model):
    """Body of ``POST /api/token``."""

    user_id: Name = "demo"
    brands: list[Name] = Field([], max_length=50)
    scope: Annotated[str, StringConstraints(max_length=200, pattern=r"^([!#-\[\]-~]+( [!#-\[\]-~]+)*)?$")] = (
        ""
    )
    """Names separated by spaces: ``operator`` grants access to the operators' endpoints and channel,
    ``service`` to the tasks of all users; others let the token start types that ask for them."""


async def issue(request: Request) -> Response:
    """``POST /api/token``: issue a token for a demo user; only in development."""
    settings = dependencies_of(request).settings
    if settings.env != "dev":
        raise Problem(404, "Tokens are only issued in development (`HERALD_ENV=dev`)")
    wanted = validated(TokenRequest, await body_of(request))
    token = dependencies_of(request).issuer.issue(
        wanted.user_id, wanted.brands, settings.token_ttl_s, scope=wanted.scope
    )
    return JSONResponse({"token": token, "userId": wanted.user_id, "expiresIn": settings.token_ttl_s})


async def revoke(request: Request) -> Response:
    """``POST /api/token/revoke``: log the user out everywhere, by voiding every token issued so far."""
    principal = await principal_of(request)
    await dependencies_of(request).revocations.revoke(principal)
    return Response(status_code=204)


ROUTES: list[BaseRoute] = [
    Route("/api/token", issue, methods=["POST"]),
    Route("/api/token/revoke", revoke, methods=["POST"]),
]
