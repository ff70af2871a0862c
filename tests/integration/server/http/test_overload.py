"""One client that sends too much, too slowly, or does not read, costs the others nothing."""

import asyncio
import json
import socket as sockets
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from itertools import repeat

import pytest
import websockets
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from herald.server.http import limits as http_limits
from herald.server.hub.transports import streams as transports
from herald.server.hub.transports import websocket as wire
from herald.server.snapshots import Snapshots
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from tests.integration.server.hub.test_hub import MINE, herald_with
from tests.integration.server.hub.test_limits import deaf_client
from tests.integration.server.hub.test_transports import streaming
from tests.support.client import PERSONAS, Herald
from tests.support.web import serving

ENOUGH_BYTES = 16 * 1024 * 1024
"""So much of a request must never be read."""


async def answer_to(address: str, parts: Iterator[bytes], *, go_on: bool = False) -> bytes:
    """Send ``parts`` until the server ends the connection, or answers if not to ``go_on``; its answers."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = bytearray()

    async def read() -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                answer.extend(data)

    reading = asyncio.create_task(read())
    sent = 0
    with suppress(ConnectionError):
        for part in parts:
            if reading.done() or (answer and not go_on):
                break
            sent += len(part)
            assert sent < ENOUGH_BYTES, "the server reads on"
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await reading
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return bytes(answer)


def endless(beginning: str, part: str) -> Iterator[bytes]:
    yield beginning.encode()
    yield from repeat(part.encode())


GET = "GET /healthz HTTP/1.1\r\nHost: herald\r\n"
CHUNKED = "POST /api/token HTTP/1.1\r\nHost: herald\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "part", "status"),
    [
        (GET, "a: b\r\n" * 1000, b"431"),
        (GET, "".join(f"x-{number}: {'x' * 1000}\r\n" for number in range(99)), b"431"),
        (GET + "a: ", "b" * 10_000, b"431"),
        (GET, "b" * 10_000, b"431"),
        ("GET /", "a" * 10_000, b"414"),
    ],
    ids=["headers", "bytes of headers", "value", "name", "address"],
)
async def test_an_endless_head_is_refused(herald: Herald, beginning: str, part: str, status: bytes) -> None:
    answer = await answer_to(herald.address, endless(beginning, part))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("beginning", "part"),
    [
        (CHUNKED + "0\r\na: ", "b" * 10_000),
        (CHUNKED + "0\r\n", "a: b\r\n" * 1000),
        (CHUNKED + "1;", "a" * 10_000),
        (CHUNKED, "1\r\n \r\n" * 2000),
        (GET + "Transfer-Encoding: chunked\r\n\r\n", "1000\r\n" + "x" * 4096 + "\r\n"),
    ],
    ids=["trailer", "trailers", "chunk extension", "tiny chunks", "body that nobody reads"],
)
async def test_a_request_that_does_not_end_is_cut_off(herald: Herald, beginning: str, part: str) -> None:
    await answer_to(herald.address, endless(beginning, part), go_on=True)


async def test_requests_that_are_sent_all_at_once_are_limited(herald: Herald) -> None:
    assert (await answer_to(herald.address, iter([(GET + "\r\n").encode() * 1000]))).count(b"200 OK") <= 20
    answer = await answer_to(herald.address, iter([(GET + "\r\n").encode() * 5 + b"GET / HTTP/1.0\r\n\r\n"]))
    assert answer.count(b"200 OK") == 6


async def test_a_large_head_within_the_limits_is_served_however_many_came_before(herald: Herald) -> None:
    head = GET + "".join(f"x-{number}: {'x' * 500}\r\n" for number in range(80))
    heads = [head + "\r\n", head + "\r\n", head + "Connection: close\r\n\r\n"]
    answer = await answer_to(
        herald.address, iter("".join(heads).encode().splitlines(keepends=True)), go_on=True
    )
    assert answer.count(b"HTTP/1.1 200") == 3


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for."""
    monkeypatch.setattr(http_limits, "HEAD_WITHIN_S", 0.2)
    monkeypatch.setattr(http_limits, "BODY_WITHIN_S", 0.2)
    monkeypatch.setattr(http_limits, "READ_WITHIN_S", 0.2)
    monkeypatch.setattr(wire, "CLOSE_WITHIN_S", 0.2)
    monkeypatch.setattr(transports, "CLOSE_WITHIN_S", 0.2)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("", b""),
        ("\r\n", b""),
        ("GET /hea", b"HTTP/1.1 408"),
        (GET, b"HTTP/1.1 408"),
        (GET + "\r\n" + GET, b"HTTP/1.1 200"),
        ("POST /api/token HTTP/1.1\r\nContent-Length: 10\r\n\r\n{", b""),
        (CHUNKED + "1\r\n{\r\n", b""),
    ],
    ids=[
        "nothing",
        "a line break",
        "half a line",
        "half a head",
        "half a second head",
        "half a body",
        "half a chunked body",
    ],
)
@pytest.mark.usefixtures("impatient")
async def test_an_unfinished_request_is_ended(herald: Herald, sent: str, answered: bytes) -> None:
    assert (await answer_to(herald.address, iter([sent.encode()]))).startswith(answered)


