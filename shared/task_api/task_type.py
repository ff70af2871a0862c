"""Task types: the ``@task`` decorator, and what it makes of a function."""

import inspect
import re
import string
import typing
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from herald.shared.task_api.backoff import Backoff
from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import MisuseError
from herald.shared.tasks.models import Priority
from herald.shared.tasks.records import Storage

StateT = TypeVar("StateT")
InT = TypeVar("InT", bound=BaseModel)
OutT = TypeVar("OutT")

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
MAX_STEPS = 50
"""How many steps a task shows."""


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How tasks of a type are run; `task` describes each option."""

    version: int = 0
    retries: int = 3
    backoff: Backoff = field(default_factory=Backoff)
    timeout: float = 600
    deadline: float | None = None
    priority: Priority = Priority.NORMAL
    steps: tuple[str, ...] = ()
    start: str = "users"
    concurrency: int | None = None
    per_user: int | None = None
    title: str | None = None
    description: str | None = None


class TaskType(Generic[StateT, InT, OutT]):
    """A task type: its name, the types of its payload and result, its code and its options.

    Made by `task`, or by `declare` where its code is not installed. Start tasks of it with `herald.Herald`.
    """

    def __init__(
        self,
        name: str,
        payload: type[InT],
        result: Any,
        run: Callable[[Context[StateT], InT], Awaitable[OutT]] | None,
        options: TaskOptions,
    ) -> None:
        self.name = name
        self.payload = payload
        self.result = result
        """The type of the result: any type that pydantic can validate."""
        self.options = options
        self.storage: Storage | None = None
        """Where results are stored, for the built-in types that have a collection of their own."""
        self._run = run

    @property
    def run(self) -> Callable[[Context[StateT], InT], Awaitable[OutT]] | None:
        """The task's function; None if the type was only declared."""
        return self._run

    async def __call__(self, ctx: Context[StateT], payload: InT, /) -> OutT:
        """Run the task's function directly, as a part of another task or of a test.

        Raises:
            MisuseError: the type was only declared.
        """
        if self._run is None:
            raise MisuseError(f"the code of {self.name} is not here: the type was only declared")
        return await self._run(ctx, payload)

    @classmethod
    def declare(cls, name: str, payload: type[InT], result: type[OutT]) -> "TaskType[Any, InT, OutT]":
        """A task type without its code, for clients that cannot import it.

        Raises:
            MisuseError: the name is not valid.
        """
        _check_name(name)
        return TaskType(name, payload, result, None, TaskOptions())

    def __repr__(self) -> str:
        return f"<TaskType {self.name}>"


