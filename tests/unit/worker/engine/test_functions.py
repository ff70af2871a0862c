"""What the engine reads from the function of a step."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from herald.shared.task_api.errors import MisuseError
from herald.worker.engine.functions import Call, has_hidden_values, is_async, result_type
from tests.support.task_types import Report, write_report

T = TypeVar("T")


def words(text: str) -> list[str]:
    return text.split()


async def fetch(url: str, *, times: int = 1) -> bytes:
    return url.encode() * times


def soon() -> Awaitable[int]:
    raise NotImplementedError


def unannotated(text):  # type: ignore[no-untyped-def]
    return text


def generic(value: T) -> T:
    return value


def unknown() -> "Missing":  # type: ignore[name-defined]  # noqa: F821
    raise NotImplementedError


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Client:
    def get(self, path: str) -> str:
        return path

    async def __call__(self, path: str) -> int:
        return len(path)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (words, list[str]),
        (fetch, bytes),
        (soon, int),
        (logged(words), list[str]),
        (Client().get, str),
        (Client(), int),
        (Client, Client),
        (write_report, Report),
    ],
)
def test_the_type_of_a_result_is_read_from_the_annotation(function: Any, expected: Any) -> None:
    assert result_type("A", function) == expected


@pytest.mark.parametrize("function", [unannotated, generic, len, unknown])
def test_a_function_without_a_usable_annotation_is_refused(function: Any) -> None:
    with pytest.raises(MisuseError, match=r"step 'A'.*(returns=…|cannot be resolved)"):
        result_type("A", function)


def test_async_functions_are_told_from_sync_ones() -> None:
    assert is_async(fetch) and is_async(Client()) and is_async(write_report)
    assert not is_async(words) and not is_async(soon) and not is_async(Client().get)


def test_closures_and_lambdas_have_hidden_values_but_methods_and_decorated_functions_have_none() -> None:
    number = 3

    def closure() -> int:
        return number

    def nested() -> int:
        return 3

    assert has_hidden_values(closure) and has_hidden_values(lambda: 3)
    assert not any(
        has_hidden_values(each) for each in (nested, words, Client().get, Client(), logged(words), len)
    )


async def test_a_partial_is_unwrapped_and_called_with_all_its_values() -> None:
    call = Call.of(functools.partial(functools.partial(fetch, "a"), times=2))
    assert list(call.values()) == [("url", "a"), ("times", 2)]
    assert call.fn is fetch
    assert await call.invoke() == b"aa"
