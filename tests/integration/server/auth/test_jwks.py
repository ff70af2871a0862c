"""Keys that are fetched from a JWKS address."""

import json

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from herald.server.auth import verify as auth
from herald.server.auth.verify import Authenticator, InvalidTokenError, KeysUnavailableError
from herald.shared.settings import Settings
from tests.integration.server.auth.test_tokens import Keys
from tests.support.web import herald_with, serving


async def test_a_key_that_is_withdrawn_is_refused_once_the_fetched_keys_are_old(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys()
    keys.add("leaked")
    keys.add("kept")
    leaked, kept = keys.sign("leaked"), keys.sign("kept")
    async with serving(Starlette(routes=[Route("/keys", keys.__call__)])) as address:
        by_keys = Authenticator(settings.model_copy(update={"auth_jwks_url": f"http://{address}/keys"}))
        assert (await by_keys.principal(leaked)).user_id == "ada"
        del keys.keys["leaked"]
        monkeypatch.setattr(auth, "JWKS_FRESH_S", 0)
        with pytest.raises(InvalidTokenError, match="leaked"):
            await by_keys.principal(leaked)
        assert (await by_keys.principal(kept)).user_id == "ada"
        keys.broken = True
        assert (await by_keys.principal(kept)).user_id == "ada", (
            "until new keys can be had the old ones serve"
        )


async def test_keys_are_not_read_from_an_oversized_document(settings: Settings) -> None:
    keys = Keys()
    keys.add("one")

    async def padded(request: Request) -> JSONResponse:
        document = json.loads(bytes((await keys(request)).body))
        return JSONResponse(document | {"padding": "x" * auth.JWKS_MAX_BYTES})

    async with serving(Starlette(routes=[Route("/keys", padded)])) as address:
        by_keys = Authenticator(settings.model_copy(update={"auth_jwks_url": f"http://{address}/keys"}))
        with pytest.raises(KeysUnavailableError):
            await by_keys.principal(keys.sign("one"))


async def test_a_token_is_not_called_invalid_while_no_keys_can_be_had(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "JWKS_FIRST_RETRY_S", 0)
    keys = Keys()
    keys.add("one")
    keys.broken = True
    async with serving(Starlette(routes=[Route("/keys", keys.__call__)])) as address:
        async with herald_with(settings, auth_jwks_url=f"http://{address}/keys") as herald:
            headers = {"Authorization": f"Bearer {keys.sign('one')}"}
            refused = await herald.http.get("/api/jobs", headers=headers)
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            async with herald.socket() as socket:
                reply = await socket.call(connect={"token": keys.sign("one")})
                assert reply["error"]["temporary"], "the clients would stay away for good"
                keys.broken = False
                assert "connect" in await socket.call(connect={"token": keys.sign("one")})
            assert (await herald.http.get("/api/jobs", headers=headers)).status_code == 200
