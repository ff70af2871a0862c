"""Every code of the client protocol that the hub uses, and what the official clients do about it.

The numbers and their meanings are the protocol's (centrifugal.dev, "Client protocol codes").
"""

from typing import NamedTuple


class Error(NamedTuple):
    """Why a command cannot be served; sent in its reply, and the connection stays."""

    code: int
    message: str
    temporary: bool = False
    """The official clients try again by themselves, with backoff."""


INTERNAL = Error(100, "internal server error", temporary=True)  # something broke on our side
PERMISSION_DENIED = Error(103, "permission denied")  # the subscription is given up
METHOD_NOT_FOUND = Error(104, "method not found")  # the call fails
ALREADY_SUBSCRIBED = Error(105, "already subscribed")  # the connection has this channel
LIMIT_EXCEEDED = Error(106, "limit exceeded")  # as many channels as a connection may have
ERROR_BAD_REQUEST = Error(107, "bad request")  # the parameters make no sense; the call fails
NOT_AVAILABLE = Error(108, "not available")  # a command that the hub does not offer
TOKEN_EXPIRED = Error(109, "token expired")  # a new token is fetched, and the command sent again
UNRECOVERABLE_POSITION = Error(112, "unrecoverable position")
"""In a history: the epoch is another one. In a subscribe with `reject_unrecovered`: load the state anew."""


class ProtocolError(Exception):
    """A command that cannot be served."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


class Disconnect(NamedTuple):
    """Why a connection is closed; the WebSocket's close code, or the last push of an HTTP stream."""

    code: int
    reason: str

    @property
    def reconnects(self) -> bool:
        """Whether the official clients come back by themselves."""
        return self.code < 3500 or 4000 <= self.code < 4500  # noqa: PLR2004  the protocol's ranges


SHUTDOWN = Disconnect(3001, "shutdown")  # this server stops; another one will take you
CONNECTION_EXPIRED = Disconnect(3005, "connection expired")  # no new token came in time
SLOW = Disconnect(3008, "slow")  # the outbox is full; recover on return
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")  # the position is void; take a new snapshot
NO_PONG = Disconnect(3012, "no pong")
TOO_MANY_REQUESTS = Disconnect(3013, "too many requests")
INVALID_TOKEN = Disconnect(3500, "invalid token")
BAD_REQUEST = Disconnect(3501, "bad request")  # not of the protocol
STALE = Disconnect(3502, "stale")  # never sent a connect
FORCE_DISCONNECT = Disconnect(3503, "force disconnect")  # the token was revoked
CONNECTION_LIMIT = Disconnect(3504, "connection limit")  # as many as a user may have
INAPPROPRIATE_PROTOCOL = Disconnect(3506, "inappropriate protocol")  # Protobuf; the hub speaks JSON only
MESSAGE_NOT_AVAILABLE = Disconnect(3508, "not available")  # a `send`, which has no reply to carry an error


class Unsubscribe(NamedTuple):
    """Why the server ends one subscription; from 2500 on, the official clients subscribe again."""

    code: int
    reason: str


UNSUBSCRIBED_PERMISSION = Unsubscribe(2000, "permission denied")  # the new token does not permit the channel
UNSUBSCRIBED_INSUFFICIENT_STATE = Unsubscribe(2500, "insufficient state")  # take a new snapshot
UNSUBSCRIBED_EXPIRED = Unsubscribe(2501, "subscription expired")  # no new subscription token came in time
