"""``/asyncapi.json``: the channels and their messages as AsyncAPI 3.0, from the models that are published."""

from functools import lru_cache
from typing import Any, get_args

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.admin.overview import OverviewEvent
from herald.shared.tasks.channels import OPS, Channel
from herald.shared.tasks.events import EventType, TaskDelta, TaskEvent, TaskSnapshot

REF = "#/components/schemas/{model}"
CHANNELS: dict[str, tuple[str, str | None, str, tuple[str, ...]]] = {
    "userTasks": (
        str(Channel.user("{userId}")),
        "userId",
        "Every event of a user's tasks. Whoever connects is subscribed to their own, and to no other's.",
        ("taskSnapshot", "taskEvent"),
    ),
    "task": (
        str(Channel.task("{taskId}")),
        "taskId",
        "The events of one task, and what a model is writing for it. For its owner and its brand.",
        ("taskSnapshot", "taskEvent", "taskDelta"),
    ),
    "brandTasks": (
        str(Channel.brand("{brandId}")),
        "brandId",
        "Every event of a brand's tasks. For tokens whose `brands` hold it.",
        ("taskSnapshot", "taskEvent"),
    ),
    "operators": (
        str(OPS),
        None,
        "How everything is doing, every two seconds while somebody looks. For tokens whose `scope` holds "
        "`operator`.",
        ("overview",),
    ),
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (TaskSnapshot, TaskEvent, TaskDelta, OverviewEvent)],
        by_alias=True,
        ref_template=REF,
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Herald",
            "version": "1",
            "description": "Changes of tasks, pushed. The protocol around the messages is Centrifuge's "
            "client protocol in JSON; its official JavaScript, Python and Go SDKs speak it. Tasks are "
            "started over HTTP, see /openapi.json.",
        },
        "servers": {
            "hub": {
                "host": "{host}",
                "pathname": "/connection/websocket",
                "protocol": "ws",
                "description": "Also as an HTTP stream (/connection/http_stream) and as server-sent events "
                "(/connection/sse), each with /emulation for the other direction.",
                "variables": {"host": {"default": "127.0.0.1:8000"}},
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {name: _channel(*channel) for name, channel in CHANNELS.items()},
        "operations": {
            f"receive{name[0].upper()}{name[1:]}": {
                "action": "send",  # from the point of view of the hub, which this document is of
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel[3]],
            }
            for name, channel in CHANNELS.items()
        },
        "components": {
            "schemas": schemas["$defs"],
            "messages": {
                "taskSnapshot": {
                    "title": "What a subscription starts from",
                    "summary": "`data` of a reply to subscribe or connect that recovers nothing. It is read "
                    "after the position in the same reply, so the publications that follow leave no hole.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskSnapshot")},
                },
                "taskEvent": {
                    "title": "A task has changed",
                    "summary": f"One of {', '.join(get_args(EventType))}. It carries the task's whole public "
                    "state; of two states the one with the greater (rev, tick) is the newer.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskEvent")},
                },
                "taskDelta": {
                    "title": "A model has written a further piece",
                    "summary": "Pieces of one (attempt, step, part) are joined in the order of `start`.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskDelta")},
                },
                "overview": {
                    "title": "How everything is doing",
                    "summary": "Each one takes the place of the one before.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="OverviewEvent")},
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "name": "token",
                    "in": "query",
                    "description": "A JWT, in the `token` field of the connect command",
                }
            },
        },
    }


def _channel(address: str, parameter: str | None, told: str, messages: tuple[str, ...]) -> dict[str, Any]:
    named = {parameter: {"description": f"The {parameter.removesuffix('Id')}'s id"}} if parameter else {}
    return {
        "address": address,
        "description": told,
        "parameters": named,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


async def asyncapi(_: Request) -> Response:
    """``GET /asyncapi.json``."""
    return JSONResponse(document())


ROUTES: list[BaseRoute] = [Route("/asyncapi.json", asyncapi, methods=["GET"])]
