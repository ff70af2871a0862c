"""What a client may not do, and what ends its connection; slow receivers; a server that stops."""

import asyncio
import json
import socket as sockets
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import websockets

from herald.server.auth import revocation
from herald.server.hub import hub as hub_module
from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from herald.shared.tokens import TokenIssuer
from tests.integration.server.hub.test_hub import MINE, announced, herald_with, subscribed
from tests.integration.server.hub.test_transports import streaming
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WEB, environment, ready, running
from tests.support.proxy import proxy_to
from tests.support.tasks import a_task


async def test_a_frame_that_is_too_large_ends_its_sender(settings: Settings) -> None:
    async with herald_with(settings, max_frame_bytes=1000) as herald, herald.connected() as socket:
        await socket.connection.send("x" * 1001)
        assert (await socket.closed())[0] == 1009


async def test_a_redis_that_does_not_answer_is_no_fault_of_the_client(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SUBSCRIBE_WITHIN_S", 0.3)
    port = urlsplit(settings.redis_url).port
    assert port is not None
    async with proxy_to(port) as proxy:
        silent = settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{proxy.port}/0"})
        async with herald_with(silent, connect_within_s=0.1) as herald, herald.socket() as socket:
            proxy.stall()
            reply = await socket.call(connect={"token": herald.token()})
            assert reply["error"] == {"code": 100, "message": "internal server error", "temporary": True}
            assert await socket.closed() == (3502, "stale"), "who stays without a connect is sent away"


async def test_what_is_no_handshake_is_refused(herald: Herald) -> None:
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


async def test_what_is_no_websocket_frame_ends_its_sender_only(herald: Herald) -> None:
    async with herald.connected() as healthy, herald.connected() as broken:
        broken.connection.transport.write(b"\xff" * 100)
        assert (await broken.closed())[0] == 1002
        assert "ping" in await healthy.call(ping={})


async def test_a_message_in_fragments_and_a_ping_within_it(herald: Herald) -> None:
    async with herald.socket() as socket:
        text = json.dumps({"id": 1, "connect": {"token": herald.token()}})
        async with socket.connection.send_context():
            socket.connection.protocol.send_text(text[:10].encode(), fin=False)
            socket.connection.protocol.send_ping(b"there?")
            socket.connection.protocol.send_continuation(text[10:].encode(), fin=True)
        assert "connect" in await socket.next()


async def test_too_many_commands_a_second(settings: Settings) -> None:
    async with herald_with(settings, max_commands_per_s=10) as herald, herald.connected() as socket:
        for _ in range(30):
            await socket.send({"id": 1, "ping": {}})
        assert await socket.closed() == (3013, "too many requests")


async def test_too_many_subscriptions(settings: Settings) -> None:
    async with herald_with(settings, max_subscriptions=3) as herald:
        member = herald.other("ada", ["a", "b", "c"])
        async with member.connected() as socket:
            frame = [
                {"id": 10 + number, "subscribe": {"channel": f"brand:{name}"}}
                for number, name in enumerate("abc")
            ]
            await socket.send(*frame)
            replies = sorted([await socket.next() for _ in frame], key=lambda reply: reply["id"])
            assert "subscribe" in replies[0] and "subscribe" in replies[1]
            assert replies[2]["error"] == {"code": 106, "message": "limit exceeded"}


async def test_too_many_connections_of_one_user(settings: Settings) -> None:
    async with herald_with(settings, max_connections_per_user=1) as herald:
        async with herald.connected(), herald.other("bob").connected(), herald.socket() as second:
            await second.send({"id": 1, "connect": {"token": herald.token()}})
            assert await second.closed() == (3504, "connection limit")
        async with asyncio.timeout(5):
            while True:
                try:
                    async with herald.connected():
                        break
                except (websockets.ConnectionClosed, KeyError):
                    await asyncio.sleep(0.01)


async def test_history_forwards_backwards_and_from_a_position(herald: Herald, feed: Feed) -> None:
    await announced(feed, 5)
    async with herald.connected() as socket:
        epoch = subscribed(socket.hello)["epoch"]

        async def offsets(**wanted: Any) -> list[int]:
            reply = (await socket.call(history={"channel": MINE, **wanted}))["history"]
            assert (reply["offset"], reply["epoch"]) == (5, epoch)
            return [found["offset"] for found in reply["publications"]]

        assert await offsets() == []
        assert await offsets(limit=-1) == [1, 2, 3, 4, 5]
        assert await offsets(limit=2) == [1, 2]
        assert await offsets(limit=2, reverse=True) == [5, 4]
        assert await offsets(limit=2, since={"offset": 2, "epoch": epoch}) == [3, 4]
        assert await offsets(limit=-1, since={"offset": 3, "epoch": epoch}, reverse=True) == [2, 1]
        lost = await socket.call(
            history={"channel": MINE, "limit": 1, "since": {"offset": 1, "epoch": "other"}}
        )
        assert lost["error"]["code"] == 112
        foreign = await socket.call(history={"channel": "tasks#bob", "limit": 1})
        assert foreign["error"]["code"] == 103


async def test_a_subscription_token_opens_one_channel_for_a_while(settings: Settings, feed: Feed) -> None:
    async with herald_with(settings, expiry_grace_s=0) as herald, herald.connected() as socket:
        issue = herald.issuer.issue_subscription
        channel = "task:foreign"
        for wrong in (issue("bob", channel, 60), issue("ada", "task:other", 60), herald.token(), "nonsense"):
            reply = await socket.call(subscribe={"channel": channel, "token": wrong})
            assert reply["error"]["code"] == 103
        old = await socket.call(subscribe={"channel": channel, "token": issue("ada", channel, -5)})
        assert old["error"]["code"] == 109
        reply = (await socket.call(subscribe={"channel": channel, "token": issue("ada", channel, 60)}))[
            "subscribe"
        ]
        assert reply["expires"] is True and 55 <= reply["ttl"] <= 60
        await feed.publish([(channel, "{}")])
        assert (await socket.push())["channel"] == channel
        refreshed = await socket.call(sub_refresh={"channel": channel, "token": issue("ada", channel, 1)})
        assert refreshed["sub_refresh"] == {"expires": True, "ttl": 1}
        push = await socket.push()
        assert push == {"channel": channel, "unsubscribe": {"code": 2501, "reason": "subscription expired"}}
        gone = await socket.call(sub_refresh={"channel": channel, "token": issue("ada", channel, 60)})
        assert gone["error"]["code"] == 103


async def test_a_subscription_token_opens_nothing_else(herald: Herald) -> None:
    async with herald.socket() as socket:
        token = herald.issuer.issue_subscription("ada", "task:x", 60)
        await socket.send({"id": 1, "connect": {"token": token}})
        assert await socket.closed() == (3500, "invalid token")


async def test_logging_out_everywhere_ends_every_connection_and_token(
    settings: Settings, herald: Herald, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 3600)  # what is missed is not made up for meanwhile
    async with herald_with(settings) as elsewhere:
        async with (
            herald.connected() as here,
            elsewhere.connected() as there,
            herald.other("bob").connected() as bob,
        ):
            token = herald.token()
            assert (await herald.post("/api/token/revoke")).status_code == 204
            assert await here.closed() == (3503, "force disconnect")
            assert await there.closed() == (3503, "force disconnect")
            assert "ping" in await bob.call(ping={})
            for one in (herald, elsewhere):
                headers = {"Authorization": f"Bearer {token}"}
                assert (await one.http.get("/api/jobs", headers=headers)).status_code == 401
                async with one.socket() as socket:
                    await socket.send({"id": 1, "connect": {"token": token}})
                    assert await socket.closed() == (3500, "invalid token")
            async with herald.connected():
                pass  # with a newer token
    async with herald_with(settings) as restarted:
        while (
            await restarted.http.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})
        ).status_code != 401:
            await asyncio.sleep(0.01)


