"""One task, as its starter sees it: wait for its result, follow it, cancel it, retry it."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Generic, TypeVar

from herald.shared.client.connection import Connection
from herald.shared.client.errors import (
    HeraldError,
    TaskCancelled,
    TaskFailed,
    TooManyTasks,
)
from herald.shared.client.feed import RefusedError, Subscribed, messages
from herald.shared.client.updates import Update, UpdateReader, has_ended
from herald.shared.task_api.codec import adapter_of
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.models import PublicTask, TaskStatus

OutT = TypeVar("OutT")

WAIT_S = 25
"""How long Herald holds a request for a task that does not change."""
_ANSWER_WITHIN_S = 15
_BUSY_RETRY_S = 5.0
_UNCHANGED = 304


class AsyncHandle(Generic[OutT]):
    """A task. Made by `AsyncHerald.start` and `AsyncHerald.handle`.

    Example::

        handle = await herald.start(write_press_release, News(company="Ada", headline="Tea"))
        async for update in handle.follow():
            print(update.progress, update.step)
        release = await handle.result()
    """

    def __init__(
        self,
        connection: Connection,
        task_id: str,
        task_type: TaskType[Any, Any, OutT] | None,
        user: str | None,
    ) -> None:
        self.id = task_id
        """The task's id."""
        self._connection = connection
        self._task_type = task_type
        self._user = user

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    async def status(self) -> PublicTask:
        """The task's current state.

        Raises:
            NotFound: there is no such task, or it is not yours.
            HeraldError: see `AsyncHerald.call`.
        """
        return PublicTask.model_validate(await self._call("GET", self._path))

    async def result(self, *, timeout: float | None = None) -> OutT:  # noqa: ASYNC109  as in asyncio.wait_for
        """Wait until the task has ended, and return its result: a value of the task type's result type.

        A handle made without the task type returns JSON values.

        Args:
            timeout: how long to wait at most, in seconds. The task goes on after that.

        Raises:
            TaskFailed: the task has failed.
            TaskCancelled: it was cancelled.
            TimeoutError: it has not ended in time.
            pydantic.ValidationError: the result is not of the task type's result type.
            HeraldError: see `AsyncHerald.call`. While Herald is away for a time, the wait goes on.
        """
        try:
            async with asyncio.timeout(timeout):
                task = await self._until_ended()
                if task.status == TaskStatus.CANCELLED:
                    raise TaskCancelled(task)
                if task.status != TaskStatus.COMPLETED:
                    raise TaskFailed(task)
                response = await self._connection.request("GET", f"{self._path}/result", user=self._user)
        except TimeoutError:
            raise TimeoutError(f"Task {self.id} has not ended within {timeout:g} s") from None
        if self._task_type is None:
            value: OutT = response.json()
            return value
        result: OutT = adapter_of(self._task_type.result).validate_json(response.content)
        return result

    async def follow(self, *, replay: bool = True) -> AsyncGenerator[Update, None]:
        """Everything that happens to the task, live, until it has ended.

        A lost connection is made again, and continues with the update after the last one. If Herald no longer
        keeps what was missed, an update of the kind ``snapshot`` has the current state.

        Args:
            replay: begin with the updates from before this call, as far as Herald keeps them (the newest 256,
                for an hour). Without it, the first update is the current state.

        Raises:
            NotFound: there is no such task, or it is not yours.
            HeraldError: see `AsyncHerald.call`.
        """
        reader = UpdateReader()
        try:
            async with aclosing(messages(self._connection, self._channel, replay=replay)) as received:
                async for message in received:
                    if isinstance(message, Subscribed):
                        tasks = message.tasks or [await self.status()]  # Centrifugo may send no snapshot
                        updates = reader.begin(tasks, message.earlier)
                    else:
                        updates = reader.read(message)
                    for update in updates:
                        yield update
                    if reader.latest is not None and has_ended(reader.latest):
                        return
        except RefusedError as error:
            await self.status()  # says more precisely what is wrong
            raise HeraldError(str(error)) from None

    async def cancel(self) -> PublicTask:
        """Cancel the task, and return its new state.

        Raises:
            Conflict: it has ended; ``task_status`` says how.
            HeraldError: see `AsyncHerald.call`.
        """
        return PublicTask.model_validate(await self._call("POST", f"{self._path}/cancel"))

    async def retry(self) -> PublicTask:
        """Queue the failed or cancelled task again, and return its new state. Finished steps are kept.

        Raises:
            Conflict: it has not failed and was not cancelled; ``task_status`` says what it is.
            TooManyTasks: its user has too many queued tasks.
            HeraldError: see `AsyncHerald.call`.
        """
        return PublicTask.model_validate(await self._call("POST", f"{self._path}/retry"))

    @property
    def _path(self) -> str:
        return f"/api/jobs/{self.id}"

    @property
    def _channel(self) -> str:
        return str(Channel.task(self.id))

    async def _call(self, method: str, path: str) -> Any:
        return await self._connection.json(method, path, user=self._user)

    async def _until_ended(self) -> PublicTask:
        """Wait until the task has ended, by requests that Herald holds until it changes."""
        headers: dict[str, str] = {}
        while True:
            try:
                response = await self._connection.request(
                    "GET",
                    self._path,
                    user=self._user,
                    headers=headers,
                    timeout=WAIT_S + _ANSWER_WITHIN_S,
                    retry_for=math.inf if headers else None,
                )
            except TooManyTasks as error:  # Herald holds as many requests of this user as it may
                await asyncio.sleep(error.retry_after or _BUSY_RETRY_S)
                continue
            if response.status_code != _UNCHANGED:
                task = PublicTask.model_validate(response.json())
                if has_ended(task):
                    return task
                headers = {"If-None-Match": response.headers["etag"], "Prefer": f"wait={WAIT_S}"}
