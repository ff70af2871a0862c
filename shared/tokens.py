"""Issues tokens (JWT, HS256 by the shared secret)."""

import base64
import time
from typing import Any

import jwt
from jwt.algorithms import HMACAlgorithm

from herald.shared.settings import Settings
from herald.shared.tasks.channels import Channel


class TokenIssuer:
    """Signs with ``HERALD_AUTH_SECRET``.

    Raises:
        jwt.InvalidKeyError: the secret looks like a public key, which is no secret.
    """

    def __init__(self, settings: Settings) -> None:
        self._secret = _hs256(settings.auth_secret.get_secret_value())
        self._audience = settings.auth_audience
        self._issuer = settings.auth_issuer
        self._for_centrifugo = settings.centrifugo_api_url is not None

    def issue(self, user_id: str, brands: list[str], ttl_s: float, *, scope: str = "") -> str:
        """A token for ``user_id`` that is good for ``ttl_s`` seconds; ``scope`` is names, spaces between."""
        claims: dict[str, Any] = {"sub": user_id, "brands": brands}
        if scope:
            claims["scope"] = scope
        if self._for_centrifugo:
            claims["channels"] = [str(Channel.user(user_id))]
        return self._sign(claims, ttl_s)

    def issue_subscription(self, user_id: str, channel: str, ttl_s: float) -> str:
        """A token that lets ``user_id`` follow ``channel`` for ``ttl_s`` seconds."""
        return self._sign({"sub": user_id, "channel": channel}, ttl_s)

    def _sign(self, claims: dict[str, Any], ttl_s: float) -> str:
        issued_at = time.time()
        times = {"iat": issued_at, "exp": issued_at + ttl_s}
        return jwt.encode(claims | times | self._expected(), self._secret, algorithm="HS256")

    def _expected(self) -> dict[str, str]:
        named = {"aud": self._audience, "iss": self._issuer}
        return {claim: value for claim, value in named.items() if value is not None}


class _CheckedSecret(HMACAlgorithm):
    """HS256 by a secret that has been looked over once; PyJWT would do that with every token."""

    def prepare_key(self, key: str | bytes) -> bytes:
        """The secret as it is."""
        return key if isinstance(key, bytes) else key.encode()


def _hs256(secret: str) -> jwt.PyJWK:
    encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    key = jwt.PyJWK({"kty": "oct", "k": encoded}, algorithm="HS256")
    HMACAlgorithm(HMACAlgorithm.SHA256).prepare_key(secret)
    key.Algorithm = _CheckedSecret(HMACAlgorithm.SHA256)
    return key