async def deaf_client(address: str, token: str) -> sockets.socket:
    """A client that connects, and then never reads."""
    loop = asyncio.get_running_loop()
    host, port = address.split(":")
    deaf = sockets.socket()
    deaf.setblocking(False)
    deaf.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    await loop.sock_connect(deaf, (host, int(port)))
    handshake = [
        "GET /connection/websocket HTTP/1.1",
        f"Host: {address}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    await loop.sock_sendall(deaf, "\r\n".join([*handshake, "", ""]).encode())
    assert (await loop.sock_recv(deaf, 1000)).startswith(b"HTTP/1.1 101")
    payload = json.dumps({"id": 1, "connect": {"token": token}}).encode()
    await loop.sock_sendall(deaf, b"\x81\xfe" + len(payload).to_bytes(2) + bytes(4) + payload)
    return deaf


async def test_who_never_reads_is_sent_away_and_costs_the_others_nothing(
    settings: Settings, feed: Feed
) -> None:
    async with herald_with(settings, max_outbox_bytes=100_000) as herald, herald.connected() as good:
        with await deaf_client(herald.address, herald.token()):
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
                await feed.publish(
                    [(MINE, json.dumps({"type": "task.step", "task": {"taskId": task.task_id}}))]
                )
            types: list[str] = []
            last = 0
            while types[-3:] != ["task.step"] * 3:
                for line in str(await slow.recv()).split("\n"):
                    publication = json.loads(line)["push"]["pub"]
                    assert publication["offset"] > last
                    last = publication["offset"]
                    types.append(publication["data"]["type"])
            assert last == 1503
            assert types.count("task.progress") < 1500, "nothing was left out"


async def test_a_stopping_server_disconnects_everyone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SHUTDOWN_AT_ONCE", 2)
    monkeypatch.setattr(hub_module, "SHUTDOWN_SPREAD_S", 0.4)
    async with AsyncExitStack() as stack:
        async with herald_with(settings) as herald:
            clients = [await stack.enter_async_context(herald.connected()) for _ in range(8)]
        for client in clients:
            assert await client.closed() == (3001, "shutdown")


@pytest.mark.parametrize("kind", ["websocket", "http_stream"])
async def test_sigterm_ends_the_process_and_tells_its_clients(settings: Settings, kind: str) -> None:
    port = free_port()
    with running(WEB, environment(settings, PORT=str(port))) as process:
        await ready(f"127.0.0.1:{port}", process)
        async with Herald.at(f"127.0.0.1:{port}", TokenIssuer(settings)) as herald:
            if kind == "websocket":
                async with herald.connected() as socket:
                    process.terminate()
                    assert await socket.closed() == (3001, "shutdown")
            else:
                async with streaming(herald, "http_stream") as stream:
                    process.terminate()
                    assert (await stream.next())["push"]["disconnect"]["code"] == 3001
            await asyncio.to_thread(process.wait, 10)


async def test_several_processes_on_one_port_share_their_events(settings: Settings) -> None:
    port = free_port()
    with running(WEB, environment(settings, PORT=str(port), WEB_CONCURRENCY="2")) as process:
        await ready(f"127.0.0.1:{port}", process)
        async with (
            Herald.at(f"127.0.0.1:{port}", TokenIssuer(settings)) as herald,
            AsyncExitStack() as stack,
        ):
            clients = [await stack.enter_async_context(herald.connected())]
            while len({client.hello["node"] for client in clients}) < 2:
                clients.append(await stack.enter_async_context(herald.connected()))
            await herald.create(PERSONAS)
            for client in clients:
                assert (await client.publication())["data"]["type"] == "task.queued"
