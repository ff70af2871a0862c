"""The digests that identify checkpoints."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from pydantic import Field

from herald.shared.task_api.errors import MisuseError
from herald.shared.tasks.models import Model
from herald.worker.engine.digests import digest_of_call
from herald.worker.engine.functions import Call

ROOT = Path(__file__).resolve().parents[4]


class News(Model):
    company_name: str
    tags: set[str] = Field(default=set())


@dataclass
class Point:
    x: int
    tags: frozenset[str] = frozenset()


class Pair(NamedTuple):
    left: int
    right: str


class Colour(Enum):
    RED = "red"


class Client:
    def get(self, path: str) -> str:
        return path


def function(value: Any, other: Any = None) -> str:
    return f"{value}{other}"


def digest_of(*args: Any, fn: Any = function, count_source: bool = False) -> str:
    return digest_of_call("A", Call.of(fn, *args), count_source=count_source)


@pytest.mark.parametrize(
    "value",
    [
        News(company_name="N", tags={"a", "b", "c"}),
        [News(company_name="N")],
        {"a": Point(1, frozenset({"x", "y"}))},
        Pair(1, "x"),
        {date(2026, 1, 2): Decimal("1.50"), Colour.RED: UUID(int=3)},
        b"\xff",
        float("inf"),
        Path("/a"),
        None,
    ],
)
def test_equal_arguments_have_equal_digests_and_others_have_not(value: Any) -> None:
    assert digest_of(value) == digest_of(value)
    assert digest_of(value) != digest_of([value])
    assert len(digest_of(value)) == 16


def test_every_argument_counts() -> None:
    assert digest_of(1, 2) != digest_of(1, 3) != digest_of(1)
    assert digest_of(1) != digest_of("1")


def test_the_order_of_sets_and_keys_does_not_count() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    code = (
        "from tests.unit.worker.engine.test_digests import *\n"
        "print(digest_of({'one', 'two', 'three'}, News(company_name='N', tags=set('abcdef'))))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_values_of_a_partial_count_and_a_bound_self_does_not() -> None:
    assert digest_of(2, fn=partial(function, 1)) == digest_of(1, 2)
    assert digest_of(1, fn=partial(function, other=2)) != digest_of(1, fn=partial(function, other=3))
    assert digest_of("/", fn=Client().get) == digest_of("/", fn=Client().get)


@pytest.mark.parametrize("value", [object(), Client(), iter([1]), (each for each in [1]), print])
def test_an_argument_without_a_json_form_is_named(value: Any) -> None:
    with pytest.raises(MisuseError, match=r"step 'A': the argument 'other' .* has no JSON form"):
        digest_of(1, value)
    if hasattr(value, "__next__"):
        assert next(value) == 1, "it was read"


def test_a_closure_needs_a_key() -> None:
    with pytest.raises(MisuseError, match="step 'A': a lambda or a closure needs key="):
        digest_of(fn=lambda: 1)


def test_the_source_counts_if_wanted() -> None:
    def one() -> int:
        return 1

    def two() -> int:
        return 2

    assert digest_of(fn=one) == digest_of(fn=two)
    assert digest_of(fn=one, count_source=True) != digest_of(fn=two, count_source=True)
