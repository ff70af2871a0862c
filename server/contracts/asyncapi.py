"""``/asyncapi.json``: the live channels as AsyncAPI 3.0, generated from the models of their messages."""

from functools import lru_cache
from typing import Any, get_args

from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from herald.server.admin.overview import OverviewEvent
from herald.shared.tasks.channels import OPS, Channel
from herald.shared.tasks.events import EventType, TaskDelta, TaskEmitted, TaskEvent, TaskSnapshot

REF = "#/components/schemas/{model}"
CHANNELS: dict[str, tuple[str, str | None, str, tuple[str, ...]]] = {
    "userTasks": (
        str(Channel.user("{userId}")),
        "userId",
        "All events of a user's tasks. Every connection is subscribed to its user's channel automatically.",
        ("taskSnapshot", "taskEvent"),
    ),
    "task": (
        str(Channel.task("{taskId}")),
        "taskId",
        "The events of one task, and its draft while a model is writing it. For the task's owner and brand.",
        ("taskSnapshot", "taskEvent", "taskDelta", "taskEmitted"),
    ),
    "brandTasks": (
        str(Channel.brand("{brandId}")),
        "brandId",
        "All events of a brand's tasks. Needs a token whose `brands` includes the brand.",
        ("taskSnapshot", "taskEvent"),
    ),
    "operators": (
        str(OPS),
        None,
        "The overview, every two seconds while there are subscribers. Needs a token whose `scope` includes "
        "`operator`.",
        ("overview",),
    ),
}


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    _, schemas = models_json_schema(
        [(model, "validation") for model in (TaskSnapshot, TaskEvent, TaskDelta, TaskEmitted, OverviewEvent)],
        by_alias=True,
        ref_template=REF,
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Herald",
            "version": "1",
            "description": "Live events of tasks. The hub speaks Centrifuge's client protocol in JSON; "
            "connect with the official JavaScript, Python or Go SDK. Create tasks over HTTP, see "
            "`/openapi.json`.",
        },
        "servers": {
            "hub": {
                "host": "{host}",
                "pathname": "/connection/websocket",
                "protocol": "ws",
                "description": "WebSocket. Also available as an HTTP stream (`/connection/http_stream`) and "
                "as server-sent events (`/connection/sse`); both send commands to `/emulation`.",
                "variables": {"host": {"default": "127.0.0.1:8000"}},
                "security": [{"$ref": "#/components/securitySchemes/token"}],
            }
        },
        "channels": {name: _channel(*channel) for name, channel in CHANNELS.items()},
        "operations": {
            f"receive{name[0].upper()}{name[1:]}": {
                "action": "send",  # the document describes the hub, which sends
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel[3]],
            }
            for name, channel in CHANNELS.items()
        },
        "components": {
            "schemas": schemas["$defs"],
            "messages": {
                "taskSnapshot": {
                    "title": "Snapshot",
                    "summary": "The current tasks, as `data` in the reply to connect or subscribe unless "
                    "missed messages are recovered. It is read after the stream position in the same reply, "
                    "so no event is lost.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskSnapshot")},
                },
                "taskEvent": {
                    "title": "Task event",
                    "summary": f"A task has changed: {', '.join(get_args(EventType))}. Carries the task's "
                    "full public state. Of two states, the one with the greater (`rev`, `tick`) is newer.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskEvent")},
                },
                "taskDelta": {
                    "title": "Draft piece",
                    "summary": "The next piece of a draft. Concatenate the pieces with the same `attempt`, "
                    "`step` and `part` in the order of `start`.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskDelta")},
                },
                "taskEmitted": {
                    "title": "Emitted data",
                    "summary": "Live data that the task's code has emitted. The newest of each `name` is "
                    "also in the task, as `emitted`.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="TaskEmitted")},
                },
                "overview": {
                    "title": "Overview",
                    "summary": "The state of queue, workers, hubs and recent tasks. Each replaces the "
                    "previous one.",
                    "contentType": "application/json",
                    "payload": {"$ref": REF.format(model="OverviewEvent")},
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "httpApiKey",
                    "name": "token",
                    "in": "query",
                    "description": "A JWT, in the `token` field of the connect command.",
                }
            },
        },
    }


def _channel(
    address: str, parameter: str | None, description: str, messages: tuple[str, ...]
) -> dict[str, Any]:
    parameters = (
        {parameter: {"description": f"The {parameter.removesuffix('Id')}'s id."}} if parameter else {}
    )
    return {
        "address": address,
        "description": description,
        "parameters": parameters,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


async def asyncapi(_: Request) -> Response:
    """``GET /asyncapi.json``."""
    return JSONResponse(document())


ROUTES: list[BaseRoute] = [Route("/asyncapi.json", asyncapi, methods=["GET"])]
