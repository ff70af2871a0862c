"""The authenticated connections, by session and by user."""

from collections import defaultdict
from typing import Generic, Protocol, TypeVar

from herald.server.auth.principal import Principal


class Member(Protocol):
    """A connection, as it is looked up."""

    session: str
    principal: Principal | None


MemberT = TypeVar("MemberT", bound=Member)


class Sessions(Generic[MemberT]):
    """Finds a connection by its session, and those of a user."""

    def __init__(self) -> None:
        self._by_session: dict[str, MemberT] = {}
        self._by_user: defaultdict[str, set[MemberT]] = defaultdict(set)

    def add(self, member: MemberT) -> None:
        """Keep a connection whose principal is known."""
        self._by_session[member.session] = member
        self._by_user[_user(member)].add(member)

    def remove(self, member: MemberT) -> None:
        """Forget a connection; does nothing if it is not kept."""
        self._by_session.pop(member.session, None)
        members = self._by_user[_user(member)]
        members.discard(member)
        if not members:
            del self._by_user[_user(member)]

    def get(self, session: str) -> MemberT | None:
        """The connection with this session."""
        return self._by_session.get(session)

    def of(self, user_id: str) -> list[MemberT]:
        """A user's connections."""
        return list(self._by_user.get(user_id, ()))

    def count(self, user_id: str) -> int:
        """How many connections a user has."""
        return len(self._by_user.get(user_id, ()))


def _user(member: Member) -> str:
    assert member.principal is not None  # noqa: S101  every member is authenticated
    return member.principal.user_id
