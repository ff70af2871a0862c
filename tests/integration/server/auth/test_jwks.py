"""Tokens verified with keys from a JWKS address."""

import asyncio

import jwt
import pytest

from herald.server.auth import jwks
from herald.server.auth.errors import InvalidTokenError, KeysUnavailableError
from herald.server.auth.verify import TokenVerifier
from herald.shared.settings import Settings
from herald.shared.tokens import TokenIssuer
from tests.support.jwks import PublishedKeys
from tests.support.web import herald_with


def verifier_of(settings: Settings, url: str) -> TokenVerifier:
    return TokenVerifier(settings.model_copy(update={"auth_jwks_url": url}))


async def test_tokens_are_verified_with_published_keys_that_may_change(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = PublishedKeys("one")
    async with keys.published() as url:
        verifier = verifier_of(settings, url)
        tokens = [keys.sign("one") for _ in range(5)]
        principals = await asyncio.gather(*(verifier.principal(token) for token in tokens))
        assert {principal.user_id for principal in principals} == {"ada"}
        assert keys.fetched == 1, "requests at the same time share one fetch"
        for wrong in (
            TokenIssuer(settings).issue("ada", [], 60),
            jwt.encode({"sub": "ada"}, "x" * 64, algorithm="HS256", headers={"kid": "one"}),
            jwt.encode({"sub": "ada"}, "", algorithm="none", headers={"kid": "one"}),
        ):
            with pytest.raises(InvalidTokenError):
                await verifier.principal(wrong)
        keys.add("two")
        with pytest.raises(InvalidTokenError, match="two"):
            await verifier.principal(keys.sign("two"))
        assert keys.fetched == 1, "an unknown key id does not cause a fetch right after another one"
        monkeypatch.setattr(jwks, "RETRY_S", 0)
        assert (await verifier.principal(keys.sign("two"))).user_id == "ada"
        keys.broken = True
        keys.add("three")
        with pytest.raises(InvalidTokenError):
            await verifier.principal(keys.sign("three"))
        assert (await verifier.principal(keys.sign("one"))).user_id == "ada", "the old keys stay in use"


async def test_a_withdrawn_key_is_refused_once_the_fetched_keys_are_old(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = PublishedKeys("leaked", "good")
    leaked, good = keys.sign("leaked"), keys.sign("good")
    async with keys.published() as url:
        verifier = verifier_of(settings, url)
        assert (await verifier.principal(leaked)).user_id == "ada"
        del keys.keys["leaked"]
        monkeypatch.setattr(jwks, "FRESH_S", 0)
        with pytest.raises(InvalidTokenError, match="leaked"):
            await verifier.principal(leaked)
        assert (await verifier.principal(good)).user_id == "ada"
        keys.broken = True
        assert (await verifier.principal(good)).user_id == "ada", "the old keys stay in use"


async def test_an_oversized_document_is_not_read(settings: Settings) -> None:
    keys = PublishedKeys("one")
    keys.extra["padding"] = "x" * jwks.MAX_BYTES
    async with keys.published() as url:
        with pytest.raises(KeysUnavailableError):
            await verifier_of(settings, url).principal(keys.sign("one"))


async def test_tokens_are_not_rejected_as_invalid_before_any_keys_have_been_fetched(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "FIRST_RETRY_S", 0)
    keys = PublishedKeys("one")
    keys.broken = True
    async with keys.published() as url, herald_with(settings, auth_jwks_url=url) as herald:
        headers = {"Authorization": f"Bearer {keys.sign('one')}"}
        refused = await herald.http.get("/api/jobs", headers=headers)
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        async with herald.socket() as socket:
            reply = await socket.call(connect={"token": keys.sign("one")})
            assert reply["error"]["temporary"], "otherwise the official clients would not reconnect"
            keys.broken = False
            assert "connect" in await socket.call(connect={"token": keys.sign("one")})
        assert (await herald.http.get("/api/jobs", headers=headers)).status_code == 200
