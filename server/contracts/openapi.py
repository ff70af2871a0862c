"""``/openapi.json``: the HTTP API as OpenAPI 3.1, generated from the models that the endpoints use."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.contracts.components import Schema, ref, schemas
from herald.server.contracts.operation_types import Operation, Reply
from herald.server.contracts.operations import operations
from herald.server.contracts.registered import Types, kept, startable_types
from herald.server.http.problems import ProblemBody

ERRORS = {
    400: "The request is malformed; `detail` says what to correct.",
    401: "Missing or invalid token.",
    403: "Your token does not grant access.",
    404: "Not found, or not yours.",
    409: "The task's status does not allow it; `taskStatus` is the current one.",
    413: "The body is too large.",
    422: "Invalid fields; `errors` lists them.",
    429: "Too many queued tasks or long polls. Try again after `Retry-After` seconds.",
    503: "A service that Herald depends on does not respond. Try again after `Retry-After` seconds.",
}
DESCRIPTION = (
    "Create tasks for long generative work, and check, cancel or retry them. Send a JWT as "
    "`Authorization: Bearer <token>`. A back end whose token has the scope `service` names the user that it "
    "acts for in the header `Herald-User`. Every error is a problem document (RFC 9457). Live events arrive "
    "over the hub; `/asyncapi.json` describes its channels."
)


@kept
def document(types: Types) -> dict[str, Any]:
    """The OpenAPI document; ``types`` are the task types that can be started."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations(types):
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Herald", "version": "1", "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": schemas(types),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(operation: Operation) -> Schema:
    responses = {str(reply.status): _response(reply) for reply in operation.replies}
    unavailable = () if operation.path == "/healthz" or "503" in responses else (503,)
    for status in (*operation.errors, *unavailable):
        responses[str(status)] = {
            "description": ERRORS[status],
            "content": {"application/problem+json": {"schema": ref(ProblemBody)}},
        }
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "parameters": list(operation.parameters),
        "responses": dict(sorted(responses.items())),
        "security": [] if operation.public else [{"token": []}],
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": operation.body}},
        }
    return described


def _response(reply: Reply) -> Schema:
    response: Schema = {"description": reply.description}
    if reply.schema is not None:
        response["content"] = {reply.media_type: {"schema": reply.schema}}
    if reply.headers:
        response["headers"] = {
            name: {"description": description, "schema": {"type": "string"}}
            for name, description in reply.headers.items()
        }
    return response


async def openapi(request: Request) -> Response:
    """``GET /openapi.json``: with the task types that the token, or without one every user, may start."""
    return JSONResponse(document(await startable_types(request)))


ROUTES: list[BaseRoute] = [Route("/openapi.json", openapi, methods=["GET"])]
