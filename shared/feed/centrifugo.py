"""Publishes to a Centrifugo cluster by its HTTP API, where one takes the hub's place."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from herald.shared.settings import Settings

WITHIN_S = 10.0


class CentrifugoError(ConnectionError):
    """Centrifugo cannot be reached, or did not take what was published."""


class Centrifugo:
    """A publisher to Centrifugo, which keeps the history and the positions then.

    The request is that of its method ``batch`` (centrifugal.dev, "Server API"): commands that are carried out
    in their order, each with a reply of its own.

    Example::

        async with Centrifugo.connect(settings) as centrifugo:
            await centrifugo.publish_each([("tasks#ada", '{"type":"task.queued"}')])
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Centrifugo"]:
        """A publisher to ``settings.centrifugo_api_url``; connections open on first use."""
        key = settings.centrifugo_api_key.get_secret_value() if settings.centrifugo_api_key else ""
        headers = {"X-API-Key": key, "Content-Type": "application/json"}
        url = f"{str(settings.centrifugo_api_url).rstrip('/')}/"
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=WITHIN_S) as http:
            yield cls(http)

    async def publish_each(self, messages: Sequence[tuple[str, str]]) -> list[int]:
        """Publish to each channel its data (JSON text), in one request; the new offsets.

        Raises:
            CentrifugoError: some may have been published; a reader keeps the greatest version, so publishing
                them again does no harm.
        """
        commands = [
            f'{{"publish":{{"channel":{json.dumps(channel)},"data":{data}}}}}' for channel, data in messages
        ]
        try:
            response = await self._http.post("batch", content=f'{{"commands":[{",".join(commands)}]}}')
            replies: list[dict[str, Any]] = response.raise_for_status().json()["replies"]
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise CentrifugoError(f"Centrifugo did not take a batch: {error!r}") from None
        for (channel, _), reply in zip(messages, replies, strict=True):
            if refusal := reply.get("error"):
                raise CentrifugoError(f"Centrifugo did not take what was for {channel}: {refusal}")
        return [reply.get("publish", {}).get("offset", 0) for reply in replies]
