"""The interfaces that the application implements for the hub: authorizer, snapshots, conflation key."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

from herald.server.hub import codes
from herald.server.hub.codes import ProtocolError


class InvalidTokenError(Exception):
    """The token is missing, malformed, revoked, or signed by someone else."""


class TokenExpiredError(ProtocolError):
    """The token has expired; the client fetches a new one and sends its command again."""

    def __init__(self) -> None:
        super().__init__(codes.TOKEN_EXPIRED)


class AuthorizerUnavailableError(ProtocolError):
    """The token cannot be checked now; the client tries again."""

    def __init__(self) -> None:
        super().__init__(codes.INTERNAL)


class Identity(NamedTuple):
    """An authenticated client."""

    user_id: str
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
    channels: tuple[str, ...]
    """The server subscribes the client to these as it connects."""
    context: Any = None
    """Data of the `Authorizer` about the token; the hub does not look at it."""


class Grant(NamedTuple):
    """A subscription token's permission for one user to follow one channel."""

    user_id: str
    channel: str
    expires_at: float | None
    """Unix time in seconds; None if the permission never expires."""


class Authorizer(Protocol):
    """Decides who may connect and which channels they may follow."""

    async def authenticate(self, token: str) -> Identity:
        """Return the client that a connection token identifies.

        Raises:
            InvalidTokenError: the token is not valid; the message says why.
            TokenExpiredError: its lifetime is over.
            AuthorizerUnavailableError: it cannot be checked now.
        """

    async def grant(self, token: str) -> Grant:
        """Return what a subscription token permits.

        Raises:
            InvalidTokenError: the token is not valid; the message says why.
            TokenExpiredError: its lifetime is over.
            AuthorizerUnavailableError: it cannot be checked now.
        """

    async def may_subscribe(self, identity: Identity, channel: str) -> bool:
        """Return whether a client may follow ``channel`` without a subscription token.

        Any exception fails the command, and the client may try again.
        """

    async def withdrawn(self, before: Identity, after: Identity, channels: Sequence[str]) -> Collection[str]:
        """Return the ``channels`` that ``before`` permitted and ``after``, with a newer token, does not."""

    def is_revoked(self, identity: Identity) -> bool:
        """Return whether the client's token has been revoked since it was authenticated."""


SnapshotSource = Callable[[str], Awaitable[str | bytes]]
"""Reads the state that new subscribers of a channel start from, as JSON."""

ConflationKey = Callable[[str], str | None]
"""Returns the key of a publication (JSON text) within its channel.

A newer publication replaces a waiting one with the same key when the client reads too slowly; one whose key
is None is never replaced.
"""


def no_conflation(_: str) -> None:
    """A conflation key with which no publication replaces another."""
