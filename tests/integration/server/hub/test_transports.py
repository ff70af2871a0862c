"""Where WebSocket is blocked: the protocol's HTTP stream and event stream; and who may connect."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import websockets

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.integration.server.hub.test_hub import MINE, announced, herald_with
from tests.support.client import PERSONAS, Herald
from tests.support.web import serving


class Stream:
    """A client whose way from the server is an endless response."""

    def __init__(self, herald: Herald, lines: AsyncIterator[str], prefix: str) -> None:
        self._herald = herald
        self._lines = lines
        self._prefix = prefix
        self.hello: dict[str, Any] = {}

    async def next(self) -> dict[str, Any]:
        async for line in self._lines:
            if line.startswith(self._prefix) and (text := line.removeprefix(self._prefix)):
                message: dict[str, Any] = json.loads(text)
                if message:
                    return message
        raise EOFError

    async def send(self, herald: Herald, *commands: dict[str, Any]) -> httpx2.Response:
        """Send commands by way of ``herald``, which may be another process."""
        data = "\n".join(json.dumps(command) for command in commands)
        body = {"session": self.hello["session"], "node": self.hello["node"], "data": data}
        return await herald.http.post("/emulation", json=body)


@asynccontextmanager
async def streaming(herald: Herald, kind: str, **connect: Any) -> AsyncIterator[Stream]:
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


KINDS = pytest.mark.parametrize("kind", ["http_stream", "sse"])


@KINDS
async def test_a_stream_carries_the_whole_protocol(herald: Herald, feed: Feed, kind: str) -> None:
    async with streaming(herald, kind) as stream:
        assert stream.hello["subs"][MINE]["data"] == {"tasks": []}
        task = await herald.create(PERSONAS)
        pushed = (await stream.next())["push"]
        assert (pushed["channel"], pushed["pub"]["data"]["task"]) == (MINE, task)
        commands = [{"id": 2, "subscribe": {"channel": f"task:{task['taskId']}"}}, {"id": 3, "dance": {}}]
        assert (await stream.send(herald, *commands)).status_code == 204
        assert (await stream.next())["subscribe"]["data"]["tasks"] == [task]
        assert (await stream.next())["error"]["code"] == 104
        await feed.publish([(f"task:{task['taskId']}", '{"text":"two\\nlines"}')])
        assert (await stream.next())["push"]["pub"]["data"] == {"text": "two\nlines"}


@KINDS
async def test_a_stream_recovers(herald: Herald, feed: Feed, kind: str) -> None:
    async with streaming(herald, kind) as stream:
        at = stream.hello["subs"][MINE]
    await announced(feed, 3)
    before = {MINE: {"recover": True, "epoch": at["epoch"], "offset": at["offset"]}}
    async with streaming(herald, kind, subs=before) as stream:
        assert [missed["offset"] for missed in stream.hello["subs"][MINE]["publications"]] == [1, 2, 3]


@KINDS
async def test_commands_reach_a_stream_of_another_process(
    settings: Settings, herald: Herald, kind: str
) -> None:
    async with herald_with(settings) as elsewhere, streaming(herald, kind) as stream:
        response = await stream.send(elsewhere, {"id": 2, "ping": {}})
        assert response.status_code == 204
        assert await stream.next() == {"id": 2, "ping": {}}


@KINDS
async def test_a_stream_that_is_ended_is_told_why(herald: Herald, kind: str) -> None:
    async with streaming(herald, kind) as stream:
        await stream.send(herald, {"id": 2, "connect": {}})
        why = (await stream.next())["push"]["disconnect"]
        assert why == {"code": 3501, "reason": "bad request", "reconnect": False}
        with pytest.raises(EOFError):
            await stream.next()
        assert (await stream.send(herald, {"id": 3, "ping": {}})).status_code == 204, "its node lives on"


@KINDS
async def test_a_stream_without_a_good_token_is_ended(herald: Herald, kind: str) -> None:
    async with streaming(herald, kind, token="nonsense") as stream:
        assert stream.hello["push"]["disconnect"]["code"] == 3500


async def test_emulation_says_what_is_wrong(herald: Herald) -> None:
    gone = await herald.http.post("/emulation", json={"session": "s", "node": "gone", "data": "{}"})
    assert gone.status_code == 404
    not_utf_8 = b'{"session": "s", "node": "n", "data": "\xff"}'
    for body in (b"nonsense", b"[]", b'{"session": "s"}', not_utf_8):
        assert (await herald.http.post("/emulation", content=body)).status_code == 400
    assert (await herald.http.post("/emulation", content=b" " * 70_000)).status_code == 413


async def test_a_stream_whose_connect_is_not_utf_8_is_refused(herald: Herald) -> None:
    response = await herald.http.post(
        "/connection/http_stream", content=b'{"id":1,"connect":{"token":"\xff"}}'
    )
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


async def test_who_does_not_know_the_session_cannot_speak_for_it(herald: Herald) -> None:
    async with streaming(herald, "http_stream") as stream:
        forged = {"session": "guess", "node": stream.hello["node"], "data": '{"id":9,"connect":{}}'}
        assert (await herald.http.post("/emulation", json=forged)).status_code == 204
        await stream.send(herald, {"id": 2, "ping": {}})
        assert await stream.next() == {"id": 2, "ping": {}}


async def test_a_client_that_leaves_is_forgotten(settings: Settings) -> None:
    app = create_app(settings)
    async with serving(app, settings) as address, Herald.at(address, TokenIssuer(settings)) as herald:
        async with streaming(herald, "sse"), streaming(herald, "http_stream"), herald.connected():
            assert (await herald.http.get("/healthz")).json() == {"status": "ok", "connections": 3}
        while (await herald.http.get("/healthz")).json()["connections"]:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("query", "offered", "accepted"),
    [
        ("", ["centrifuge-protobuf"], "centrifuge-protobuf"),
        ("?format=protobuf", None, None),
        ("?cf_protocol=protobuf", None, None),
    ],
)
async def test_protobuf_is_refused_for_good(
    herald: Herald, query: str, offered: list[websockets.Subprotocol] | None, accepted: str | None
) -> None:
    address = f"ws://{herald.address}/connection/websocket{query}"
    async with websockets.connect(address, subprotocols=offered) as connection:
        # A browser reports the close code only if the subprotocol that it offered was accepted.
        assert connection.subprotocol == accepted
        with pytest.raises(websockets.ConnectionClosed):
            await connection.recv()
        assert (connection.close_code, connection.close_reason) == (3506, "inappropriate protocol")


@pytest.mark.parametrize("query", ["format=json", "x=%ff", "format=%zz&&=&cf_protocol="])
async def test_any_other_query_is_ignored(herald: Herald, query: str) -> None:
    async with websockets.connect(f"ws://{herald.address}/connection/websocket?{query}") as connection:
        await connection.send(json.dumps({"id": 1, "connect": {"token": herald.token()}}))
        assert "connect" in json.loads(await connection.recv())


@pytest.mark.parametrize(
    "offered", [["centrifuge-json"], ["other", "centrifuge-protobuf", "centrifuge-json"]]
)
async def test_the_json_subprotocol_is_accepted(
    herald: Herald, offered: list[websockets.Subprotocol]
) -> None:
    address = f"ws://{herald.address}/connection/websocket"
    async with websockets.connect(address, subprotocols=offered) as connection:
        assert connection.subprotocol == "centrifuge-json"
        await connection.send(json.dumps({"id": 1, "connect": {"token": herald.token()}}))
        assert "connect" in json.loads(await connection.recv())


ORIGINS = {"Origin": "https://evil.example"}


async def test_a_foreign_page_may_not_connect(herald: Herald) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(f"ws://{herald.address}/connection/websocket", origin="https://evil.example")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403
    for method, path in (
        ("POST", "/connection/http_stream"),
        ("GET", "/connection/sse"),
        ("POST", "/emulation"),
    ):
        assert (await herald.http.request(method, path, headers=ORIGINS)).status_code == 403
    async with websockets.connect(
        f"ws://{herald.address}/connection/websocket",
        origin=f"http://{herald.address}",  # type: ignore[arg-type]
    ):
        pass


async def test_an_allowed_origin_may(settings: Settings) -> None:
    async with herald_with(settings, allowed_origins=["https://evil.example"]) as herald:
        async with websockets.connect(
            f"ws://{herald.address}/connection/websocket",
            origin="https://evil.example",  # type: ignore[arg-type]
        ):
            pass
        preflight = {**ORIGINS, "Access-Control-Request-Method": "POST"}
        response = await herald.http.request("OPTIONS", "/api/jobs", headers=preflight)
        assert response.headers["access-control-allow-origin"] == "https://evil.example"
