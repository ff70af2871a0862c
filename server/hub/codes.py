"""Every code of the client protocol that the hub uses, and what the client does about it.

The numbers and their meanings are the protocol's (centrifugal.dev, "Client protocol codes").
"""

from typing import NamedTuple

FIRST_FINAL_DISCONNECT = 3500


class ProtocolError(Exception):
    """A command that cannot be served; the client gets the code in its reply and stays connected.

    A temporary one the official clients try again by themselves, with backoff.
    """

    def __init__(self, code: int, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.temporary = temporary


def internal() -> ProtocolError:
    """100: something broke on our side; the client tries again."""
    return ProtocolError(100, "internal server error", temporary=True)


def unknown_channel() -> ProtocolError:
    """102: there is no such channel; the client gives the subscription up."""
    return ProtocolError(102, "unknown channel")


def permission_denied() -> ProtocolError:
    """103: this user may not do that; the client gives the subscription up."""
    return ProtocolError(103, "permission denied")


def method_not_found() -> ProtocolError:
    """104: the command is unknown."""
    return ProtocolError(104, "method not found")


def already_subscribed() -> ProtocolError:
    """105: the connection has this channel already."""
    return ProtocolError(105, "already subscribed")


def limit_exceeded() -> ProtocolError:
    """106: the connection has as many channels as it may have."""
    return ProtocolError(106, "limit exceeded")


def bad_request() -> ProtocolError:
    """107: the command's parameters make no sense."""
    return ProtocolError(107, "bad request")


def not_available() -> ProtocolError:
    """108: the hub does not offer this command."""
    return ProtocolError(108, "not available")


def token_expired() -> ProtocolError:
    """109: the client fetches a new token and connects again."""
    return ProtocolError(109, "token expired")


def unrecoverable_position() -> ProtocolError:
    """112: the history no longer reaches back so far; the client starts afresh."""
    return ProtocolError(112, "unrecoverable position")


class Disconnect(NamedTuple):
    """A reason to close a connection, sent as the WebSocket's close code."""

    code: int
    reason: str

    @property
    def reconnects(self) -> bool:
        """Whether the official clients come back by themselves."""
        return self.code < FIRST_FINAL_DISCONNECT


SHUTDOWN = Disconnect(3001, "shutdown")
INTERNAL_ERROR = Disconnect(3004, "internal server error")
EXPIRED = Disconnect(3005, "connection expired")
SLOW = Disconnect(3008, "slow")
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
NO_PONG = Disconnect(3012, "no pong")
INVALID_TOKEN = Disconnect(3500, "invalid token")
BAD_REQUEST = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")


class Unsubscribe(NamedTuple):
    """A reason to end one subscription; from code 2500 on, the official clients subscribe again."""

    code: int
    reason: str


UNSUBSCRIBED_INSUFFICIENT_STATE = Unsubscribe(2500, "insufficient state")
