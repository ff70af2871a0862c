"""The identity that a verified token stands for."""

from typing import NamedTuple

OPERATOR = "operator"
"""The scope of the people who run Herald."""
SERVICE = "service"
"""The scope of back ends that start and follow tasks for their users."""


class Principal(NamedTuple):
    """An authenticated user, as described by their token."""

    user_id: str
    brands: frozenset[str]
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
    issued_at: float
    """Unix time in seconds; 0 if the token does not say."""
    scopes: frozenset[str] = frozenset()
    service: str | None = None
    """The service that acts for this user; None if the token is the user's own."""

    @property
    def is_operator(self) -> bool:
        """Whether this user runs Herald: operators see the state of every task, but not its contents."""
        return OPERATOR in self.scopes

    @property
    def is_service(self) -> bool:
        """Whether this is a service in its own name: it may see and manage the tasks of all users."""
        return SERVICE in self.scopes and self.service is None

    @property
    def actor(self) -> str:
        """The principal as a task's history records them: ``user``, or ``service <name>``."""
        if SERVICE not in self.scopes:
            return "user"
        return f"service {self.service or self.user_id}"

    def acting_for(self, user_id: str) -> "Principal":
        """This service, limited to what concerns one user; it may still start what a service may start."""
        return self._replace(user_id=user_id, scopes=self.scopes - {OPERATOR}, service=self.user_id)


class SubscriptionGrant(NamedTuple):
    """Permission for one user to subscribe to one channel, from a subscription token."""

    user_id: str
    channel: str
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
