"""Herald's HTTP interface, asked by the command line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2


class RefusedError(Exception):
    """Herald cannot be reached, or says no; the message says why."""


class Herald:
    """Asks one Herald as one user.

    Example::

        async with Herald.at("http://127.0.0.1:8000", token) as herald:
            task = await herald.call("GET", f"/api/jobs/{task_id}")
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def at(cls, url: str, token: str) -> AsyncIterator["Herald"]:
        """The Herald at ``url``; connections open on first use."""
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            yield cls(http)

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON that a request is answered with.

        Raises:
            RefusedError: it is a problem, or there is no answer.
        """
        try:
            response = await self._http.request(method, path, **options)
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise RefusedError(f"{self._http.base_url} does not answer ({reason}); is it running?") from None
        try:
            body = response.json()
        except ValueError:
            raise RefusedError(f"{path}: {response.status_code}, and no JSON; is this a Herald?") from None
        if response.is_error:
            raise RefusedError(f"{response.status_code}: {body.get('detail', body)}")
        return body

    async def tasks(self, status: str) -> AsyncIterator[dict[str, Any]]:
        """The tasks of all users that have a status, newest first.

        Raises:
            RefusedError: see `call`.
        """
        query = {"status": status, "limit": "100"}
        while True:
            page = await self.call("GET", "/api/ops/tasks", params=query)
            for task in page["tasks"]:
                yield task
            if "after" not in page:
                return
            query["after"] = page["after"]
