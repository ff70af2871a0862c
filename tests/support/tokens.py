"""Builds tokens with any content, and asks a verifier for its verdict."""

import asyncio
import base64
import json
from typing import Any

from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError
from herald.server.auth.verify import TokenVerifier
from herald.shared.settings import Settings
from herald.shared.tokens import secret_key

SECRET = "a-secret-that-only-the-tests-know-of"
SETTINGS = Settings.model_validate({"auth_secret": SECRET})
VERIFIER = TokenVerifier(SETTINGS)


def encoded(value: Any) -> str:
    """Any JSON value, encoded as a part of a token."""
    return _base64(json.dumps(value).encode())


def signed(unsigned: str) -> str:
    """A token from its encoded header and claims, with a valid signature."""
    signature = secret_key(SETTINGS).Algorithm.sign(unsigned.encode(), SECRET.encode())
    return f"{unsigned}.{_base64(signature)}"


def token(claims: Any, **header: Any) -> str:
    """A signed token with any JSON value as claims, even one that PyJWT would refuse to sign."""
    return signed(f"{encoded({'alg': 'HS256', 'typ': 'JWT'} | header)}.{encoded(claims)}")


def verdict(text: str, by: TokenVerifier = VERIFIER) -> str:
    """The verifier's verdict: ``accepted``, ``expired`` or ``invalid``. Unexpected errors are raised."""
    try:
        asyncio.run(by.principal(text))
    except ExpiredTokenError:
        return "expired"
    except InvalidTokenError as error:
        str(error).encode("ascii")
        assert len(str(error)) < 300
        assert "\n" not in str(error)
        return "invalid"
    return "accepted"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
