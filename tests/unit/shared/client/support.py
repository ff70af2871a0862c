"""A client whose requests are answered by a function."""

import json
from collections.abc import Callable
from typing import Any

import httpx2

from herald.shared.client.async_herald import AsyncHerald
from herald.shared.client.connection import Connection
from herald.shared.client.tokens import Token, TokenSource
from tests.support.tasks import a_task

Answer = Callable[[httpx2.Request], httpx2.Response]


class Server:
    """Answers requests in turn, with a response or an exception; the last answer is repeated."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self._answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]

    def headers(self, name: str) -> list[str | None]:
        """The values of a header, by request."""
        return [request.headers.get(name) for request in self.requests]

    def client(self, *, token: TokenSource = "t0", retry_for: float = 10) -> AsyncHerald:  # noqa: S107
        herald = AsyncHerald("http://herald.test", token="unused")
        herald._connection = Connection(
            "http://herald.test",
            Token(token),
            retry_for=retry_for,
            transport=httpx2.MockTransport(self),
        )
        return herald


def problem(
    status: int, detail: str = "No", headers: dict[str, str] | None = None, **members: Any
) -> httpx2.Response:
    return httpx2.Response(status, headers=headers, json={"status": status, "detail": detail, **members})


def task_response(etag: str = '"1"', **changes: Any) -> httpx2.Response:
    return httpx2.Response(200, headers={"ETag": etag}, json=a_task(**changes).public().wire())
