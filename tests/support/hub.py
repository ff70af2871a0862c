"""Publishes events for the tests of the hub, and connects clients over HTTP streams."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from herald.shared.feed.feed import Feed
from herald.shared.tasks.events import TaskEvent
from herald.shared.tasks.models import Task, TaskStatus
from tests.support.client import Herald
from tests.support.tasks import a_task

MINE = "tasks#ada"
"""The channel of the tests' user."""


def subscribed(hello: dict[str, Any], channel: str = MINE) -> dict[str, Any]:
    """The server-side subscription to ``channel`` in the result of a connect command."""
    subscription: dict[str, Any] = hello["subs"][channel]
    return subscription


def position(subscription: dict[str, Any]) -> dict[str, Any]:
    """The fields of a subscribe command that recovers from the start of ``subscription``."""
    return {"recover": True, "epoch": subscription["epoch"], "offset": subscription["offset"]}


async def announced(feed: Feed, number: int, task: Task | None = None) -> Task:
    """Publish ``number`` progress events of a task."""
    task = task or a_task(status=TaskStatus.PROCESSING)
    for tick in range(task.tick + 1, task.tick + number + 1):
        task = task.model_copy(update={"tick": tick})
        await feed.publish(TaskEvent.of(task, "task.progress").messages())
    return task


class Stream:
    """A client that reads an HTTP stream or server-sent events, and sends commands by emulation."""

    def __init__(self, herald: Herald, lines: AsyncIterator[str], prefix: str) -> None:
        self._herald = herald
        self._lines = lines
        self._prefix = prefix
        self.hello: dict[str, Any] = {}

    async def next(self) -> dict[str, Any]:
        """The next message that is not a ping."""
        async for line in self._lines:
            if line.startswith(self._prefix) and (text := line.removeprefix(self._prefix)):
                message: dict[str, Any] = json.loads(text)
                if message:
                    return message
        raise EOFError

    async def send(self, herald: Herald, *commands: dict[str, Any]) -> httpx2.Response:
        """Send commands through ``herald``, which may be another process."""
        data = "\n".join(json.dumps(command) for command in commands)
        body = {"session": self.hello["session"], "node": self.hello["node"], "data": data}
        return await herald.http.post("/emulation", json=body)


@asynccontextmanager
async def streaming(herald: Herald, kind: str, **connect: Any) -> AsyncIterator[Stream]:
    """A stream (``http_stream`` or ``sse``) after its connect command; `Stream.hello` is the result."""
    command = json.dumps({"id": 1, "connect": {"token": herald.token(), **connect}})
    if kind == "sse":
        request = herald.http.stream("GET", "/connection/sse", params={"cf_connect": command})
    else:
        request = herald.http.stream("POST", "/connection/http_stream", content=command)
    async with request as response:
        assert response.status_code == 200
        stream = Stream(herald, response.aiter_lines(), "data: " if kind == "sse" else "")
        message = await stream.next()
        stream.hello = message.get("connect", message)
        yield stream


async def connections(herald: Herald) -> int:
    """The number of connections to the hub."""
    return int((await herald.http.get("/healthz")).json()["connections"])
