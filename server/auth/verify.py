"""Verifies tokens: turns a JWT into a `Principal` or a `SubscriptionGrant`."""

import re
import time
from typing import Any

import jwt

from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError
from herald.server.auth.jwks import KeySet
from herald.server.auth.principal import Principal, SubscriptionGrant
from herald.server.auth.revocation import RevokedTokens
from herald.shared.settings import Settings
from herald.shared.tokens import secret_key

MAX_NAME_LENGTH = 255
MAX_SHOWN = 200
"""Maximum length of a PyJWT message quoted in an error, in characters."""
_LATEST = 2.0**64
"""The latest time that a claim may contain; floats and timers can represent all earlier ones."""
_FORBIDDEN_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks and lone surrogates, which logs or databases cannot hold as they are."""
NAMES = f"at most {MAX_NAME_LENGTH} characters, without line breaks or control characters"


class TokenVerifier:
    """Verifies tokens signed with the shared secret (HS256) or with a key from a JWKS address.

    Example::

        verifier = TokenVerifier(settings)
        principal = await verifier.principal(token)
        verifier.revoked.add(principal.user_id, time.time())  # refuses the token from now on
    """

    def __init__(self, settings: Settings) -> None:
        self.revoked = RevokedTokens()
        self._audience = settings.auth_audience
        self._issuer = settings.auth_issuer
        self._leeway_s = settings.auth_leeway_s
        self._algorithm: str = settings.auth_algorithm if settings.auth_jwks_url else "HS256"
        self._key: KeySet | jwt.PyJWK = (
            KeySet(settings.auth_jwks_url, self._algorithm)
            if settings.auth_jwks_url
            else secret_key(settings)
        )

    async def principal(self, token: str) -> Principal:
        """The user that ``token`` identifies.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: it is invalid for another reason, which the message explains.
            KeysUnavailableError: the keys to verify it have not been fetched yet.
        """
        claims = await self._claims(token)
        if "channel" in claims:
            raise InvalidTokenError("This is a subscription token, which opens one channel only")
        brands = claims.get("brands", [])
        if not (isinstance(brands, list) and all(map(is_name, brands))):
            raise InvalidTokenError(f"The claim `brands` must be a list of strings of {NAMES}")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise InvalidTokenError("The claim `scope` must be a string of names separated by spaces")
        principal = Principal(
            claims["sub"],
            frozenset(brands),
            _time(claims, "exp"),
            _time(claims, "iat") or 0.0,
            frozenset(scope.split()),
        )
        if self.is_revoked(principal):
            raise InvalidTokenError("The token has been revoked")
        return principal

    async def subscription(self, token: str) -> SubscriptionGrant:
        """The permission that the subscription token ``token`` grants.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: it is invalid for another reason, which the message explains.
            KeysUnavailableError: the keys to verify it have not been fetched yet.
        """
        claims = await self._claims(token)
        channel = claims.get("channel")
        if not isinstance(channel, str):
            raise InvalidTokenError("The claim `channel` is missing or not a string")
        if self.revoked.covers(claims["sub"], _time(claims, "iat") or 0.0):
            raise InvalidTokenError("The token has been revoked")
        return SubscriptionGrant(claims["sub"], channel, _time(claims, "exp"))

    def is_revoked(self, principal: Principal) -> bool:
        """Whether the principal's token has been revoked since it was verified."""
        return self.revoked.covers(principal.user_id, principal.issued_at)

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key = self._key
            if isinstance(key, KeySet):
                key = await key.key(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm],  # pinned: a token must not choose how it is verified
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "require": ["sub"],
                    "verify_aud": self._audience is not None,
                    "verify_exp": False,  # checked below: PyJWT accepts strings and drops fractions
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            # PyJWT's message may quote the token, which may contain anything.
            shown = str(error).encode("unicode_escape").decode()[:MAX_SHOWN]
            raise InvalidTokenError(f"The token is not valid: {shown}") from None
        if not claims["sub"]:
            raise InvalidTokenError("The claim `sub` is empty")
        if not is_name(claims["sub"]):
            raise InvalidTokenError(f"The claim `sub` must be a string of {NAMES}")
        self._check_times(claims)
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        """Check that the token is valid now.

        ``exp`` has no leeway: a client whose token has expired fetches a new one and continues, whereas a
        token that is not valid yet locks it out.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: its ``iat`` or ``nbf`` is in the future, or a claim is not a time.
        """
        at = time.time()
        expires_at = _time(claims, "exp")
        if expires_at is not None and expires_at <= at:
            raise ExpiredTokenError("The token has expired")
        for name in ("iat", "nbf"):
            ahead_s = (_time(claims, name) or 0.0) - at
            if ahead_s > self._leeway_s:
                raise InvalidTokenError(
                    f"The claim `{name}` is {ahead_s:.0f} s in the future; HERALD_AUTH_LEEWAY_S allows "
                    f"{self._leeway_s:g} s. Synchronise the clocks of the issuer and of this server."
                )


def is_name(value: object) -> bool:
    """Whether ``value`` can serve as an id wherever Herald uses one."""
    return isinstance(value, str) and len(value) <= MAX_NAME_LENGTH and not _FORBIDDEN_IN_NAMES.search(value)


def _time(claims: dict[str, Any], name: str) -> float | None:
    """The Unix time in a claim, in seconds; None if the claim is absent.

    Raises:
        InvalidTokenError: it is not a number, or too far from now to be a time.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not abs(value) <= _LATEST:
        raise InvalidTokenError(f"The claim `{name}` must be a Unix time in seconds")
    return float(value)
