"""The functions that run as steps: their arguments, and the type of their result."""

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from herald.shared.task_api.context import Context
from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.task_type import TaskType


class Call(NamedTuple):
    """A call of a step's function, with the values that partials have bound among its arguments."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @classmethod
    def of(cls, fn: Callable[..., Any], *args: Any) -> "Call":
        """The call ``fn(*args)``."""
        kwargs: dict[str, Any] = {}
        while isinstance(fn, functools.partial):
            args, kwargs, fn = (*fn.args, *args), {**fn.keywords, **kwargs}, fn.func
        return cls(fn, args, kwargs)

    def within(self, context: Context[Any]) -> "Call":
        """The same call, with ``context`` in the place of each context among the arguments."""

        def replaced(value: Any) -> Any:
            return context if isinstance(value, Context) else value

        args = tuple(replaced(value) for value in self.args)
        return Call(self.fn, args, {name: replaced(value) for name, value in self.kwargs.items()})

    def values(self) -> Iterator[tuple[str, Any]]:
        """The arguments except contexts, each with its name."""
        given = [*zip(_names(self.fn, len(self.args)), self.args, strict=True), *self.kwargs.items()]
        return ((name, value) for name, value in given if not isinstance(value, Context))

    def invoke(self) -> Any:
        """Call the function."""
        return self.fn(*self.args, **self.kwargs)


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether ``fn`` is an async function, or an object with an async ``__call__``."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


def has_hidden_values(fn: Callable[..., Any]) -> bool:
    """Whether ``fn`` is a lambda or a closure, whose result depends on more than its arguments."""
    code = inspect.unwrap(getattr(fn, "__func__", fn))
    captured = set(getattr(getattr(code, "__code__", None), "co_freevars", ())) - {"__class__"}
    return bool(captured) or getattr(code, "__name__", "") == "<lambda>"


def source_of(fn: Callable[..., Any]) -> str:
    """The source of ``fn``; empty if it has none in Python."""
    try:
        return inspect.getsource(inspect.unwrap(getattr(fn, "__func__", fn)))
    except (OSError, TypeError):
        return ""


def result_type(step: str, fn: Callable[..., Any]) -> Any:
    """The type of the value that ``fn`` returns, from its annotation.

    Raises:
        MisuseError: it has no return annotation, or one that does not say enough.
    """
    if isinstance(fn, TaskType):
        return fn.result
    if isinstance(fn, type):
        return fn
    annotated = fn if inspect.isroutine(fn) else type(fn).__call__
    try:
        hints = typing.get_type_hints(annotated, include_extras=True)
    except TypeError:  # a built-in function
        hints = {}
    except NameError as error:
        raise MisuseError(
            f"step {step!r}: an annotation of {_called(fn)} cannot be resolved: {error}"
        ) from None
    if "return" not in hints or isinstance(hints["return"], TypeVar):
        raise MisuseError(
            f"step {step!r}: {_called(fn)} needs a return annotation, because results are stored and "
            "decoded by their type; ctx.step also takes returns=…"
        )
    found = hints["return"]
    if typing.get_origin(found) in (Awaitable, Coroutine):
        return typing.get_args(found)[-1]
    return found


def _called(fn: Callable[..., Any]) -> str:
    return f"the function {getattr(fn, '__qualname__', repr(fn))}"


def _names(fn: Callable[..., Any], count: int) -> list[str]:
    """The names of the first ``count`` positional arguments of ``fn``."""
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):  # a built-in function
        parameters = []
    names = [each.name for each in parameters if each.kind <= inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return [*names, *(f"argument {number}" for number in range(len(names) + 1, count + 1))][:count]
