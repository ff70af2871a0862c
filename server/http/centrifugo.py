"""The subscribe proxy for a Centrifugo that replaces the hub: checks permissions and returns snapshots."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.auth.permissions import may_subscribe
from herald.server.auth.principal import Principal
from herald.server.dependencies import dependencies_of
from herald.server.http.problems import Problem
from herald.server.http.requests import body_of, is_secret, validated
from herald.shared.tasks.channels import OPS
from herald.shared.tasks.models import Model

PERMISSION_DENIED = {"code": 103, "message": "permission denied"}


class SubscribeRequest(Model):
    """The fields of Centrifugo's request that Herald uses. Centrifugo has verified the user's token."""

    user: str
    channel: str


async def subscribe(request: Request) -> Response:
    """``POST /centrifugo/subscribe``: permit a subscription and return its snapshot.

    Brand channels need subscription tokens, because the request does not say which brands the user has.
    """
    dependencies = dependencies_of(request)
    key = dependencies.settings.centrifugo_api_key
    if key is None:
        raise Problem(404, "Centrifugo is not configured; set HERALD_CENTRIFUGO_API_KEY")
    if not is_secret(request.headers.get("x-api-key", ""), key):
        raise Problem(401, "X-API-Key does not match HERALD_CENTRIFUGO_API_KEY")
    wanted = validated(SubscribeRequest, await body_of(request))
    principal = Principal(wanted.user, frozenset(), None, 0)
    if wanted.channel == str(OPS) or not await may_subscribe(principal, wanted.channel, dependencies.store):
        return JSONResponse({"error": PERMISSION_DENIED})
    snapshot = await dependencies.snapshots.read(wanted.channel)
    return JSONResponse({"result": {"data": json.loads(snapshot)}})


ROUTES: list[BaseRoute] = [Route("/centrifugo/subscribe", subscribe, methods=["POST"])]
