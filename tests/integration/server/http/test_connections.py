"""HTTP streams and server-sent events, for networks that block WebSockets."""

import asyncio

import pytest

from herald.server.app import create_app
from herald.shared.feed.feed import Feed
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import PERSONAS, Herald
from tests.support.hub import MINE, announced, streaming
from tests.support.web import herald_with, serving

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
async def test_a_stream_recovers_missed_events(herald: Herald, feed: Feed, kind: str) -> None:
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
async def test_a_stream_ends_with_the_reason(herald: Herald, kind: str) -> None:
    async with streaming(herald, kind) as stream:
        await stream.send(herald, {"id": 2, "connect": {}})
        why = (await stream.next())["push"]["disconnect"]
        assert why == {"code": 3501, "reason": "bad request", "reconnect": False}
        with pytest.raises(EOFError):
            await stream.next()
        assert (await stream.send(herald, {"id": 3, "ping": {}})).status_code == 204, (
            "its hub is still running"
        )


@KINDS
async def test_a_stream_with_an_invalid_token_ends(herald: Herald, kind: str) -> None:
    async with streaming(herald, kind, token="nonsense") as stream:
        assert stream.hello["push"]["disconnect"]["code"] == 3500


async def test_invalid_emulation_requests_are_refused(herald: Herald) -> None:
    unknown = await herald.http.post("/emulation", json={"session": "s", "node": "none", "data": "{}"})
    assert unknown.status_code == 404
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


async def test_commands_for_a_guessed_session_are_ignored(herald: Herald) -> None:
    async with streaming(herald, "http_stream") as stream:
        forged = {"session": "guess", "node": stream.hello["node"], "data": '{"id":9,"connect":{}}'}
        assert (await herald.http.post("/emulation", json=forged)).status_code == 204
        await stream.send(herald, {"id": 2, "ping": {}})
        assert await stream.next() == {"id": 2, "ping": {}}


async def test_clients_that_leave_no_longer_count_as_connections(settings: Settings) -> None:
    app = create_app(settings)
    async with serving(app, settings) as address, Herald.at(address, TokenIssuer(settings)) as herald:
        async with streaming(herald, "sse"), streaming(herald, "http_stream"), herald.connected():
            assert (await herald.http.get("/healthz")).json() == {"status": "ok", "connections": 3}
        while (await herald.http.get("/healthz")).json()["connections"]:
            await asyncio.sleep(0.01)
