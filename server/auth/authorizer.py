"""Implements the hub's `Authorizer` with Herald's tokens and permissions."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from herald.server.auth.errors import ExpiredTokenError, InvalidTokenError, KeysUnavailableError
from herald.server.auth.permissions import may_subscribe
from herald.server.auth.principal import Principal
from herald.server.auth.verify import TokenVerifier
from herald.server.hub import interfaces
from herald.server.hub.interfaces import Grant, Identity
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.store import Store


class HubAuthorizer:
    """The hub's `Authorizer`; the ``context`` of its identities is their `Principal`."""

    def __init__(self, verifier: TokenVerifier, store: Store) -> None:
        self._verifier = verifier
        self._store = store

    async def authenticate(self, token: str) -> Identity:
        """Return the client that a connection token identifies; it is subscribed to its user's channel."""
        with _hub_errors():
            principal = await self._verifier.principal(token)
        channels = (str(Channel.user(principal.user_id)),)
        return Identity(principal.user_id, principal.expires_at, channels, context=principal)

    async def grant(self, token: str) -> Grant:
        """Return what a subscription token permits."""
        with _hub_errors():
            return Grant(*await self._verifier.subscription(token))

    async def may_subscribe(self, identity: Identity, channel: str) -> bool:
        """Return whether a client may follow ``channel`` without a subscription token.

        Raises:
            pymongo.errors.PyMongoError: a task's owner cannot be read.
        """
        return await may_subscribe(_principal(identity), channel, self._store)

    async def withdrawn(self, before: Identity, after: Identity, channels: Sequence[str]) -> list[str]:
        """Return the ``channels`` that the token ``before`` permitted and the token ``after`` does not.

        Raises:
            pymongo.errors.PyMongoError: a task's owner cannot be read.
        """
        old, new = _principal(before), _principal(after)
        if old.brands <= new.brands and old.scopes <= new.scopes:
            return []  # a task never changes its owner or its brand, so the client has lost nothing
        permitted = await asyncio.gather(*(self.may_subscribe(after, channel) for channel in channels))
        return [channel for channel, may in zip(channels, permitted, strict=True) if not may]

    def is_revoked(self, identity: Identity) -> bool:
        """Return whether the client's token has been revoked."""
        return self._verifier.is_revoked(_principal(identity))


def _principal(identity: Identity) -> Principal:
    principal: Principal = identity.context
    return principal


@contextmanager
def _hub_errors() -> Iterator[None]:
    """Translate our exceptions into the hub's."""
    try:
        yield
    except ExpiredTokenError:
        raise interfaces.TokenExpiredError from None
    except KeysUnavailableError:
        raise interfaces.AuthorizerUnavailableError from None
    except InvalidTokenError as error:
        raise interfaces.InvalidTokenError(str(error)) from None
