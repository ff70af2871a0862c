"""How connections begin, stay alive, and expire."""

import asyncio
from urllib.parse import urlsplit

import pytest
import websockets

from herald.server.auth import revocation
from herald.server.hub import hub as hub_module
from herald.shared.settings import Settings
from tests.support.client import Herald
from tests.support.proxy import proxy_to
from tests.support.web import herald_with


async def test_a_client_whose_token_has_expired_may_connect_with_a_new_one(herald: Herald) -> None:
    async with herald.socket() as socket:
        await socket.send({"id": 1, "connect": {"token": "nonsense"}})
        assert await socket.closed() == (3500, "invalid token")
    async with herald.socket() as socket:
        reply = await socket.call(connect={"token": herald.token(ttl_s=-10)})
        assert reply["error"] == {"code": 109, "message": "token expired"}
        assert "connect" in await socket.call(connect={"token": herald.token()}), "a new token is accepted"


async def test_a_connect_fails_with_a_temporary_error_while_redis_does_not_respond(
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
            assert await socket.closed() == (3502, "stale"), "the deadline to connect applies again"


async def test_a_token_is_refreshed_by_the_same_user_only(herald: Herald) -> None:
    async with herald.connected() as socket:
        refreshed = await socket.call(refresh={"token": herald.token(ttl_s=500)})
        assert 490 <= refreshed["refresh"]["ttl"] <= 500
        assert (await socket.call(refresh={"token": herald.other("bob").token()}))["error"]["code"] == 107
        # After an error the SDKs would not reconnect; after this disconnect they do, with a new token.
        await socket.send({"id": 9, "refresh": {"token": herald.token(ttl_s=-1)}})
        assert await socket.closed() == (3005, "connection expired")


async def test_a_token_lifetime_is_reported_as_one_year_at_most(herald: Herald) -> None:
    year, long = 365 * 24 * 3600, 10**11
    async with herald.socket() as socket:
        hello = (await socket.call(connect={"token": herald.token(ttl_s=long)}))["connect"]
        assert hello["expires"] is True and hello["ttl"] == year
        assert (await socket.call(refresh={"token": herald.token(ttl_s=long)}))["refresh"]["ttl"] == year
        token = herald.issuer.issue_subscription("ada", "brand:x", long)
        asked = {"channel": "brand:x", "token": token}
        assert (await socket.call(subscribe=asked))["subscribe"]["ttl"] == year
        assert (await socket.call(sub_refresh=asked))["sub_refresh"]["ttl"] == year


async def test_an_expired_token_ends_the_connection(settings: Settings) -> None:
    async with herald_with(settings, expiry_grace_s=0) as herald, herald.socket() as socket:
        await socket.call(connect={"token": herald.token(ttl_s=1)})
        assert await socket.closed() == (3005, "connection expired")


async def test_a_client_that_never_connects_is_disconnected(settings: Settings) -> None:
    async with herald_with(settings, connect_within_s=0.05) as herald, herald.socket() as socket:
        assert await socket.closed() == (3502, "stale")


async def test_pings_are_sent_and_must_be_answered(settings: Settings) -> None:
    async with herald_with(settings, ping_interval_s=0.05, pong_within_s=0.05) as herald:
        async with herald.connected() as socket:
            assert [await socket.next() for _ in range(5)] == [{}] * 5
        async with herald.connected() as mute:
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await mute.connection.recv()  # and no pong
            assert (mute.connection.close_code, mute.connection.close_reason) == (3012, "no pong")


async def test_logging_out_everywhere_ends_every_connection_and_token(
    settings: Settings, herald: Herald, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "RELOAD_EVERY_S", 3600)  # so that no reload replaces a missed signal
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