def task(
    name: str,
    /,
    *,
    version: int = 0,
    retries: int = 3,
    backoff: Backoff = Backoff(),  # noqa: B008  immutable
    timeout: float = 600,
    deadline: float | None = None,
    priority: Priority | str = Priority.NORMAL,
    steps: Sequence[str] = (),
    start: str = "users",
    concurrency: int | None = None,
    per_user: int | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Callable[[Callable[[Context[StateT], InT], Awaitable[OutT]]], TaskType[StateT, InT, OutT]]:
    """Make a task type of an async function ``(ctx, payload) -> result``.

    The payload is a pydantic model; the result may have any type that pydantic can validate.

    Args:
        name: the type's name on the wire, such as ``"WRITE_PRESS_RELEASE"``.
        version: of two workers with different code, the higher version decides what the server accepts.
        retries: how often a failed attempt is repeated.
        backoff: the delay before each retry.
        timeout: how long one attempt may take, in seconds.
        deadline: how long after it was queued a task may end, in seconds; by default
            ``HERALD_TASK_DEADLINE_S``.
        priority: of tasks that are started without one.
        steps: the names of the steps in order, for an exact progress bar. Without them, steps appear as they
            start, and the bar learns from earlier tasks.
        start: who may start tasks: ``"users"``, ``"service"`` (only tokens with that scope), or another
            scope.
        concurrency: how many tasks of the type run at once, over all workers.
        per_user: how many of them run at once for one user.
        title: the title of a task; ``{name}`` stands for a field of the payload.
        description: one sentence about the type; by default the first line of the function's docstring.

    Raises:
        MisuseError: an option or the function's signature is not valid; the message says what to change.

    Example::

        @task("WRITE_PRESS_RELEASE", retries=3, timeout=300, title="{headline}")
        async def write_press_release(ctx: Context, news: News) -> Release: ...
    """
    _check_name(name)
    _check_numbers(
        name, version=version, retries=retries, timeout=timeout, deadline=deadline,
        concurrency=concurrency, per_user=per_user,
    )  # fmt: skip
    if priority not in set(Priority):
        raise MisuseError(f"{name}: priority must be one of {', '.join(Priority)}; got {priority!r}")
    if isinstance(steps, str) or len(set(steps)) != len(steps) or len(steps) > MAX_STEPS:
        raise MisuseError(f"{name}: steps must be a list of up to {MAX_STEPS} different names; got {steps!r}")
    if not start:
        raise MisuseError(f'{name}: start must be "users", "service" or a scope')

    def decorate(
        function: Callable[[Context[StateT], InT], Awaitable[OutT]],
    ) -> TaskType[StateT, InT, OutT]:
        payload, result = _signature(name, function)
        if title is not None:
            _check_title(name, title, payload)
        options = TaskOptions(
            version=version,
            retries=retries,
            backoff=backoff,
            timeout=timeout,
            deadline=deadline,
            priority=Priority(priority),
            steps=tuple(steps),
            start=start,
            concurrency=concurrency,
            per_user=per_user,
            title=title,
            description=description or (inspect.getdoc(function) or "").partition("\n")[0] or None,
        )
        return TaskType(name, payload, result, function, options)

    return decorate


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise MisuseError(
            f"{name!r} cannot be the name of a task type: use up to 100 letters, digits, '_', '.' and '-', "
            "with a letter first"
        )


def _check_numbers(name: str, **options: float | None) -> None:
    may_be_zero, whole = {"version", "retries"}, {"version", "retries", "concurrency", "per_user"}
    for option, value in options.items():
        if value is not None and option in whole and not isinstance(value, int):
            raise MisuseError(f"{name}: {option} must be a whole number; got {value!r}")
        if value is not None and (value < 0 or (value == 0 and option not in may_be_zero)):
            raise MisuseError(f"{name}: {option} must be greater than 0; got {value}")


def _check_title(name: str, title: str, payload: type[BaseModel]) -> None:
    """Check that every ``{field}`` of a title is a field of the payload."""
    try:
        fields = [each for _, each, _, _ in string.Formatter().parse(title) if each is not None]
    except ValueError as error:
        raise MisuseError(f"{name}: the title {title!r} is not a valid template: {error}") from None
    for each in fields:
        if each not in payload.model_fields:
            known = ", ".join(payload.model_fields) or "none"
            raise MisuseError(f"{name}: the title has {{{each}}}, but the fields of the payload are: {known}")


def _signature(name: str, function: Callable[..., Any]) -> tuple[type[Any], Any]:
    """The types of a task function's payload and result, from its annotations."""
    where = f"{name}: the function {getattr(function, '__qualname__', function)}"
    if not inspect.iscoroutinefunction(function):
        raise MisuseError(f"{where} must be `async def`; use a synchronous function as a step")
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise MisuseError(f"{where} has an annotation that cannot be resolved: {error}") from None
    parameters = list(inspect.signature(function).parameters.values())
    positional = [
        each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(positional) != 2 or len(parameters) != 2:  # noqa: PLR2004
        raise MisuseError(f"{where} must take exactly two arguments: the context and the payload")
    payload = hints.get(positional[1].name)
    if not (isinstance(payload, type) and issubclass(payload, BaseModel)):
        raise MisuseError(f"{where} must annotate its payload with a pydantic model; got {payload!r}")
    if "return" not in hints:
        raise MisuseError(f"{where} needs a return annotation: the type of the task's result")
    return payload, hints["return"]
