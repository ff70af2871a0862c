"""Issues tokens: JWTs signed with the shared secret (HS256)."""

import base64
import time
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm

from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel


class TokenIssuer:
    """Signs tokens with ``HERALD_AUTH_SECRET``.

    Raises:
        jwt.InvalidKeyError: see `secret_key`.
    """

    def __init__(self, settings: Settings) -> None:
        self._secret = secret_key(settings)
        expected = {"aud": settings.auth_audience, "iss": settings.auth_issuer}
        self._expected = {claim: value for claim, value in expected.items() if value is not None}
        self._for_centrifugo = settings.centrifugo_api_url is not None

    def issue(self, user_id: str, brands: list[str], ttl_s: float, *, scope: str = "") -> str:
        """A connection token, valid for ``ttl_s`` seconds; ``scope`` is names separated by spaces."""
        claims: dict[str, Any] = {"sub": user_id, "brands": brands}
        if scope:
            claims["scope"] = scope
        if self._for_centrifugo:
            claims["channels"] = [str(Channel.user(user_id))]
        return self._sign(claims, ttl_s)

    def issue_subscription(self, user_id: str, channel: str, ttl_s: float) -> str:
        """A token that lets a user subscribe to one channel, valid for ``ttl_s`` seconds."""
        return self._sign({"sub": user_id, "channel": channel}, ttl_s)

    def _sign(self, claims: dict[str, Any], ttl_s: float) -> str:
        issued_at = time.time()
        times = {"iat": issued_at, "exp": issued_at + ttl_s}
        return jwt.encode(claims | times | self._expected, self._secret, algorithm="HS256")


class _CheckedSecret(HMACAlgorithm):
    """HS256 with a secret that has been checked once; PyJWT would check it again for every token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        """The secret, unchecked."""
        return key if isinstance(key, bytes) else key.encode()


def secret_key(settings: Settings) -> jwt.PyJWK:
    """The shared secret, as a key for HS256.

    Raises:
        jwt.InvalidKeyError: the secret is a public key, which anybody may know.
    """
    secret = settings.auth_secret.get_secret_value()
    encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    key = jwt.PyJWK({"kty": "oct", "k": encoded}, algorithm="HS256")
    HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    key.Algorithm = _CheckedSecret(HMACAlgorithm.SHA256)
    return key
