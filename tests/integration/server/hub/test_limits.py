"""What a client may not do, and what ends its connection; slow receivers; a server that stops."""

import asyncio
import json
import socket as sockets
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from herald.server.auth import revocation
from herald.server.auth import verify as auth
from herald.server.auth.verify import Authenticator, ExpiredTokenError, InvalidTokenError
from herald.server.hub import hub as hub_module
from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tasks.models import TaskStatus
from tests.integration.server.hub.test_hub import MINE, announced, herald_with, subscribed
from tests.integration.server.hub.test_transports import streaming
from tests.support.client import PERSONAS, Herald
from tests.support.processes import WEB, environment, ready, running
from tests.support.proxy import proxy_to
from tests.support.tasks import a_task
from tests.support.web import serving


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
        issue = herald.authenticator.issue_subscription
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
        token = herald.authenticator.issue_subscription("ada", "task:x", 60)
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


class Keys:
    """A JWKS address, whose keys can be changed."""

    def __init__(self) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.fetched = 0
        self.broken = False

    def add(self, name: str) -> None:
        self.keys[name] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, name: str, **claims: Any) -> str:
        return jwt.encode({"sub": "ada", **claims}, self.keys[name], algorithm="RS256", headers={"kid": name})

    async def __call__(self, _: Request) -> JSONResponse:
        self.fetched += 1
        algorithm = jwt.algorithms.RSAAlgorithm
        public = [
            json.loads(algorithm.to_jwk(key.public_key())) | {"kid": name} for name, key in self.keys.items()
        ]
        return JSONResponse({"keys": public}, 500 if self.broken else 200)


async def test_tokens_are_checked_by_published_keys_that_may_change(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys()
    keys.add("one")
    app = Starlette(routes=[Route("/keys", keys.__call__)])
    async with serving(app) as address:
        by_keys = Authenticator(settings.model_copy(update={"auth_jwks_url": f"http://{address}/keys"}))
        tokens = [keys.sign("one") for _ in range(5)]
        found = await asyncio.gather(*(by_keys.principal(token) for token in tokens))
        assert {principal.user_id for principal in found} == {"ada"} and keys.fetched == 1
        by_secret = Authenticator(settings).issue("ada", [], 60)
        forged = jwt.encode({"sub": "ada"}, "x" * 64, algorithm="HS256", headers={"kid": "one"})
        for wrong in (
            by_secret,
            forged,
            jwt.encode({"sub": "ada"}, "", algorithm="none", headers={"kid": "one"}),
        ):
            with pytest.raises(InvalidTokenError):
                await by_keys.principal(wrong)
        keys.add("two")
        with pytest.raises(InvalidTokenError, match="two"):
            await by_keys.principal(keys.sign("two"))  # asked again too soon
        monkeypatch.setattr(auth, "JWKS_RETRY_S", 0)
        assert (await by_keys.principal(keys.sign("two"))).user_id == "ada"
        keys.broken = True
        with pytest.raises(InvalidTokenError):
            keys.add("three")
            await by_keys.principal(keys.sign("three"))
        assert (await by_keys.principal(keys.sign("one"))).user_id == "ada", "the old keys still serve"


async def test_time_audience_and_issuer_are_looked_at(settings: Settings) -> None:
    changes = {"auth_audience": "herald", "auth_issuer": "us"}
    strict = Authenticator(settings.model_copy(update=changes))
    good = {"sub": "ada", "aud": ["herald", "other"], "iss": "us"}
    secret = settings.auth_secret.get_secret_value()

    async def ask(**claims: Any) -> str:
        token = jwt.encode(good | claims, secret, algorithm="HS256")
        return (await strict.principal(token)).user_id

    assert await ask() == "ada"
    assert (await strict.principal(strict.issue("ada", [], 60))).user_id == "ada"
    for wrong in ({"aud": "other"}, {"iss": "them"}, {"nbf": 2**32}, {"sub": ""}, {"brands": "acme"}):
        with pytest.raises(InvalidTokenError):
            await ask(**wrong)
    with pytest.raises(ExpiredTokenError):
        await ask(exp=1)
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(InvalidTokenError):
            await strict.principal(jwt.encode(good, secret * 2, algorithm=algorithm))


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
        async with Herald.at(f"127.0.0.1:{port}", Authenticator(settings)) as herald:
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
            Herald.at(f"127.0.0.1:{port}", Authenticator(settings)) as herald,
            AsyncExitStack() as stack,
        ):
            clients = [await stack.enter_async_context(herald.connected())]
            while len({client.hello["node"] for client in clients}) < 2:
                clients.append(await stack.enter_async_context(herald.connected()))
            await herald.create(PERSONAS)
            for client in clients:
                assert (await client.publication())["data"]["type"] == "task.queued"


async def test_a_token_that_is_signed_otherwise_is_not_taken(settings: Settings) -> None:
    authenticator = Authenticator(settings)
    secret, claims = settings.auth_secret.get_secret_value(), {"sub": "ada"}
    assert (await authenticator.principal(jwt.encode(claims, secret, algorithm="HS256"))).user_id == "ada"
    forged = [
        jwt.encode(claims, "another-secret-of-a-good-length-it-is", algorithm="HS256"),
        jwt.encode(claims, secret * 2, algorithm="HS512"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode(claims, secret, algorithm="HS256")[:-2],
        "",
        "a.b.c",
    ]
    for token in forged:
        with pytest.raises(InvalidTokenError):
            await authenticator.principal(token)


def test_a_public_key_is_no_secret(settings: Settings) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(jwt.InvalidKeyError):
        Authenticator(settings.model_copy(update={"auth_secret": SecretStr(pem.decode())}))
