"""Sends requests to Herald's HTTP API: with a token, repeated where that is safe, errors as exceptions."""

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httpx2

from herald.shared.client.errors import HeraldError, Unauthorized, Unavailable, error_of
from herald.shared.client.tokens import Token

TIMEOUT_S = 30.0
PAGE_SIZE = "200"
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout)
"""Failures after which the request cannot have reached Herald."""


class Connection:
    """An HTTP client of one Herald. Sockets are opened on first use.

    Args:
        url: Herald's address, such as ``https://herald.example.com``.
        token: the token to send.
        retry_for: how long a request is repeated while Herald does not respond, in seconds.
        transport: replaces the network, for tests.

    Raises:
        ValueError: ``url`` is not an HTTP address.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        retry_for: float,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"Herald's URL must start with http:// or https://; got {url!r}")
        self.url = url.rstrip("/")
        self.token = token
        self.retry_for = retry_for
        self._transport = transport
        self._http: httpx2.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def close(self) -> None:
        """Close all sockets."""
        http, self._http = self._http, None
        if http is not None and self._loop is asyncio.get_running_loop():
            await http.aclose()

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """Like `request`, and returns the response's JSON.

        Raises:
            HeraldError: see `request`; or the response is not JSON.
        """
        response = await self.request(method, path, **options)
        try:
            return response.json()
        except ValueError:
            raise HeraldError(
                f"{path} returned {response.status_code} without JSON. Is {self.url} Herald's URL?",
                status=response.status_code,
            ) from None

    async def pages(
        self, path: str, query: Mapping[str, str], **options: Any
    ) -> AsyncGenerator[dict[str, Any], None]:
        """All pages of a listing, each read when it is needed.

        Raises:
            HeraldError: see `request`.
        """
        page: dict[str, Any] = {}
        params = {"limit": PAGE_SIZE, **query}
        while True:
            page = await self.json("GET", path, params=params, **options)
            yield page
            if "after" not in page:
                return
            params["after"] = page["after"]

    async def request(
        self,
        method: str,
        path: str,
        *,
        user: str | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        retry_for: float | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """Send a request until Herald responds, and return its response.

        Args:
            method: the HTTP method.
            path: the path below Herald's URL.
            user: whom to act for, with a service token.
            headers: further headers.
            repeatable: whether a second request has no further effect; by default, whether it is a GET.
                Others are only repeated if the first one was certainly not received.
            retry_for: replaces the connection's own.
            options: for httpx2: ``params``, ``json``, ``timeout``.

        Raises:
            HeraldError: an error response, or none in time (`Unavailable`).
        """
        if repeatable is None:
            repeatable = method == "GET"
        headers = {**(headers or {}), **({} if user is None else {"Herald-User": user})}
        loop = asyncio.get_running_loop()
        until = loop.time() + (self.retry_for if retry_for is None else retry_for)
        for attempt in itertools.count():
            delay_s = min(_FIRST_DELAY_S * 2**attempt, _LONGEST_DELAY_S) * random.uniform(0.5, 1)  # noqa: S311
            try:
                return await self._authorized(method, path, headers, options)
            except httpx2.TransportError as error:
                reason = str(error) or type(error).__name__
                failure = Unavailable(f"Can't reach Herald at {self.url} ({reason}). Is it running?")
                safe = repeatable or isinstance(error, _NOT_SENT)
            except Unavailable as error:
                failure, safe = error, repeatable
                delay_s = error.retry_after or delay_s
            if not safe or loop.time() + delay_s > until:
                raise failure from None
            await asyncio.sleep(delay_s)
        raise AssertionError

    async def _authorized(
        self, method: str, path: str, headers: Mapping[str, str], options: Mapping[str, Any]
    ) -> httpx2.Response:
        """Send a request once; if the token has expired, once more with a new one."""
        token = await self.token.current()
        try:
            return await self._send(method, path, token, headers, options)
        except Unauthorized:
            if not self.token.renewable:
                raise
        return await self._send(method, path, await self.token.renew(), headers, options)

    async def _send(
        self,
        method: str,
        path: str,
        token: str,
        headers: Mapping[str, str],
        options: Mapping[str, Any],
    ) -> httpx2.Response:
        response = await self._client().request(
            method,
            path,
            headers=httpx2.Headers({**headers, "Authorization": f"Bearer {token}"}, encoding="utf-8"),
            **options,
        )
        if response.is_error:
            raise error_of(response)
        return response

    def _client(self) -> httpx2.AsyncClient:
        """The HTTP client of the running event loop; sockets of another loop cannot be used."""
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            self._loop = loop
            self._http = httpx2.AsyncClient(
                base_url=self.url,
                timeout=TIMEOUT_S,
                limits=httpx2.Limits(max_connections=None),  # a wait for a task holds one
                transport=self._transport,
            )
        return self._http
