"""The token of a client: given, or from a function that is called again when the token has expired."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from herald.shared import settings as settings_module
from herald.shared.settings import ClientSettings
from herald.shared.tokens import TokenIssuer

TokenSource = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns one. A function that is not async runs in a thread."""

DEV_USER = "operator"
DEV_TTL_S = 3600


class Token:
    """The current token; fetched on first use.

    Example::

        token = Token(lambda: vault.read("herald-token"))
        await token.current()
        await token.renew()  # after Herald has rejected it
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._current = source if isinstance(source, str) else None

    @property
    def renewable(self) -> bool:
        """Whether `renew` may return another token."""
        return not isinstance(self._source, str)

    async def current(self) -> str:
        """The token to use."""
        return self._current or await self.renew()

    async def renew(self) -> str:
        """A new token, from the function; without one, the same token again."""
        if isinstance(self._source, str):
            return self._source
        fetch: Callable[[], Any] = self._source
        token = fetch() if inspect.iscoroutinefunction(fetch) else await asyncio.to_thread(fetch)
        current: str = await token if inspect.isawaitable(token) else token
        self._current = current
        return current


def default_source(settings: ClientSettings) -> TokenSource:
    """The token of clients that are given none: ``HERALD_TOKEN``; in development, one that is signed here.

    Raises:
        ValueError: there is no token, and this is not development.
    """
    if settings.token is not None:
        return settings.token.get_secret_value()
    if settings.env != "dev":
        raise ValueError("There is no token: pass `token=`, or set HERALD_TOKEN")
    return lambda: TokenIssuer(settings_module.load()).issue(
        DEV_USER, [], DEV_TTL_S, scope="operator service"
    )
