"""The synchronous client: `AsyncHerald` and `AsyncHandle` for code without an event loop."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Self, TypeVar, overload

from pydantic import BaseModel

from herald.shared.client.async_handle import AsyncHandle
from herald.shared.client.async_herald import AsyncHerald, PriorityName
from herald.shared.client.loop_thread import LoopThread
from herald.shared.client.tokens import TokenSource
from herald.shared.client.updates import Update
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import PublicTask
from herald.shared.tasks.records import ListedType

InT = TypeVar("InT", bound=BaseModel)
OutT = TypeVar("OutT")


class Handle(Generic[OutT]):
    """A task. Made by `Herald.start` and `Herald.handle`; each method does what `AsyncHandle`'s does.

    Example::

        handle = herald.start(write_press_release, News(company="Ada", headline="Tea"))
        for update in handle.follow():
            print(update.progress, update.step)
        release = handle.result()
    """

    def __init__(self, handle: AsyncHandle[OutT], loop: LoopThread) -> None:
        self._handle = handle
        self._loop = loop

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    @property
    def id(self) -> str:
        """The task's id."""
        return self._handle.id

    def status(self) -> PublicTask:
        """The task's current state; see `AsyncHandle.status`."""
        return self._loop.run(self._handle.status())

    def result(self, *, timeout: float | None = None) -> OutT:
        """Wait until the task has ended, and return its result; see `AsyncHandle.result`."""
        return self._loop.run(self._handle.result(timeout=timeout))

    def follow(self, *, replay: bool = True) -> Iterator[Update]:
        """Everything that happens to the task, live, until it has ended; see `AsyncHandle.follow`."""
        return self._loop.iterate(self._handle.follow(replay=replay))

    def cancel(self) -> PublicTask:
        """Cancel the task, and return its new state; see `AsyncHandle.cancel`."""
        return self._loop.run(self._handle.cancel())

    def retry(self) -> PublicTask:
        """Queue the failed or cancelled task again, and return its new state; see `AsyncHandle.retry`."""
        return self._loop.run(self._handle.retry())


class Herald:
    """A client of one Herald. Use it with ``with``, or `close` it. Safe for use by several threads.

    It takes the same arguments as `AsyncHerald`, and each method does what the one of `AsyncHerald` does.

    Example::

        with Herald("https://herald.example.com", token=token) as herald:
            handle = herald.start(write_press_release, News(company="Ada", headline="Tea"))
            release = handle.result(timeout=60)
    """

    def __init__(
        self, url: str | None = None, *, token: TokenSource | None = None, retry_for: float = 10
    ) -> None:
        self._herald = AsyncHerald(url, token=token, retry_for=retry_for)
        self._loop = LoopThread("herald-client", self._herald.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, also those of the clients that `as_user` returned."""
        self._loop.close()

    def as_user(self, user_id: str) -> "Herald":
        """A client that acts for a user, on the same connections; the token needs the scope ``service``."""
        other = copy.copy(self)
        other._herald = self._herald.as_user(user_id)
        return other

    @overload
    def start(
        self,
        task_type: TaskType[Any, InT, OutT],
        payload: InT,
        /,
        *,
        idempotency_key: str | None = None,
        priority: PriorityName | None = None,
        brand_id: str | None = None,
    ) -> Handle[OutT]: ...

    @overload
    def start(
        self,
        task_type: str,
        payload: Mapping[str, Any],
        /,
        *,
        idempotency_key: str | None = None,
        priority: PriorityName | None = None,
        brand_id: str | None = None,
    ) -> Handle[Any]: ...

    def start(self, task_type: Any, payload: Any, /, **options: Any) -> Handle[Any]:
        """Start a task. It is stored, and will run, once this returns; see `AsyncHerald.start`."""
        return Handle(self._loop.run(self._herald.start(task_type, payload, **options)), self._loop)

    @overload
    def handle(self, task_id: str, task_type: TaskType[Any, Any, OutT], /) -> Handle[OutT]: ...

    @overload
    def handle(self, task_id: str, task_type: None = None, /) -> Handle[Any]: ...

    def handle(self, task_id: str, task_type: Any = None, /) -> Handle[Any]:
        """The handle of a task that was started earlier. Sends no request; see `AsyncHerald.handle`."""
        return Handle(self._herald.handle(task_id, task_type), self._loop)

    def get(self, task_id: str) -> PublicTask:
        """The current state of a task; see `AsyncHerald.get`."""
        return self._loop.run(self._herald.get(task_id))

    def tasks(self, *, status: str | Iterable[str] = (), brand_id: str | None = None) -> Iterator[PublicTask]:
        """The user's tasks, newest first; see `AsyncHerald.tasks`."""
        return self._loop.iterate(self._herald.tasks(status=status, brand_id=brand_id))

    def task_types(self) -> list[ListedType]:
        """The task types that may be started; see `AsyncHerald.task_types`."""
        return self._loop.run(self._herald.task_types())

    def follow(self) -> Iterator[Update]:
        """Changes of all the user's tasks, live, until the caller stops; see `AsyncHerald.follow`."""
        return self._loop.iterate(self._herald.follow())

    def call(self, method: str, path: str, **options: Any) -> Any:
        """Send any request of the HTTP API, and return the JSON of the response; see `AsyncHerald.call`."""
        return self._loop.run(self._herald.call(method, path, **options))