@pytest.mark.usefixtures("impatient")
async def test_idle_connections_outlive_the_deadline_of_a_request(herald: Herald) -> None:
    task = await herald.create(PERSONAS)
    path = f"/api/jobs/{task['taskId']}"
    etag = (await herald.get(path)).headers["etag"]
    held = asyncio.create_task(herald.get(path, headers={"If-None-Match": etag, "Prefer": "wait=50"}))
    async with herald.connected() as socket, streaming(herald, "sse") as stream:
        for _ in range(3):
            await answer_to(herald.address, iter([b"GET /"]))  # whose deadline began later
        assert "ping" in await socket.call(ping={})
        assert (await stream.send(herald, {"id": 2, "ping": {}})).status_code == 204
        assert await stream.next() == {"id": 2, "ping": {}}
        assert not held.done()
        await herald.post(f"{path}/cancel")
        assert (await held).json()["status"] == "cancelled"


# Clients that do not read


async def until_cut_off(deaf: sockets.socket) -> None:
    """Wait until the server has given ``deaf`` up, which must not need that it reads."""
    async with asyncio.timeout(30):
        with suppress(ConnectionError):
            while True:
                await asyncio.get_running_loop().sock_sendall(deaf, b"\r\n")  # means nothing in HTTP
                await asyncio.sleep(0.02)


async def deaf_request(address: str, request: str) -> sockets.socket:
    """A client that sends a request, and never reads."""
    deaf = sockets.socket()
    deaf.setblocking(False)
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    host, _, port = address.partition(":")
    loop = asyncio.get_running_loop()
    await loop.sock_connect(deaf, (host, int(port)))
    await loop.sock_sendall(deaf, request.encode())
    return deaf


async def connections(herald: Herald) -> int:
    return int((await herald.http.get("/healthz")).json()["connections"])


async def fill(feed: Feed, megabytes: int = 12) -> None:
    """Publish more than the sockets of a connection hold."""
    for _ in range(megabytes):
        await feed.publish([MINE], json.dumps({"type": "task.step", "filler": "x" * 1_000_000}))


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
        with await deaf_request(herald.address, request[kind]) as deaf:
            while not await connections(herald):
                await asyncio.sleep(0.01)
            await fill(feed)
            await until_cut_off(deaf)
            assert not await connections(herald)


@pytest.mark.usefixtures("impatient")
async def test_a_response_that_is_not_read_is_cut_off() -> None:
    async def large(_: object) -> Response:
        return Response(bytes(20_000_000))

    async with serving(Starlette(routes=[Route("/", large)])) as address:
        with await deaf_request(address, "GET / HTTP/1.1\r\nHost: herald\r\n\r\n") as deaf:
            await until_cut_off(deaf)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("end", ["close frame", "end of the stream"])
