"""A JWT becomes a `Principal`; who may see which channel and task."""

import asyncio
import time
from typing import Any, NamedTuple

import httpx2
import jwt

from shared.events import user_channel
from shared.models import PublicTask
from shared.settings import Settings
from shared.store import Store
from shared.tokens import TokenIssuer

OPERATOR = "operator"
"""The scope of those who run Herald."""
OPS_CHANNEL = "ops"
"""The operators' channel."""
JWKS_FRESH_S = 600.0
JWKS_RETRY_S = 10.0
"""Between two fetches that an unknown key has caused."""
JWKS_WITHIN_S = 5.0


class InvalidTokenError(Exception):
    """The token is missing, malformed, revoked, or signed by someone else."""


class ExpiredTokenError(Exception):
    """The token was good once."""


class Principal(NamedTuple):
    """Who is asking."""

    user_id: str
    brands: frozenset[str]
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
    issued_at: float
    """Unix time in seconds; 0 if the token does not say."""
    scopes: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        """Whether they run Herald: they see how all tasks are doing, though nothing of what is in them."""
        return OPERATOR in self.scopes

    def may_manage(self, task: PublicTask) -> bool:
        """Whether they may see how ``task`` is doing, cancel it and start it again."""
        return self.is_operator or self.may_see(task)

    def may_see(self, task: PublicTask) -> bool:
        """Whether ``task`` is theirs or their brand's."""
        return task.user_id == self.user_id or (task.brand_id is not None and task.brand_id in self.brands)


class SubscriptionGrant(NamedTuple):
    """A token's permission for one user to follow one channel."""

    user_id: str
    channel: str
    expires_at: float | None


class KeySet:
    """The public keys at a JWKS address (RFC 7517), fetched when needed, and again when a key is unknown."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key named ``key_id``.

        Raises:
            InvalidTokenError: there is no such key, or none can be had.
        """
        age_s = time.monotonic() - self._fetched_at
        if age_s > JWKS_FRESH_S or (key_id not in self._keys and age_s > JWKS_RETRY_S):
            await self._fetch()
        if key_id not in self._keys:
            raise InvalidTokenError(f"no key named {key_id!r}")
        return self._keys[key_id]

    async def _fetch(self) -> None:
        before = self._fetched_at
        async with self._fetching:
            if self._fetched_at != before:
                return  # another one has fetched them while we waited
            try:
                async with httpx2.AsyncClient(timeout=JWKS_WITHIN_S) as http:
                    response = (await http.get(self._url)).raise_for_status()
                keys = jwt.PyJWKSet.from_dict(response.json()).keys
            except (httpx2.HTTPError, jwt.PyJWTError, ValueError):
                if not self._keys:
                    raise InvalidTokenError("the keys to check tokens with cannot be had just now") from None
            else:
                self._keys = {key.key_id: key for key in keys if key.key_id}
            self._fetched_at = time.monotonic()  # if it failed, the old ones still serve


class Authenticator(TokenIssuer):
    """Checks tokens by the shared secret (HS256) or the keys at a JWKS address; issues some by the secret."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._keys = KeySet(settings.auth_jwks_url) if settings.auth_jwks_url else None
        self._algorithm = settings.auth_algorithm if settings.auth_jwks_url else "HS256"
        self._revoked_before: dict[str, float] = {}

    def revoke_before(self, moments: dict[str, float]) -> None:
        """Take no token any more that was issued to a user before a moment (Unix time in seconds)."""
        self._revoked_before = moments

    def is_revoked(self, principal: Principal) -> bool:
        """Whether the token that named ``principal`` has been revoked."""
        return principal.issued_at < self._revoked_before.get(principal.user_id, float("-inf"))

    async def principal(self, token: str) -> Principal:
        """The principal that ``token`` speaks for.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: anything else is wrong with it; the message says what.
        """
        claims = await self._claims(token)
        if "channel" in claims:
            raise InvalidTokenError("this token is for one channel only")
        brands = claims.get("brands", [])
        if not (isinstance(brands, list) and all(isinstance(brand, str) for brand in brands)):
            raise InvalidTokenError("the claim `brands` is not a list of strings")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise InvalidTokenError("the claim `scope` is not a string of names with spaces between them")
        principal = Principal(
            claims["sub"],
            frozenset(brands),
            _time(claims, "exp"),
            _time(claims, "iat") or 0,
            frozenset(scope.split()),
        )
        if self.is_revoked(principal):
            raise InvalidTokenError("the token was revoked")
        return principal

    async def subscription(self, token: str) -> SubscriptionGrant:
        """What the subscription token ``token`` permits.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: anything else is wrong with it; the message says what.
        """
        claims = await self._claims(token)
        channel = claims.get("channel")
        if not isinstance(channel, str):
            raise InvalidTokenError("the token names no channel")
        return SubscriptionGrant(claims["sub"], channel, _time(claims, "exp"))

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key: Any = self._secret
            if self._keys is not None:
                key = (await self._keys.key(jwt.get_unverified_header(token).get("kid", ""))).key
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm],  # pinned: the token does not choose how it is checked
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["sub"], "verify_aud": self._audience is not None},
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredTokenError("the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(str(error) or "the token is not valid") from None
        if not claims["sub"]:
            raise InvalidTokenError("the token names no user")
        return claims


def _time(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    return float(value) if value is not None else None


async def may_subscribe(principal: Principal, channel: str, store: Store) -> bool:
    """Whether ``principal`` may follow ``channel``; nobody may follow one that cannot exist.

    Raises:
        pymongo.errors.PyMongoError: a task's owner cannot be read.
    """
    if channel == user_channel(principal.user_id):
        return True
    if channel == OPS_CHANNEL:
        return principal.is_operator
    kind, _, name = channel.partition(":")
    if kind == "brand":
        return name in principal.brands
    if kind == "task" and name:
        found = await store.get_public([name])
        return bool(found) and principal.may_see(found[0])
    return False
