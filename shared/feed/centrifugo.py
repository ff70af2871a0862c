"""Publishes to a Centrifugo cluster over its HTTP API, for installations where it replaces Herald's hub."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson

from herald.shared.settings import Settings
from herald.shared.tasks.events import Message

TIMEOUT_S = 10.0


class CentrifugoError(ConnectionError):
    """Centrifugo cannot be reached, or rejected a message."""


class Centrifugo:
    """A client for Centrifugo's server API (centrifugal.dev, "Server API").

    It sends the method ``batch``: commands that run in their order, each with a reply of its own. Centrifugo
    keeps the history and the positions of its channels itself.

    Example::

        async with Centrifugo.connect(settings) as centrifugo:
            await centrifugo.publish([("tasks#ada", '{"type":"task.queued"}')])
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Centrifugo"]:
        """A client for ``settings.centrifugo_api_url``; connections open on first use."""
        key = settings.centrifugo_api_key.get_secret_value() if settings.centrifugo_api_key else ""
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        url = f"{str(settings.centrifugo_api_url).rstrip('/')}/"
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT_S) as http:
            yield cls(http)

    async def publish(self, messages: Sequence[Message]) -> list[int]:
        """Publish messages in their order, in one request, and return their offsets.

        Raises:
            CentrifugoError: Centrifugo cannot be reached, or rejected a message. Some messages may have been
                published. To publish them again does no harm: a client keeps the newest version of a task.
        """
        commands = [
            {"publish": {"channel": channel, "data": orjson.Fragment(data)}} for channel, data in messages
        ]
        try:
            response = await self._http.post("batch", content=orjson.dumps({"commands": commands}))
            replies: list[dict[str, Any]] = orjson.loads(response.raise_for_status().content)["replies"]
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise CentrifugoError(f"publishing to Centrifugo failed: {error!r}") from None
        for (channel, _), reply in zip(messages, replies, strict=True):
            if rejection := reply.get("error"):
                raise CentrifugoError(f"Centrifugo rejected a message for {channel}: {rejection}")
        return [reply.get("publish", {}).get("offset", 0) for reply in replies]
