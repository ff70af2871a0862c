"""WebSockets: the handshake, subprotocols, frames, and the pages that may connect."""

import json

import httpx2
import pytest
import websockets

from herald.shared.settings import Settings
from tests.support.client import Herald
from tests.support.web import herald_with


async def test_a_plain_request_to_the_websocket_is_not_found(herald: Herald) -> None:
    response: httpx2.Response = await herald.http.get("/connection/websocket")
    assert response.status_code == 404


async def test_incomplete_handshakes_are_refused(herald: Herald) -> None:
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    key, version = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"Sec-WebSocket-Version": "13"}
    for headers in (
        {},
        key,
        version,
        key | {"Sec-WebSocket-Version": "8"},
        version | {"Sec-WebSocket-Key": "A"},
    ):
        response = await herald.http.get("/connection/websocket", headers=upgrade | headers)
        assert response.status_code == 400, headers
    response = await herald.http.post("/connection/websocket", headers=upgrade | key | version)
    assert response.status_code == 400
    response = await herald.http.get("/connection/elsewhere", headers=upgrade | key | version)
    assert response.status_code in (403, 404)


async def test_an_invalid_frame_disconnects_only_its_sender(herald: Herald) -> None:
    async with herald.connected() as healthy, herald.connected() as broken:
        broken.connection.transport.write(b"\xff" * 100)
        assert (await broken.closed())[0] == 1002
        assert "ping" in await healthy.call(ping={})


async def test_a_message_may_come_in_fragments_with_a_ping_between_them(herald: Herald) -> None:
    async with herald.socket() as socket:
        text = json.dumps({"id": 1, "connect": {"token": herald.token()}})
        async with socket.connection.send_context():
            socket.connection.protocol.send_text(text[:10].encode(), fin=False)
            socket.connection.protocol.send_ping(b"there?")
            socket.connection.protocol.send_continuation(text[10:].encode(), fin=True)
        assert "connect" in await socket.next()


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
async def test_other_queries_are_ignored(herald: Herald, query: str) -> None:
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


async def test_a_page_of_an_allowed_origin_may_connect(settings: Settings) -> None:
    async with herald_with(settings, allowed_origins=["https://evil.example"]) as herald:
        async with websockets.connect(
            f"ws://{herald.address}/connection/websocket",
            origin="https://evil.example",  # type: ignore[arg-type]
        ):
            pass
        preflight = {**ORIGINS, "Access-Control-Request-Method": "POST"}
        response = await herald.http.request("OPTIONS", "/api/jobs", headers=preflight)
        assert response.headers["access-control-allow-origin"] == "https://evil.example"
