"""A JWT becomes a `Principal`; who may see which channel and task."""

import asyncio
import json
import logging
import re
import time
from typing import Any, NamedTuple

import httpx2
import jwt

from herald.shared.settings import Settings
from herald.shared.tasks.events import user_channel
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.store import Store
from herald.shared.tokens import TokenIssuer

log = logging.getLogger(__name__)

OPERATOR = "operator"
"""The scope of those who run Herald."""
OPS_CHANNEL = "ops"
"""The operators' channel."""
JWKS_FRESH_S = 600.0
JWKS_RETRY_S = 10.0
"""Between two fetches that an unknown key has caused."""
JWKS_FIRST_RETRY_S = 1.0
"""Between two fetches as long as there are no keys at all."""
JWKS_WITHIN_S = 5.0
JWKS_MAX_BYTES = 1024 * 1024
MAX_NAME_LENGTH = 255
MAX_SHOWN = 200
"""Characters of a token's fault that are shown."""
_LATEST = 2.0**64
"""No time is later than this; a float holds all that are earlier, and so does a timer."""
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks and lone surrogates: a log or a database cannot hold them as they are."""


class InvalidTokenError(Exception):
    """The token is missing, malformed, revoked, or signed by someone else."""


class KeysUnavailableError(Exception):
    """There are no keys to check tokens with yet, since their address does not answer; try again."""


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
        return task.user_id == self.user_id or task.brand_id in self.brands


class SubscriptionGrant(NamedTuple):
    """A token's permission for one user to follow one channel."""

    user_id: str
    channel: str
    expires_at: float | None


class KeySet:
    """The public keys for one algorithm at a JWKS address (RFC 7517).

    They are fetched when needed, and again when a key is unknown.
    """

    def __init__(self, url: str, algorithm: str) -> None:
        self._url = url
        self._algorithm = algorithm
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, key_id: str) -> jwt.PyJWK:
        """The key named ``key_id``.

        Raises:
            InvalidTokenError: there is no such key.
            KeysUnavailableError: no keys have been fetched yet.
        """
        age_s = time.monotonic() - self._fetched_at
        retry_s = JWKS_RETRY_S if self._keys else JWKS_FIRST_RETRY_S
        if age_s > JWKS_FRESH_S or (key_id not in self._keys and age_s > retry_s):
            await self._fetch()
        if not self._keys:
            raise KeysUnavailableError
        if key_id not in self._keys:
            raise InvalidTokenError(f"there is no key named {key_id[:MAX_SHOWN]!a} for {self._algorithm}")
        return self._keys[key_id]

    async def _fetch(self) -> None:
        before = self._fetched_at
        async with self._fetching:
            if self._fetched_at != before:
                return  # another one has fetched them while we waited
            try:
                async with asyncio.timeout(JWKS_WITHIN_S):
                    self._keys = _keys_of(await self._document(), self._algorithm)
            except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValueError, RecursionError) as error:
                log.warning("could not read the keys at HERALD_AUTH_JWKS_URL: %r", error)
            self._fetched_at = time.monotonic()  # if it failed, the old ones still serve

    async def _document(self) -> Any:
        body = b""
        async with httpx2.AsyncClient() as http, http.stream("GET", self._url) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > JWKS_MAX_BYTES:
                    raise ValueError(f"the document is larger than {JWKS_MAX_BYTES} bytes")
        return json.loads(body)


