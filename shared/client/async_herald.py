"""The asynchronous client: starts and finds tasks, and follows all tasks of a user."""

import copy
import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, suppress
from typing import Any, Literal, Self, TypeVar, overload

from pydantic import BaseModel

from herald.shared.client.async_handle import AsyncHandle
from herald.shared.client.connection import Connection
from herald.shared.client.errors import HeraldError, Unavailable
from herald.shared.client.feed import RefusedError, Subscribed, messages
from herald.shared.client.tokens import Token, TokenSource, default_source
from herald.shared.client.updates import Update, UpdateReader
from herald.shared.settings import ClientSettings
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import ACTIVE, Priority, PublicTask
from herald.shared.tasks.records import ListedType

InT = TypeVar("InT", bound=BaseModel)
OutT = TypeVar("OutT")

PriorityName = Priority | Literal["low", "normal", "high"]


class AsyncHerald:
    """A client of one Herald. Use it with ``async with``, or `close` it.

    Args:
        url: Herald's address; by default ``HERALD_URL``.
        token: the token, or a function (also an async one) that returns one, and is called again when Herald
            rejects it; by default ``HERALD_TOKEN``. In development, ``HERALD_AUTH_SECRET`` signs one.
        retry_for: how long a request is repeated while Herald does not respond, in seconds.

    Raises:
        ValueError: the URL is not an HTTP address, or there is no token.

    Example::

        async with AsyncHerald("https://herald.example.com", token=token) as herald:
            handle = await herald.start(write_press_release, News(company="Ada", headline="Tea"))
            release = await handle.result(timeout=60)
    """

    def __init__(
        self, url: str | None = None, *, token: TokenSource | None = None, retry_for: float = 10
    ) -> None:
        if url is None or token is None:
            settings = ClientSettings()
            url = settings.url if url is None else url
            token = default_source(settings) if token is None else token
        self._connection = Connection(url, Token(token), retry_for=retry_for)
        self._user: str | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections, also those of the clients that `as_user` returned."""
        await self._connection.close()

    def as_user(self, user_id: str) -> "AsyncHerald":
        """A client that acts for a user, on the same connections; the token needs the scope ``service``."""
        other = copy.copy(self)
        other._user = user_id
        return other

    @overload
    async def start(
        self,
        task_type: TaskType[Any, InT, OutT],
        payload: InT,
        /,
        *,
        idempotency_key: str | None = None,
        priority: PriorityName | None = None,
        brand_id: str | None = None,
    ) -> AsyncHandle[OutT]: ...

    @overload
    async def start(
        self,
        task_type: str,
        payload: Mapping[str, Any],
        /,
        *,
        idempotency_key: str | None = None,
        priority: PriorityName | None = None,
        brand_id: str | None = None,
    ) -> AsyncHandle[Any]: ...

    async def start(
        self,
        task_type: TaskType[Any, Any, Any] | str,
        payload: BaseModel | Mapping[str, Any],
        /,
        *,
        idempotency_key: str | None = None,
        priority: PriorityName | None = None,
        brand_id: str | None = None,
    ) -> AsyncHandle[Any]:
        """Start a task. It is stored, and will run, once this returns.

        A request that gets no response is repeated; the idempotency key makes sure that one task is started.

        Args:
            task_type: the task type, or its name.
            payload: the payload; for a name, a mapping of JSON values.
            idempotency_key: a second start with the same key returns the first task; by default a random one.
            priority: by default the task type's.
            brand_id: a brand whose members may see the task too.

        Raises:
            InvalidPayload: fields are invalid, or there is no such task type.
            TooManyTasks: the user has too many queued tasks.
            Conflict: the key was used for a different request.
            HeraldError: see `call`.
        """
        body: dict[str, Any] = {
            "type": task_type if isinstance(task_type, str) else task_type.name,
            "payload": payload.model_dump(mode="json", by_alias=True, round_trip=True)
            if isinstance(payload, BaseModel)
            else dict(payload),
        }
        optional = {"priority": priority, "brandId": brand_id}
        task = await self.call(
            "POST",
            "/api/jobs",
            json=body | {name: value for name, value in optional.items() if value is not None},
            headers={"Idempotency-Key": idempotency_key or secrets.token_hex(16)},
            repeatable=True,
        )
        return self.handle(task["taskId"], None if isinstance(task_type, str) else task_type)

    @overload
    def handle(self, task_id: str, task_type: TaskType[Any, Any, OutT], /) -> AsyncHandle[OutT]: ...

    @overload
    def handle(self, task_id: str, task_type: None = None, /) -> AsyncHandle[Any]: ...

    def handle(self, task_id: str, task_type: TaskType[Any, Any, Any] | None = None, /) -> AsyncHandle[Any]:
        """The handle of a task that was started earlier. Sends no request.

        Args:
            task_id: the task's id.
            task_type: its type, which makes the handle's result a typed one.
        """
        return AsyncHandle(self._connection, task_id, task_type, self._user)

    async def get(self, task_id: str) -> PublicTask:
        """The current state of a task.

        Raises:
            NotFound: there is no such task, or it is not yours.
            HeraldError: see `call`.
        """
        return await self.handle(task_id).status()

    async def tasks(
        self, *, status: str | Iterable[str] = (), brand_id: str | None = None, all_users: bool = False
    ) -> AsyncGenerator[PublicTask, None]:
        """The user's tasks, newest first; further pages are read as needed.

        Args:
            status: only tasks with this status, or one of these.
            brand_id: the tasks of this brand instead.
            all_users: the tasks of all users instead; operators only.

        Raises:
            HeraldError: see `call`.
        """
        query = {"status": status if isinstance(status, str) else ",".join(status)}
        if brand_id is not None:
            query["brandId"] = brand_id
        path = "/api/ops/tasks" if all_users else "/api/jobs"
        async with aclosing(self._connection.pages(path, query, user=self._user)) as pages:
            async for page in pages:
                for task in page["tasks"]:
                    yield PublicTask.model_validate(task)

    async def task_types(self) -> list[ListedType]:
        """The task types that you may start.

        Raises:
            HeraldError: see `call`.
        """
        found = (await self.call("GET", "/api/taskTypes"))["taskTypes"]
        return [ListedType.model_validate(each) for each in found]

    async def follow(self) -> AsyncGenerator[Update, None]:
        """Changes of all the user's tasks, live, until the caller stops.

        It begins with the current state of the active and the recently ended tasks. Drafts and emitted data
        are only on `AsyncHandle.follow`.

        Raises:
            HeraldError: see `call`.
        """
        reader = UpdateReader()
        channel = None if self._user is None else str(Channel.user(self._user))
        try:
            async with aclosing(messages(self._connection, channel)) as received:
                async for message in received:
                    if not isinstance(message, Subscribed):
                        for update in reader.read(message):
                            yield update
                        continue
                    for update in reader.begin(message.tasks):
                        yield update
                    async for task in self._omitted(message.cursor):
                        for update in reader.begin([task]):
                            yield update
        except RefusedError as error:
            await self.call("GET", "/api/jobs", params={"limit": "1"})  # says more precisely what is wrong
            raise HeraldError(str(error)) from None

    async def _omitted(self, cursor: str | None) -> AsyncGenerator[Any, None]:
        """The active tasks that did not fit into a snapshot."""
        if cursor is None:
            return
        query = {"status": ",".join(sorted(ACTIVE)), "after": cursor}
        with suppress(Unavailable):  # then they appear with their next change
            async for page in self._connection.pages("/api/jobs", query, user=self._user):
                for task in page["tasks"]:
                    yield task

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Send any request of the HTTP API, and return the JSON of the response.

        Args:
            method: the HTTP method. GET requests are repeated while Herald does not respond.
            path: the path, such as ``/api/jobs``.
            options: ``params``, ``json`` and ``headers``, as in httpx.

        Raises:
            Unauthorized: the token is missing, invalid or expired.
            Forbidden: the token does not grant this.
            Unavailable: Herald does not respond, or a service that it needs.
            HeraldError: any other error response.
        """
        return await self._connection.json(method, path, user=self._user, **options)
