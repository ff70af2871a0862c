"""Results as JSON text, and back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, computed_field

from herald.shared.task_api.codec import Codec, UnreadableOutputError
from herald.shared.task_api.errors import MisuseError


class Point(BaseModel):
    x: int = Field(alias="posX")
    tags: set[str] = set()

    @computed_field
    def double(self) -> int:
        return 2 * self.x


@dataclass
class Size:
    width: float


class Optional(BaseModel):
    a: int | None = None
    b: "list[Optional] | None" = None


class Opaque:
    pass


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (int, 3),
        (None, None),
        (list[Point], [Point(posX=1, tags={"a"})]),
        (dict[date, Decimal], {date(2026, 1, 2): Decimal("1.10")}),
        (tuple[int, str], (1, "a")),
        (bytes, b"\xff\x00"),
        (float, float("inf")),
        (timedelta, timedelta(seconds=90)),
        (Size, Size(1.5)),
        (int | None, None),
        (Annotated[int, Field(ge=1, json_schema_extra={})], 3),
        (Any, {"a": [1, None]}),
    ],
)
def test_a_result_is_the_same_after_a_round_trip(result: Any, value: Any) -> None:
    codec = Codec("step 'A'", result)
    decoded = codec.decode(codec.encode(value))
    assert decoded == value and type(decoded) is type(value)


def test_every_attempt_gets_the_declared_type() -> None:
    codec = Codec("step 'A'", Sequence[float])
    assert codec.decode(codec.encode((1, 2))) == [1.0, 2.0]


def test_empty_fields_may_be_left_out() -> None:
    codec = Codec("the task A", Optional)
    assert codec.encode(Optional(a=1, b=[Optional()]), exclude_none=True) == '{"a":1,"b":[{}]}'


@pytest.mark.parametrize(
    ("result", "value"), [(int, "x"), (list[Point], [3]), (Point, {"posX": 1}), (str, "\ud800"), (None, 1)]
)
def test_a_value_of_another_type_is_refused(result: Any, value: Any) -> None:
    with pytest.raises(
        MisuseError, match=rf"^step 'A' returned a value of type {type(value).__name__}, which"
    ):
        Codec("step 'A'", result).encode(value)


def test_a_type_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(MisuseError, match="step 'A': results of type Opaque cannot be stored"):
        Codec("step 'A'", Opaque)


def test_the_text_of_an_older_version_may_be_unreadable() -> None:
    with pytest.raises(UnreadableOutputError):
        Codec("step 'A'", Point).decode('{"x": 1}')