def _keys_of(document: Any, algorithm: str) -> dict[str, jwt.PyJWK]:
    """The keys for ``algorithm`` in a JWKS document, by their ids; whatever else it holds is passed over.

    Raises:
        ValueError: there are none.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = {}
    for entry in listed if isinstance(listed, list) else []:
        try:
            key = jwt.PyJWK(entry)
        except Exception as error:  # PyJWT names no exceptions for what it cannot read
            log.debug("passing over a key: %r", error)
            continue
        # A key of another type or curve would make PyJWT fail instead of refusing the token.
        if key.algorithm_name == algorithm and isinstance(key.key_id, str):
            keys[key.key_id] = key
    if not keys:
        raise ValueError(f"the document holds no key for {algorithm} that has a `kid`")
    return keys


class Authenticator(TokenIssuer):
    """Checks tokens by the shared secret (HS256) or the keys at a JWKS address; issues some by the secret."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._algorithm = settings.auth_algorithm if settings.auth_jwks_url else "HS256"
        self._keys = KeySet(settings.auth_jwks_url, self._algorithm) if settings.auth_jwks_url else None
        self._leeway_s = settings.auth_leeway_s
        self._revoked_until: dict[str, float] = {}

    def revoke(self, user_id: str, until: float) -> None:
        """Refuse a user's tokens issued up to a moment (Unix time in seconds); it never moves back."""
        self._revoked_until[user_id] = max(until, self._revoked_until.get(user_id, until))

    def forget_revocations(self, before: float) -> None:
        """Forget the revocations of before a moment (Unix time in seconds)."""
        self._revoked_until = {user: at for user, at in self._revoked_until.items() if at >= before}

    def knows(self, user_id: str, until: float) -> bool:
        """Whether a user's tokens issued up to a moment (Unix time in seconds) are refused already."""
        return until <= self._revoked_until.get(user_id, float("-inf"))

    def is_revoked(self, principal: Principal) -> bool:
        """Whether the token that named ``principal`` has been revoked."""
        return self.knows(principal.user_id, principal.issued_at)

    async def principal(self, token: str) -> Principal:
        """The principal that ``token`` speaks for.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: anything else is wrong with it; the message says what.
            KeysUnavailableError: it cannot be checked now.
        """
        claims = await self._claims(token)
        if "channel" in claims:
            raise InvalidTokenError("this token is for one channel only")
        brands = claims.get("brands", [])
        if not (isinstance(brands, list) and all(map(_is_name, brands))):
            raise InvalidTokenError(f"the claim `brands` is not a list of strings {_NAMES}")
        scope = claims.get("scope", "")
        if not isinstance(scope, str):
            raise InvalidTokenError("the claim `scope` is not a string of names with spaces between them")
        principal = Principal(
            claims["sub"],
            frozenset(brands),
            _time(claims, "exp"),
            _time(claims, "iat") or 0.0,
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
            KeysUnavailableError: it cannot be checked now.
        """
        claims = await self._claims(token)
        channel = claims.get("channel")
        if not isinstance(channel, str):
            raise InvalidTokenError("the token names no channel")
        if self.knows(claims["sub"], _time(claims, "iat") or 0.0):
            raise InvalidTokenError("the token was revoked")
        return SubscriptionGrant(claims["sub"], channel, _time(claims, "exp"))

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            key: Any = self._secret
            if self._keys is not None:
                key = await self._keys.key(jwt.get_unverified_header(token).get("kid", ""))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[self._algorithm],  # pinned: the token does not choose how it is checked
                audience=self._audience,
                issuer=self._issuer,
                options={
                    "require": ["sub"],
                    "verify_aud": self._audience is not None,
                    "verify_exp": False,  # checked below: PyJWT accepts strings, and drops fractions
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.PyJWTError, ValueError) as error:
            # What PyJWT says may quote the token, which may be anything.
            shown = str(error).encode("unicode_escape").decode()[:MAX_SHOWN]
            raise InvalidTokenError(shown or "the token is not valid") from None
        if not claims["sub"]:
            raise InvalidTokenError("the token names no user")
        if not _is_name(claims["sub"]):
            raise InvalidTokenError(f"the claim `sub` is not a string {_NAMES}")
        self._check_times(claims)
        return claims

    def _check_times(self, claims: dict[str, Any]) -> None:
        """Raise unless the token is valid now.

        ``exp`` has no leeway: a client whose token has expired fetches another one and goes on, whereas a
        token that is not valid yet locks it out.
        """
        at = time.time()
        expires_at = _time(claims, "exp")
        if expires_at is not None and expires_at <= at:
            raise ExpiredTokenError("the token has expired")
        for name in ("iat", "nbf"):
            ahead_s = (_time(claims, name) or 0.0) - at
            if ahead_s > self._leeway_s:
                raise InvalidTokenError(
                    f"the claim `{name}` is {ahead_s:.0f} s in the future, which is more than the"
                    f" {self._leeway_s:g} s of HERALD_AUTH_LEEWAY_S; set the issuer's clock or ours"
                )


_NAMES = f"of at most {MAX_NAME_LENGTH} characters, without line breaks and control characters"


def _is_name(value: object) -> bool:
    """Whether ``value`` is text that can be an id wherever Herald uses one."""
    return isinstance(value, str) and len(value) <= MAX_NAME_LENGTH and not _NOT_IN_A_NAME.search(value)


def _time(claims: dict[str, Any], name: str) -> float | None:
    """The time of a claim, in seconds; None if there is no such claim.

    Raises:
        InvalidTokenError: it is not a number, or not a finite one.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in (int, float) or not abs(value) <= _LATEST:
        raise InvalidTokenError(f"the claim `{name}` is not a time in seconds")
    return float(value)


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
        return bool(name) and name in principal.brands
    if kind == "task":
        found = await store.queries.by_ids([name])
        return bool(found) and principal.may_see(found[0])
    return False
