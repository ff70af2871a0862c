"""Payloads are normalised so that the server and the worker agree on them."""

import json
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from herald.server.payloads.faults import InvalidPayloadError
from herald.server.payloads.schema import PayloadSchema
from herald.shared.task_api.record import record_of
from tests.support.registered import a_type

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    name: Line


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Node(BaseModel):
    name: Line
    children: list["Node"] = []
    weight: float = 1.5


class Trip(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pet: Annotated[Cat | Dog, Field(discriminator="kind")] = Cat(kind="cat")
    colour: Colour = Colour.RED
    node: Node | None = None
    at: datetime | None = None
    size: int | str = 3
    counts: dict[str, int] = {}
    pair: tuple[int, Line] = (1, "a")
    unchecked: int = None  # type: ignore[assignment]
    stops: list[Line] = Field([], max_length=3)


SCHEMA = PayloadSchema(record_of(a_type("TRIP", Trip), "shop").payload_schema)


def faults_in(payload: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPayloadError) as error:
        SCHEMA.normalised(payload)
    return [("/".join(map(str, fault.path)), fault.message) for fault in error.value.faults]


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"pet": {"kind": "dog", "name": " rex\n"}, "stops": [" a ", "b"]},
        {"node": {"name": " root ", "children": [{"name": " leaf "}, {"name": "x", "weight": 2}]}},
        {"size": " k ", "counts": {"a": 3.0}, "pair": [2.0, " b "], "at": "2027-01-01T00:00:00"},
    ],
)
def test_a_normalised_payload_is_what_a_worker_reads(payload: dict[str, Any]) -> None:
    normalised = SCHEMA.normalised(payload)
    read = Trip.model_validate_json(json.dumps(normalised), strict=True)
    assert read == Trip.model_validate_json(json.dumps(payload))
    assert SCHEMA.normalised(normalised) == normalised


def test_white_space_is_stripped_only_where_pydantic_strips() -> None:
    normalised = SCHEMA.normalised({"size": " k ", "stops": [" a "], "node": {"name": " b "}})
    assert (normalised["size"], normalised["stops"], normalised["node"]["name"]) == (" k ", ["a"], "b")


def test_whole_numbers_become_integers_where_an_integer_is_expected() -> None:
    normalised = SCHEMA.normalised({"counts": {"a": 4.0}, "node": {"name": "x", "weight": 4.0}})
    assert repr(normalised["counts"]) == "{'a': 4}"
    assert repr(normalised["node"]["weight"]) == "4.0"


def test_defaults_are_filled_in_at_every_depth() -> None:
    normalised = SCHEMA.normalised(
        {"node": {"name": "x", "children": [{"name": "y"}]}, "pet": {"kind": "cat"}}
    )
    assert normalised["node"]["children"] == [{"name": "y", "children": [], "weight": 1.5}]
    assert normalised["pet"] == {"kind": "cat", "lives": 9}
    assert normalised["colour"] == "red" and normalised["at"] is None
    assert list(normalised) == [name for name in Trip.model_fields if name != "unchecked"], "in their order"


def test_a_default_that_its_own_type_forbids_is_left_to_the_worker() -> None:
    assert "unchecked" not in SCHEMA.normalised({})
    assert faults_in({"unchecked": None}) == [("unchecked", "Must be a whole number")]


@pytest.mark.parametrize(
    ("payload", "path", "message"),
    [
        ({"pet": {"kind": "dog", "name": " "}}, "pet/name", "Must not be empty"),
        ({"pet": {"kind": "cow"}}, "pet/kind", 'Must be one of "cat", "dog"'),
        ({"pet": {}}, "pet/kind", "This field is required"),
        ({"pet": 3}, "pet", "Input should be an object"),
        ({"colour": "green"}, "colour", 'Must be one of "red", "blue"'),
        ({"node": {"name": "x", "children": [{"name": 3}]}}, "node/children/0/name", "Must be text"),
        ({"at": "soon"}, "at", "Must be a date and time such as 2027-01-31T12:00:00Z"),
        ({"size": []}, "size", "Must be a whole number or text"),
        ({"counts": {"a": 1.5}}, "counts/a", "Must be a whole number"),
        ({"counts": {"a": 10**30}}, "counts/a", f"Must be from {-(2**63)} to {2**63 - 1}"),
        ({"pair": [1]}, "pair", "Must have at least 2 items"),
        ({"stops": ["a", "b", "c", "d"]}, "stops", "Must have at most 3 items"),
        ({"size": True}, "size", "Must be a whole number or text"),
        ({"sise": 1}, "sise", "Unknown field"),
    ],
)
def test_a_fault_names_the_field_and_what_it_must_be(
    payload: dict[str, Any], path: str, message: str
) -> None:
    assert faults_in(payload) == [(path, message)]


@pytest.mark.parametrize("name", ["$ref", "a\0b"])
def test_a_field_s_name_that_mongodb_cannot_store_is_refused(name: str) -> None:
    assert faults_in({"counts": {name: 1}}) == [
        (f"counts/{name}", "A field's name must not start with $ or contain NUL")
    ]


def test_a_payload_that_is_nested_too_deeply_is_refused() -> None:
    node: dict[str, Any] = {"name": "leaf"}
    for _ in range(40):
        node = {"name": "x", "children": [node]}
    assert faults_in({"node": node}) == [("node", "Must have at most 60 levels of nesting")]


def test_faults_come_in_the_order_of_the_fields_unknown_ones_last() -> None:
    payload = {"aaa": 2, "zzz": 1, "stops": 3, "colour": 5, "node": {"weight": "x", "name": ""}}
    assert [path for path, _ in faults_in(payload)] == [
        "colour", "node/name", "node/weight", "stops", "aaa", "zzz",
    ]  # fmt: skip


def test_nested_alternatives_are_visited_once_each() -> None:
    """A validator that tries every alternative at every level would not finish within a lifetime."""

    class Left(BaseModel):
        inner: "Left | Right | int"

    class Right(BaseModel):
        inner: "Left | Right | int"
        more: int

    class Tree(BaseModel):
        tree: Left | Right

    for model in (Left, Right, Tree):
        model.model_rebuild(_types_namespace={"Left": Left, "Right": Right})
    schema = PayloadSchema(record_of(a_type("TREE", Tree), "shop").payload_schema)
    tree: dict[str, Any] = {"inner": "no number", "more": 1}
    for _ in range(50):
        tree = {"inner": tree, "more": 1}
    with pytest.raises(InvalidPayloadError) as error:
        schema.normalised({"tree": tree})
    assert [fault.message for fault in error.value.faults] == ["Must be an object or a whole number"]


def test_a_whole_number_that_is_too_large_to_store_is_invalid() -> None:
    class Order(BaseModel):
        count: int

    schema = PayloadSchema(record_of(a_type("ORDER", Order), "shop").payload_schema)
    with pytest.raises(InvalidPayloadError):
        schema.normalised({"count": 1e20})
    assert schema.normalised({"count": 4.0}) == {"count": 4}
