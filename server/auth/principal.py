"""The identity that a verified token stands for."""

from typing import NamedTuple

OPERATOR = "operator"
"""The scope of the people who run Herald."""


class Principal(NamedTuple):
    """An authenticated user, as described by their token."""

    user_id: str
    brands: frozenset[str]
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
    issued_at: float
    """Unix time in seconds; 0 if the token does not say."""
    scopes: frozenset[str] = frozenset()

    @property
    def is_operator(self) -> bool:
        """Whether this user runs Herald: operators see the state of every task, but not its contents."""
        return OPERATOR in self.scopes


class SubscriptionGrant(NamedTuple):
    """Permission for one user to subscribe to one channel, from a subscription token."""

    user_id: str
    channel: str
    expires_at: float | None
    """Unix time in seconds; None if the token never expires."""
