"""Exceptions raised for tokens that are not accepted."""


class InvalidTokenError(Exception):
    """The token is missing, malformed, revoked, not valid yet, or signed with another key."""


class ExpiredTokenError(Exception):
    """The token was valid once, but has expired."""


class KeysUnavailableError(Exception):
    """The keys that verify tokens have not been fetched yet; try again later."""
