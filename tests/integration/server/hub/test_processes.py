"""Several hubs on one Redis server, and hubs that stop."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from herald.server.app import create_app
from herald.server.hub import hub as hub_module
from herald.shared.feed.feed import Feed
from herald.shared.launcher.embedded import free_port
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.client import PERSONAS, Herald, Socket
from tests.support.hub import MINE, announced, position, streaming, subscribed
from tests.support.processes import WEB, environment, ready, running
from tests.support.web import herald_with, serving


async def test_hubs_on_one_redis_share_their_events(settings: Settings, herald: Herald) -> None:
    async with (
        serving(create_app(settings)) as address,
        Herald.at(address, herald.issuer) as elsewhere,
    ):
        async with elsewhere.connected() as socket:
            await herald.create(PERSONAS)
            assert (await socket.publication())["data"]["type"] == "task.queued"


async def test_several_processes_on_one_port_share_their_events(settings: Settings) -> None:
    port = free_port()
    with running(WEB, environment(settings, PORT=str(port), WEB_CONCURRENCY="2")) as process:
        await ready(f"127.0.0.1:{port}", process)
        async with (
            Herald.at(f"127.0.0.1:{port}", TokenIssuer(settings)) as herald,
            AsyncExitStack() as stack,
            asyncio.timeout(60),
        ):
            clients: list[Socket] = []
            while len({client.hello["node"] for client in clients}) < 2:
                # Each has its own user, because the connections of a user are limited.
                member = herald.other(f"member-{len(clients)}", ["acme"])
                clients.append(await stack.enter_async_context(member.connected()))
                await clients[-1].call(subscribe={"channel": "brand:acme"})
            herald.brands = ["acme"]
            await herald.create(PERSONAS | {"brandId": "acme"})
            for client in clients:
                assert (await client.publication())["data"]["type"] == "task.queued"


async def test_clients_of_a_stopped_server_recover_at_another_one(settings: Settings, feed: Feed) -> None:
    issuer = TokenIssuer(settings)
    async with serving(create_app(settings)) as address, Herald.at(address, issuer) as herald:
        async with herald.connected() as socket:
            before = position(subscribed(socket.hello))
            await announced(feed, 1)
            assert (await socket.publication())["offset"] == 1
    await announced(feed, 1)
    async with serving(create_app(settings)) as address, Herald.at(address, issuer) as herald:
        async with herald.connected(subs={MINE: before | {"offset": 1}}) as socket:
            assert [missed["offset"] for missed in subscribed(socket.hello)["publications"]] == [2]


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
async def test_sigterm_disconnects_the_clients_and_ends_the_process(settings: Settings, kind: str) -> None:
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
