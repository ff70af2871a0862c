"""The command line's client of Herald's HTTP API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2


class RequestError(Exception):
    """Herald cannot be reached, or has rejected a request; the message says why."""


class Herald:
    """A connection to one Herald as one user.

    Example::

        async with Herald.at("http://127.0.0.1:8000", token) as herald:
            task = await herald.call("GET", f"/api/jobs/{task_id}")
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str) -> AsyncIterator["Herald"]:
        """Connect to the Herald at ``url``; sockets open on first use."""
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            yield cls(http)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the JSON of its response.

        Raises:
            RequestError: an error response, or none at all.
        """
        try:
            response = await self._http.request(method, path, **options)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise RequestError(
                f"Can't reach Herald at {self._http.base_url} ({reason}). Is it running?"
            ) from None
        try:
            body = response.json()
        except ValueError:
            raise RequestError(
                f"{path} returned {response.status_code} without JSON. Is this Herald's URL?"
            ) from None
        if response.is_error:
            raise RequestError(f"{response.status_code}: {body.get('detail', body)}")
        return body

    async def tasks(self, status: str) -> AsyncIterator[dict[str, Any]]:
        """All users' tasks with this status, newest first.

        Raises:
            RequestError: see `call`.
        """
        query = {"status": status, "limit": "100"}
        while True:
            page = await self.call("GET", "/api/ops/tasks", params=query)
            for task in page["tasks"]:
                yield task
            if "after" not in page:
                return
            query["after"] = page["after"]
