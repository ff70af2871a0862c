"""Which tokens are accepted, checked by the secret and by published keys."""

import asyncio
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from herald.server.auth import verify as auth
from herald.server.auth.verify import Authenticator, ExpiredTokenError, InvalidTokenError
from herald.shared.settings import Settings
from tests.support.web import serving


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
