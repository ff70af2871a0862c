"""The authenticated connections, by session and by user."""

from collections import defaultdict
from typing import Protocol

from herald.server.hub import codes
from herald.server.hub.interfaces import Identity


class Session(Protocol):
    """A connection, as the hub sees it."""

    session: str
    """A secret of the client and its hub: with it, anyone can send commands for the client."""
    identity: Identity | None
    """None until the client is authenticated."""

    def feed(self, frame: str | bytes) -> None:
        """Serve the commands of a frame once all earlier ones have been served."""

    def disconnect_if_revoked(self) -> None:
        """Close the connection if its token has been revoked."""

    def disconnect(self, why: codes.Disconnect) -> None:
        """Close the connection."""


class Sessions:
    """Finds connections by session and by user."""

    def __init__(self) -> None:
        self._by_session: dict[str, Session] = {}
        self._by_user: defaultdict[str, set[Session]] = defaultdict(set)

    def add(self, session: Session) -> None:
        """Add an authenticated connection."""
        self._by_session[session.session] = session
        self._by_user[_user(session)].add(session)

    def remove(self, session: Session) -> None:
        """Remove a connection, if it is there."""
        self._by_session.pop(session.session, None)
        sessions = self._by_user[_user(session)]
        sessions.discard(session)
        if not sessions:
            del self._by_user[_user(session)]

    def get(self, session: str) -> Session | None:
        """The connection with this session, if there is one."""
        return self._by_session.get(session)

    def of(self, user_id: str) -> list[Session]:
        """A user's connections."""
        return list(self._by_user.get(user_id, ()))

    def count(self, user_id: str) -> int:
        """The number of a user's connections."""
        return len(self._by_user.get(user_id, ()))


def _user(session: Session) -> str:
    assert session.identity is not None  # noqa: S101  every session is authenticated
    return session.identity.user_id
