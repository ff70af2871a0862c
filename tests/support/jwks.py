"""A JWKS endpoint whose keys a test can change."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.web import serving


class PublishedKeys:
    """RSA keys by id, published as a JWKS document, or as an error if ``broken``."""

    def __init__(self, *key_ids: str) -> None:
        self.keys: dict[str, rsa.RSAPrivateKey] = {}
        self.extra: dict[str, Any] = {}
        """Further fields of the document."""
        self.fetched = 0
        self.broken = False
        for key_id in key_ids:
            self.add(key_id)

    def add(self, key_id: str) -> None:
        self.keys[key_id] = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, key_id: str, **claims: Any) -> str:
        claims = {"sub": "ada", **claims}
        return jwt.encode(claims, self.keys[key_id], algorithm="RS256", headers={"kid": key_id})

    @asynccontextmanager
    async def published(self) -> AsyncIterator[str]:
        """Publish the keys until the block ends; yields their URL."""
        async with serving(Starlette(routes=[Route("/keys", self._answer)])) as address:
            yield f"http://{address}/keys"

    async def _answer(self, _: Request) -> JSONResponse:
        self.fetched += 1
        algorithm = jwt.algorithms.RSAAlgorithm
        public = [
            json.loads(algorithm.to_jwk(key.public_key())) | {"kid": key_id}
            for key_id, key in self.keys.items()
        ]
        return JSONResponse({"keys": public, **self.extra}, 500 if self.broken else 200)
