"""Normalises payloads: validates, strips, and fills in defaults.

Pydantic changes some values before it validates them, which JSON Schema cannot express. It is done here, so
that the server accepts what a worker accepts: white space is stripped from strings that are announced with
``x-strip``, and 4.0 becomes 4 where an integer is expected. Defaults are filled in afterwards, so that a task
keeps those of the day it was created.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator

from herald.server.payloads.faults import Fault, InvalidPayloadError, faults_of
from herald.server.payloads.formats import compiled
from herald.shared.tasks.records import STRIP

MAX_DEPTH = 60
"""The deepest nesting of a payload; MongoDB stores 100 levels."""
_INT64 = 2**63
_PYTHON: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
"""The Python types of decoded JSON, by JSON Schema's names."""


class PayloadSchema:
    """The schema of a task type's payload, compiled once."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        self._validator = compiled(self._schema)
        self._branches: dict[int, Draft202012Validator] = {}

    def normalised(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload as it is stored: stripped, with whole numbers as integers, and with defaults.

        Raises:
            InvalidPayloadError: it does not match the schema, or MongoDB cannot store it.
        """
        if faults := [*_unstorable(payload, ())]:
            raise InvalidPayloadError(faults)
        cleaned = self._cleaned(payload, self._schema, defaults=False)
        found = [fault for error in self._validator.iter_errors(cleaned) for fault in faults_of(error)]
        if found:
            one_each = {fault.path: fault for fault in reversed(found)}
            raise InvalidPayloadError(sorted(one_each.values(), key=self._position))
        filled: dict[str, Any] = self._cleaned(cleaned, self._schema, defaults=True)
        return filled

    def _cleaned(self, value: Any, schema: Any, *, defaults: bool) -> Any:
        for part in self._parts(schema, value):
            if isinstance(value, str) and part.get(STRIP):
                value = value.strip()
            elif isinstance(value, float) and value.is_integer() and "integer" in _types(part):
                value = int(value)
            elif isinstance(value, list):
                value = self._cleaned_list(value, part, defaults=defaults)
            elif isinstance(value, dict):
                value = self._cleaned_object(value, part, defaults=defaults)
        return value

    def _cleaned_list(self, value: list[Any], schema: Mapping[str, Any], *, defaults: bool) -> list[Any]:
        prefix = schema.get("prefixItems", [])
        schemas = [*prefix, *[schema.get("items", True)] * max(len(value) - len(prefix), 0)]
        return [
            self._cleaned(item, each, defaults=defaults) for item, each in zip(value, schemas, strict=False)
        ]

    def _cleaned_object(
        self, value: dict[str, Any], schema: Mapping[str, Any], *, defaults: bool
    ) -> dict[str, Any]:
        """The object with its declared fields first, in their order."""
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        cleaned = {}
        for name, each in properties.items():
            if name in value:
                cleaned[name] = self._cleaned(value[name], each, defaults=defaults)
            elif defaults and isinstance(each, dict) and "default" in each:
                filled = self._cleaned(each["default"], each, defaults=True)
                if self._branch(each).is_valid(
                    filled
                ):  # pydantic takes a default as it is, the worker does not
                    cleaned[name] = filled
        rest = {
            name: self._cleaned(item, others, defaults=defaults)
            for name, item in value.items()
            if name not in properties
        }
        return cleaned | rest

    def _parts(self, schema: Any, value: Any) -> Iterator[Mapping[str, Any]]:
        """The schemas that apply to ``value``: this one, those that it refers to, and one alternative."""
        if not isinstance(schema, dict):
            return
        yield schema
        if isinstance(schema.get("$ref"), str):
            yield from self._parts(self._resolved(schema["$ref"]), value)
        for each in schema.get("allOf", ()):
            yield from self._parts(each, value)
        alternatives = schema.get("anyOf", schema.get("oneOf", ()))
        if alternatives:
            yield from self._parts(self._fitting(alternatives, value), value)

    def _resolved(self, reference: str) -> Any:
        found: Any = self._schema
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    def _fitting(self, alternatives: Sequence[Any], value: Any) -> Any:
        """The first alternative that the value matches; without one, the first that was probably meant."""
        for each in alternatives:
            if self._branch(each).is_valid(self._cleaned(value, each, defaults=False)):
                return each
        return next((each for each in alternatives if self._may_be(each, value)), None)

    def _may_be(self, schema: Any, value: Any) -> bool:
        """Whether a schema allows values of this JSON type, and with these constant fields."""
        for part in self._parts(schema, value):
            types = _types(part)
            if types and not any(isinstance(value, _PYTHON[name]) for name in types):
                return False
            for name, each in part.get("properties", {}).items():
                if isinstance(value, dict) and "const" in each and value.get(name) != each["const"]:
                    return False
        return True

    def _branch(self, schema: Any) -> Draft202012Validator:
        """The validator of a part of the schema, which may refer to the whole."""
        if id(schema) not in self._branches:
            whole = {"$defs": self._schema.get("$defs", {})}
            self._branches[id(schema)] = compiled({**whole, "allOf": [schema]})
        return self._branches[id(schema)]

    def _position(self, fault: Fault) -> tuple[tuple[int, str], ...]:
        """Sorts faults in the order of the fields; unknown fields come last."""
        position: list[tuple[int, str]] = []
        schemas: list[Any] = [self._schema]
        for part in fault.path:
            applied = [each for schema in schemas for each in self._all_parts(schema)]
            if isinstance(part, int):
                position.append((part, ""))
                schemas = [each["items"] for each in applied if "items" in each]
            else:
                names = [name for each in applied for name in each.get("properties", {})]
                position.append((names.index(part), "") if part in names else (len(names), part))
                schemas = [each["properties"][part] for each in applied if part in each.get("properties", {})]
        return tuple(position)

    def _all_parts(self, schema: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
        """A schema, those that it refers to, and all its alternatives."""
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return
        yield schema
        if isinstance(schema.get("$ref"), str):
            yield from self._all_parts(self._resolved(schema["$ref"]), depth + 1)
        for keyword in ("allOf", "anyOf", "oneOf"):
            for each in schema.get(keyword, ()):
                yield from self._all_parts(each, depth + 1)


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else types


def _unstorable(value: Any, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """What JSON allows and MongoDB cannot store."""
    if len(path) > MAX_DEPTH:
        yield Fault(path[:1], f"Must have at most {MAX_DEPTH} levels of nesting", names_value=False)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.startswith("$") or "\0" in name:
                yield Fault(
                    (*path, name), "A field's name must not start with $ or contain NUL", names_value=False
                )
            yield from _unstorable(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unstorable(item, (*path, number))
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield Fault(path, f"Must be from {-_INT64} to {_INT64 - 1}")
