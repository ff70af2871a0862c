"""Requests that are too large or too slow are refused, and cost other clients nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import repeat

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from tests.support.client import PERSONAS, Herald
from tests.support.hub import streaming
from tests.support.slow import request_without_reading, until_cut_off
from tests.support.web import serving

ENOUGH_BYTES = 16 * 1024 * 1024
"""The server must never read this much from one client."""


async def answer_to(address: str, parts: Iterator[bytes], *, go_on: bool = False) -> bytes:
    """Send ``parts`` until the server responds, or with ``go_on`` until it disconnects; return its responses."""
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
            assert sent < ENOUGH_BYTES, "the server keeps reading"
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
    ids=["trailer", "trailers", "chunk extension", "tiny chunks", "unread body"],
)
async def test_an_endless_request_is_cut_off(herald: Herald, beginning: str, part: str) -> None:
    await answer_to(herald.address, endless(beginning, part), go_on=True)


async def test_pipelined_requests_are_limited(herald: Herald) -> None:
    assert (await answer_to(herald.address, iter([(GET + "\r\n").encode() * 1000]))).count(b"200 OK") <= 20
    answer = await answer_to(herald.address, iter([(GET + "\r\n").encode() * 5 + b"GET / HTTP/1.0\r\n\r\n"]))
    assert answer.count(b"200 OK") == 6


async def test_large_heads_within_the_limits_are_served_one_after_the_other(herald: Herald) -> None:
    head = GET + "".join(f"x-{number}: {'x' * 500}\r\n" for number in range(80))
    heads = [head + "\r\n", head + "\r\n", head + "Connection: close\r\n\r\n"]
    answer = await answer_to(
        herald.address, iter("".join(heads).encode().splitlines(keepends=True)), go_on=True
    )
    assert answer.count(b"HTTP/1.1 200") == 3


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
            await answer_to(herald.address, iter([b"GET /"]))  # a connection with its own deadline
        assert "ping" in await socket.call(ping={})
        assert (await stream.send(herald, {"id": 2, "ping": {}})).status_code == 204
        assert await stream.next() == {"id": 2, "ping": {}}
        assert not held.done()
        await herald.post(f"{path}/cancel")
        assert (await held).json()["status"] == "cancelled"


@pytest.mark.usefixtures("impatient")
async def test_a_response_that_is_not_read_is_cut_off() -> None:
    async def large(_: object) -> Response:
        return Response(bytes(20_000_000))

    async with serving(Starlette(routes=[Route("/", large)])) as address:
        with await request_without_reading(address, "GET / HTTP/1.1\r\nHost: herald\r\n\r\n") as client:
            await until_cut_off(client)


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
async def test_browsers_do_not_guess_the_type_of_a_response(
    herald: Herald, method: str, path: str, status: int | None
) -> None:
    response = await herald.http.request(method, path, content=b"x" if method == "POST" else None)
    assert status in (None, response.status_code)
    assert response.headers.get_list("x-content-type-options") == ["nosniff"]
