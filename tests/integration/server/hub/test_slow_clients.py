"""Clients that read slowly or not at all cost the others nothing, and are disconnected."""

import asyncio
import json
import socket as sockets
from contextlib import suppress

import pytest
import websockets

from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from tests.support.hub import MINE, announced, connections
from tests.support.slow import connect_without_reading, request_without_reading, until_cut_off
from tests.support.tasks import a_task
from tests.support.web import herald_with

ENOUGH_BYTES = 16 * 1024 * 1024
"""The server must never read this much from one client."""


async def test_a_client_that_never_reads_is_disconnected_and_costs_the_others_nothing(
    settings: Settings, feed: Feed
) -> None:
    async with herald_with(settings, max_outbox_bytes=100_000) as herald, herald.connected() as good:
        with await connect_without_reading(herald.address, herald.token()):
            while (await herald.http.get("/healthz")).json()["connections"] < 2:
                await asyncio.sleep(0.01)
            offset = 0
            while (await herald.http.get("/healthz")).json()["connections"] == 2:
                for _ in range(20):
                    await feed.publish([(MINE, json.dumps({"type": "task.step", "filler": "x" * 20_000}))])
                for _ in range(20):
                    offset += 1
                    assert (await good.publication())["offset"] == offset
        assert offset < 1000


async def test_a_slow_client_gets_the_newest_progress_and_every_transition(
    settings: Settings, feed: Feed
) -> None:
    async with herald_with(settings, max_outbox_bytes=50_000_000) as herald:
        async with websockets.connect(
            f"ws://{herald.address}/connection/websocket", max_queue=1, max_size=None
        ) as slow:
            await slow.send(json.dumps({"id": 1, "connect": {"token": herald.token()}}))
            await slow.recv()
            task = a_task(status=TaskStatus.PROCESSING, last_error="x" * 20_000)
            task = await announced(feed, 1500, task)
            for _ in range(3):
                step = {"type": "task.step", "task": {"taskId": task.task_id}}
                await feed.publish([(MINE, json.dumps(step))])
            types: list[str] = []
            last = 0
            while types[-3:] != ["task.step"] * 3:
                for line in str(await slow.recv()).split("\n"):
                    publication = json.loads(line)["push"]["pub"]
                    assert publication["offset"] > last
                    last = publication["offset"]
                    types.append(publication["data"]["type"])
            assert last == 1503
            assert types.count("task.progress") < 1500, "no progress event was left out"


async def fill(feed: Feed, megabytes: int = 12) -> None:
    """Publish more than the sockets of a connection hold."""
    for _ in range(megabytes):
        await feed.publish([(MINE, json.dumps({"type": "task.step", "filler": "x" * 1_000_000}))])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["http_stream", "sse"])
async def test_a_stream_that_is_not_read_is_cut_off(settings: Settings, feed: Feed, kind: str) -> None:
    async with herald_with(settings, max_outbox_bytes=100_000) as herald:
        connect = json.dumps({"id": 1, "connect": {"token": herald.token()}})
        query = connect.replace(" ", "").replace('"', "%22").replace("{", "%7B").replace("}", "%7D")
        request = {
            "sse": f"GET /connection/sse?cf_connect={query} HTTP/1.1\r\nHost: herald\r\n\r\n",
            "http_stream": "POST /connection/http_stream HTTP/1.1\r\nHost: herald\r\n"
            f"Content-Length: {len(connect)}\r\n\r\n{connect}",
        }
        with await request_without_reading(herald.address, request[kind]) as client:
            while not await connections(herald):
                await asyncio.sleep(0.01)
            await fill(feed)
            await until_cut_off(client)
            assert not await connections(herald)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("end", ["close frame", "end of the stream"])
async def test_a_websocket_that_leaves_without_reading_is_cut_off(
    settings: Settings, feed: Feed, end: str
) -> None:
    async with herald_with(settings, max_outbox_bytes=50_000_000) as herald:
        with await connect_without_reading(herald.address, herald.token()) as client:
            while not await connections(herald):
                await asyncio.sleep(0.01)
            await fill(feed)
            if end == "close frame":
                await asyncio.get_running_loop().sock_sendall(client, b"\x88\x80" + bytes(4))
            else:
                client.shutdown(sockets.SHUT_WR)
            async with asyncio.timeout(30):
                while await connections(herald):
                    await asyncio.sleep(0.01)


PING = b"\x89\xfd" + bytes(4) + b"x" * 125


@pytest.mark.usefixtures("impatient")
async def test_a_client_that_does_not_read_its_pongs_is_disconnected(settings: Settings) -> None:
    async with herald_with(settings, max_outbox_bytes=100_000, max_commands_per_s=1e9) as herald:
        with await connect_without_reading(herald.address, herald.token()) as client:
            sent = 0
            with suppress(ConnectionError):
                while sent < ENOUGH_BYTES:
                    await asyncio.get_running_loop().sock_sendall(client, PING * 1000)
                    sent += len(PING) * 1000
            assert sent < ENOUGH_BYTES