async def test_a_websocket_that_leaves_without_reading_is_cut_off(
    settings: Settings, feed: Feed, end: str
) -> None:
    async with herald_with(settings, max_outbox_bytes=50_000_000) as herald:
        with await deaf_client(herald.address, herald.token()) as deaf:
            while not await connections(herald):
                await asyncio.sleep(0.01)
            await fill(feed)
            if end == "close frame":
                await asyncio.get_running_loop().sock_sendall(deaf, b"\x88\x80" + bytes(4))
            else:
                deaf.shutdown(sockets.SHUT_WR)
            async with asyncio.timeout(30):
                while await connections(herald):
                    await asyncio.sleep(0.01)


PING = b"\x89\xfd" + bytes(4) + b"x" * 125


@pytest.mark.usefixtures("impatient")
async def test_pongs_that_are_not_read_end_the_connection(settings: Settings) -> None:
    async with herald_with(settings, max_outbox_bytes=100_000, max_commands_per_s=1e9) as herald:
        with await deaf_client(herald.address, herald.token()) as deaf:
            sent = 0
            with suppress(ConnectionError):
                while sent < ENOUGH_BYTES:
                    await asyncio.get_running_loop().sock_sendall(deaf, PING * 1000)
                    sent += len(PING) * 1000
            assert sent < ENOUGH_BYTES


@pytest.mark.parametrize("frame", [PING, b"\x8a\x80" + bytes(4)])
async def test_frames_without_a_command_count_as_commands(settings: Settings, frame: bytes) -> None:
    async with herald_with(settings, max_commands_per_s=10) as herald, herald.connected() as socket:
        socket.connection.transport.write(frame * 30)
        assert await socket.closed() == (3013, "too many requests")


# Many at once


async def test_the_connection_limit_holds_for_many_at_once(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=3) as herald, AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(herald.socket()) for _ in range(12)]
        for client in clients:
            await client.send({"id": 1, "connect": {"token": herald.token()}})

        async def is_connected(number: int) -> bool:
            try:
                return "connect" in await clients[number].next()
            except websockets.ConnectionClosed as end:
                assert end.rcvd is not None and end.rcvd.code == 3504
                return False

        assert sum(await asyncio.gather(*map(is_connected, range(len(clients))))) == 3


async def test_held_requests_of_one_user_are_limited(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=2) as herald:
        task = await herald.create(PERSONAS)
        path = f"/api/jobs/{task['taskId']}"
        headers = {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=50"}
        asked = [asyncio.create_task(herald.get(path, headers=headers)) for _ in range(3)]
        [first], others = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        refused = await first
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert (await herald.get(path)).status_code == 200, "those that do not wait are answered"
        await herald.post(f"{path}/cancel")
        assert [(await one).json()["status"] for one in others] == ["cancelled"] * 2
        headers |= {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=1"}
        assert (await herald.get(path, headers=headers)).status_code == 304, "there is room again"


async def test_a_held_request_reads_no_snapshot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(*_: object) -> str:
        raise AssertionError("a snapshot was read")

    monkeypatch.setattr(Snapshots, "read", read)
    async with herald_with(settings) as herald:
        task = await herald.create(PERSONAS)
        path = f"/api/jobs/{task['taskId']}"
        headers = {"If-None-Match": (await herald.get(path)).headers["etag"], "Prefer": "wait=1"}
        response = await herald.get(path, headers=headers)
        assert (response.status_code, response.headers["preference-applied"]) == (304, "wait=1")


# What every response says


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/static/ui/base.css", 200),
        ("GET", "/vendor/preact.mjs", None),
        ("GET", "/api/jobs", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/docs", 200),
        ("GET", "/metrics", 200),
        ("POST", "/connection/http_stream", 200),
        ("POST", "/emulation", 400),
    ],
)
async def test_no_response_is_guessed_at(herald: Herald, method: str, path: str, status: int | None) -> None:
    response = await herald.http.request(method, path, content=b"x" if method == "POST" else None)
    assert status in (None, response.status_code)
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
