"""The context of a running task, through which its code runs steps and reports progress."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, TypeVarTuple, overload

from pydantic import JsonValue
from typing_extensions import TypeVar as TypeVarWithDefault

from herald.shared.task_api.prompt import AnswerT, Prompt

StateT = TypeVarWithDefault("StateT", default=None)
ResultT = TypeVar("ResultT")
ItemT = TypeVar("ItemT")
ArgsT = TypeVarTuple("ArgsT")


class TaskInfo(NamedTuple):
    """The facts about a task that do not change while it runs."""

    id: str
    type: str
    user_id: str
    brand_id: str | None
    title: str | None
    created_at: datetime


class DraftWriter(Protocol):
    """Streams text to the clients that watch a task."""

    def write(self, text: str) -> None:
        """Append ``text`` to the draft. Thread-safe; returns at once."""


class Context(ABC, Generic[StateT]):
    """What a task's code can do while it runs; Herald passes one to each task function.

    Example::

        @task("WRITE_PRESS_RELEASE")
        async def write_press_release(ctx: Context, news: News) -> Release:
            points = await ctx.step("Finding the angle", find_angle, ctx, news)
            paragraphs = await ctx.map("Writing", write_paragraph, points, ctx, limit=4)
            return Release(paragraphs=paragraphs)
    """

    @property
    @abstractmethod
    def task(self) -> TaskInfo:
        """The task that is running."""

    @property
    def user_id(self) -> str:
        """The id of the task's user."""
        return self.task.user_id

    @property
    @abstractmethod
    def attempt(self) -> int:
        """The attempt's number, from 1."""

    @property
    @abstractmethod
    def state(self) -> StateT:
        """What the task module's ``lifespan()`` yielded; None without one."""

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """Whether the attempt has been stopped. Thread-safe; a long synchronous step should check it."""

    @property
    @abstractmethod
    def idempotency_key(self) -> str:
        """A key for calls to other services that must not be repeated: the same in every attempt.

        ``{taskId}`` in a task function, ``{taskId}:{step key}`` within a step.
        """

    @overload
    async def step(
        self,
        name: str,
        fn: Callable[[*ArgsT], Awaitable[ResultT]],
        /,
        *args: *ArgsT,
        key: str | None = None,
        returns: Any = None,
        retries: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> ResultT: ...
    @overload
    async def step(
        self,
        name: str,
        fn: Callable[[*ArgsT], ResultT],
        /,
        *args: *ArgsT,
        key: str | None = None,
        returns: Any = None,
        retries: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> ResultT: ...
    @abstractmethod  # type: ignore[misc]  # mypy takes *args: Any for less than *args: *ArgsT
    async def step(
        self,
        name: str,
        fn: Callable[..., Any],
        /,
        *args: Any,
        key: str | None = None,
        returns: Any = None,
        retries: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """Run ``fn(*args)`` as a step, unless an earlier attempt has: then return what that one returned.

        An async function is awaited, a sync one runs in a thread. Its result is stored as a checkpoint, and
        every attempt gets it back decoded by the function's return annotation.

        Args:
            name: the step's name, as users see it.
            fn: the function to run.
            args: its arguments; those that have a JSON form identify the checkpoint. A `Context` among them
                becomes the step's own.
            key: identifies the checkpoint instead of the arguments. Closures and lambdas need it.
            returns: the type of the result, instead of the return annotation.
            retries: how often the step is run again at once if it fails, before the attempt fails.
            timeout: how long one run may take, in seconds.

        Raises:
            MisuseError: an argument or the result has no JSON form, or the function has no return annotation.
            TimeoutError: it took longer than ``timeout``.
        """

    @overload
    async def map(
        self,
        name: str,
        fn: Callable[[ItemT, *ArgsT], Awaitable[ResultT]],
        items: Iterable[ItemT],
        /,
        *args: *ArgsT,
        limit: int = 4,
        key: Callable[[ItemT], str] | None = None,
    ) -> list[ResultT]: ...
    @overload
    async def map(
        self,
        name: str,
        fn: Callable[[ItemT, *ArgsT], ResultT],
        items: Iterable[ItemT],
        /,
        *args: *ArgsT,
        limit: int = 4,
        key: Callable[[ItemT], str] | None = None,
    ) -> list[ResultT]: ...
    @abstractmethod  # type: ignore[misc]
    async def map(
        self,
        name: str,
        fn: Callable[..., Any],
        items: Iterable[Any],
        /,
        *args: Any,
        limit: int = 4,
        key: Callable[[Any], str] | None = None,
    ) -> list[Any]:
        """Run ``fn(item, *args)`` for each item, at most ``limit`` at once; returns the results in order.

        Each item has a checkpoint of its own, and counts towards the step's progress. After the first
        exception no further item begins; the running ones finish, then it is raised.
        """

    @abstractmethod
    def progress(self, fraction: float, message: str | None = None) -> None:
        """Report how much is done, from 0 to 1: of the step within a step, otherwise of the whole task.

        ``message`` replaces the step's name as the task's current step. Thread-safe; returns at once.
        """

    @abstractmethod
    def emit(self, name: str, data: JsonValue) -> None:
        """Publish live data of the task's own on its channel; the newest of each name stays in the task.

        Thread-safe; returns at once. If events arrive faster than they can be published, the newest of a
        name replaces the older ones.

        Raises:
            MisuseError: the data has no JSON form or is too large, or there are too many names.
        """

    @abstractmethod
    def draft(self, part: str | None = None) -> AbstractAsyncContextManager[DraftWriter]:
        """A draft that is streamed to clients while it is written.

        Args:
            part: tells drafts apart that one step writes at the same time.
        """

    @abstractmethod
    async def ask_model(self, prompt: Prompt[AnswerT], /, *, part: str | None = None) -> AnswerT:
        """The model's answer to ``prompt``. It is streamed as a draft, and stored as a checkpoint.

        An answer that does not fit the prompt is sent back once with its faults.

        Raises:
            ModelError: the model gave no usable answer.
        """
