"""A JWT becomes a `Principal`; who may see which channel and task."""

import time
from typing import Any, NamedTuple

import jwt

from shared.events import user_channel
from shared.models import PublicTask
from shared.settings import Settings
from shared.store import Store

ALGORITHM = "HS256"


class InvalidTokenError(Exception):
    """The token is missing, malformed, or signed by someone else."""


class ExpiredTokenError(Exception):
    """The token was good once."""


class Principal(NamedTuple):
    """Who is asking."""

    user_id: str
    brands: frozenset[str]
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""

    def may_see(self, task: PublicTask) -> bool:
        """Whether ``task`` is theirs or their brand's."""
        return task.user_id == self.user_id or (task.brand_id is not None and task.brand_id in self.brands)


class Authenticator:
    """Issues and checks tokens signed with the shared secret."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.auth_secret.get_secret_value()

    def issue(self, user_id: str, brands: list[str], ttl_s: float) -> str:
        """A token for ``user_id`` that is good for ``ttl_s`` seconds."""
        issued_at = int(time.time())
        claims = {"sub": user_id, "brands": brands, "iat": issued_at, "exp": issued_at + int(ttl_s)}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def principal(self, token: str) -> Principal:
        """The principal that ``token`` speaks for.

        Raises:
            ExpiredTokenError: its ``exp`` has passed.
            InvalidTokenError: anything else is wrong with it; the message says what.
        """
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"require": ["sub"]}
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredTokenError("the token has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError(str(error) or "the token is not valid") from None
        brands = claims.get("brands", [])
        if not claims["sub"]:
            raise InvalidTokenError("the token names no user")
        if not (isinstance(brands, list) and all(isinstance(brand, str) for brand in brands)):
            raise InvalidTokenError("the claim `brands` is not a list of strings")
        expires_at = claims.get("exp")
        return Principal(claims["sub"], frozenset(brands), float(expires_at) if expires_at else None)


async def may_subscribe(principal: Principal, channel: str, store: Store) -> bool:
    """Whether ``principal`` may follow ``channel``; nobody may follow one that cannot exist.

    Raises:
        pymongo.errors.PyMongoError: a task's owner cannot be read.
    """
    if channel == user_channel(principal.user_id):
        return True
    kind, _, name = channel.partition(":")
    if kind == "brand":
        return name in principal.brands
    if kind == "task" and name:
        found = await store.get_public([name])
        return bool(found) and principal.may_see(found[0])
    return False
