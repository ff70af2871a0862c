"""Every code of the client protocol that the hub uses, and how the official clients react to it.

The protocol defines the numbers and their meanings (centrifugal.dev, "Client protocol codes").
"""

from typing import NamedTuple


class Error(NamedTuple):
    """The error in the reply to a command; the connection stays open."""

    code: int
    message: str
    temporary: bool = False
    """Whether the official clients try again by themselves, with backoff."""


INTERNAL = Error(100, "internal server error", temporary=True)  # a fault on the server's side
PERMISSION_DENIED = Error(103, "permission denied")  # the client gives up the subscription
METHOD_NOT_FOUND = Error(104, "method not found")  # the call fails
ALREADY_SUBSCRIBED = Error(105, "already subscribed")  # on this connection
LIMIT_EXCEEDED = Error(106, "limit exceeded")  # on the channels of a connection
ERROR_BAD_REQUEST = Error(107, "bad request")  # invalid parameters; the call fails
NOT_AVAILABLE = Error(108, "not available")  # the hub does not offer this command
TOKEN_EXPIRED = Error(109, "token expired")  # the client fetches a new token and sends the command again
UNRECOVERABLE_POSITION = Error(112, "unrecoverable position")
"""The position is of another epoch, or its publications are no longer stored; the client takes a snapshot."""


class ProtocolError(Exception):
    """A command was refused or has failed."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Disconnect(NamedTuple):
    """The reason for closing a connection: a WebSocket's close code, or the last push of a stream."""

    code: int
    reason: str

    @property
    def reconnects(self) -> bool:
        """Whether the official clients reconnect by themselves."""
        return self.code < 3500 or 4000 <= self.code < 4500  # noqa: PLR2004  the protocol's ranges


SHUTDOWN = Disconnect(3001, "shutdown")  # this server is stopping; connect to another one
CONNECTION_EXPIRED = Disconnect(3005, "connection expired")  # no new token arrived in time
SLOW = Disconnect(3008, "slow")  # the outbox is full; reconnect and recover
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")  # the position is void; take a new snapshot
NO_PONG = Disconnect(3012, "no pong")
TOO_MANY_REQUESTS = Disconnect(3013, "too many requests")
INVALID_TOKEN = Disconnect(3500, "invalid token")
BAD_REQUEST = Disconnect(3501, "bad request")  # the client broke the protocol
STALE = Disconnect(3502, "stale")  # no connect arrived in time
FORCE_DISCONNECT = Disconnect(3503, "force disconnect")  # the token was revoked
CONNECTION_LIMIT = Disconnect(3504, "connection limit")  # the user has too many
INAPPROPRIATE_PROTOCOL = Disconnect(3506, "inappropriate protocol")  # Protobuf; the hub supports JSON only
MESSAGE_NOT_AVAILABLE = Disconnect(3508, "not available")  # a `send`, which has no reply for an error


class Unsubscribe(NamedTuple):
    """The reason for ending a subscription; from code 2500 on, the official clients resubscribe."""

    code: int
    reason: str


UNSUBSCRIBED_PERMISSION = Unsubscribe(2000, "permission denied")  # the new token does not permit the channel
UNSUBSCRIBED_INSUFFICIENT_STATE = Unsubscribe(2500, "insufficient state")  # take a new snapshot
UNSUBSCRIBED_EXPIRED = Unsubscribe(2501, "subscription expired")  # no new subscription token arrived in time
