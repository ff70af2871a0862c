"""Normalises payloads: validates, strips, and fills in defaults, in one walk.

Pydantic changes some values before it validates them, which JSON Schema cannot express. It is done here, so
that the server accepts what a worker accepts: white space is stripped from strings that are announced with
``x-strip``, and 4.0 becomes 4 where an integer is expected. Defaults are filled in, so that a task keeps
those of the day it was created.

Each value is visited once for each schema that may apply to it, however the alternatives of a schema are
nested: a validator that tries all of them at every level takes a time that doubles with each level. What a
schema says about the value itself is left to jsonschema-rs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from herald.server.payloads.faults import Fault, InvalidPayloadError, must_be, one_of
from herald.server.payloads.own import OwnKeywords
from herald.shared.tasks.records import STRIP

MAX_DEPTH = 60
"""The deepest nesting of a payload; MongoDB stores 100 levels."""
_INT64 = 2**63
_TYPES_OF: dict[type, set[str]] = {
    type(None): {"null"},
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
    str: {"string"},
    list: {"array"},
    dict: {"object"},
}

Schema = Mapping[str, Any]


class _Walked(NamedTuple):
    """A normalised value, and its faults, with paths from this value on."""

    value: Any
    faults: Sequence[Fault] = ()


class PayloadSchema:
    """The schema of a task type's payload, compiled as it is used.

    Raises:
        jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError: it is not a valid schema.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._own = OwnKeywords(schema)

    def normalised(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload as it is stored: stripped, with whole numbers as integers, and with defaults.

        Raises:
            InvalidPayloadError: it does not match the schema, or MongoDB cannot store it.
        """
        if faults := [*_unstorable(payload, ())]:
            raise InvalidPayloadError(faults)
        walk = _Walk(self._schema, self._own)
        normalised = walk.value(payload, self._schema)
        if normalised.faults:
            raise InvalidPayloadError(normalised.faults)
        found: dict[str, Any] = normalised.value
        if faults := [*_unstorable(found, ())]:  # 1e20 has become an integer
            raise InvalidPayloadError(faults)
        return found


class _Walk:
    """One walk through a payload."""

    def __init__(self, whole: Schema, own: OwnKeywords) -> None:
        self._whole = whole
        self._own = own
        self._applied: dict[int, Sequence[Schema]] = {}
        self._walked: dict[tuple[int, int], tuple[Any, _Walked]] = {}

    def value(self, value: Any, schema: Any) -> _Walked:
        """Normalise a value by a schema."""
        if not isinstance(value, dict | list):
            return self._normalised(value, schema)
        key = (id(value), id(schema))
        if key not in self._walked:
            self._walked[key] = (
                value,
                self._normalised(value, schema),
            )  # keeps the value, so its id stays its own
        return self._walked[key][1]

    def _normalised(self, value: Any, schema: Any) -> _Walked:
        if schema is False:
            return _Walked(value, [Fault((), "Is not allowed by the task type's schema")])
        parts = self._parts(schema)
        for part in parts:
            if isinstance(value, str) and part.get(STRIP):
                value = value.strip()
            elif isinstance(value, float) and value.is_integer() and "integer" in _types(part):
                value = int(value)
        given, faults = value, []
        for part in parts:
            own = self._own.faults(given, part)
            faults += own
            if isinstance(value, dict | list) and not any(fault.path == () for fault in own):
                value, beneath = self._beneath(value, part)
                faults += beneath
            for alternatives in (part.get("anyOf"), part.get("oneOf")):
                if alternatives:
                    value, beneath = self._alternatives(value, alternatives)
                    faults += beneath
        return _Walked(value, _ordered(faults, parts) if faults else ())

    def _parts(self, schema: Any) -> Sequence[Schema]:
        """The schemas that apply to every value of a schema: itself, and those that it refers to."""
        if id(schema) not in self._applied:
            self._applied[id(schema)] = list(self._applying(schema))
        return self._applied[id(schema)]

    def _applying(self, schema: Any) -> Iterator[Schema]:
        if isinstance(schema, dict):
            yield schema
            if isinstance(schema.get("$ref"), str):
                yield from self._applying(self._resolved(schema["$ref"]))
            for each in schema.get("allOf", ()):
                yield from self._applying(each)

    def _resolved(self, reference: str) -> Any:
        found: Any = self._whole
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    # What a value contains

    def _beneath(self, value: Any, schema: Schema) -> _Walked:
        return self._items(value, schema) if isinstance(value, list) else self._fields(value, schema)

    def _items(self, value: list[Any], schema: Schema) -> _Walked:
        prefix, others = schema.get("prefixItems", ()), schema.get("items", True)
        items: list[Any] = []
        faults: list[Fault] = []
        for number, item in enumerate(value):
            walked = self.value(item, prefix[number] if number < len(prefix) else others)
            items.append(walked.value)
            faults += (fault.within(number) for fault in walked.faults)
        return _Walked(items, faults)

    def _fields(self, value: dict[str, Any], schema: Schema) -> _Walked:
        """The object with its declared fields first, in their order."""
        properties, fields = schema.get("properties", {}), {}
        faults: list[Fault] = []
        for name, each in properties.items():
            if name in value:
                walked = self.value(value[name], each)
                fields[name] = walked.value
                faults += (fault.within(name) for fault in walked.faults)
            elif isinstance(each, dict) and "default" in each:
                default = self.value(each["default"], each)
                if not default.faults:  # pydantic takes a default as it is, a worker does not
                    fields[name] = default.value
        others = True if "patternProperties" in schema else schema.get("additionalProperties", True)
        for name, item in value.items():
            if name not in properties:
                walked = self.value(item, others or True)  # the object itself reports unknown fields
                fields[name] = walked.value
                faults += (fault.within(name) for fault in walked.faults)
        return _Walked(fields, faults)

    # Alternatives

    def _alternatives(self, value: Any, alternatives: Sequence[Any]) -> _Walked:
        """The value by the first alternative that it matches; otherwise the faults of those it may be."""
        of_type = [each for each in alternatives if self._has_type(each, value)]
        if not of_type:
            expected = [name for each in alternatives for part in self._parts(each) for name in _types(part)]
            return _Walked(value, [Fault((), must_be(expected))])
        candidates = [each for each in of_type if self._has_constants(each, value)]
        if not candidates:
            return _Walked(value, [self._wrong_constant(value, of_type)])
        found = []
        for each in candidates:
            walked = self.value(value, each)
            if not walked.faults:
                return walked
            found.append(walked.faults)
        return _Walked(value, _shared(found))

    def _has_type(self, schema: Any, value: Any) -> bool:
        types = [types for part in self._parts(schema) if (types := _types(part))]
        return all(not _types_of(value).isdisjoint(each) for each in types)

    def _has_constants(self, schema: Any, value: Any) -> bool:
        """Whether the constant fields of a schema, which tell kinds of objects apart, have their values."""
        return not isinstance(value, dict) or all(
            value.get(name) == constant for name, constant in self._constants(schema)
        )

    def _constants(self, schema: Any) -> Iterator[tuple[str, Any]]:
        for part in self._parts(schema):
            for name, each in part.get("properties", {}).items():
                if isinstance(each, dict) and "const" in each:
                    yield name, each["const"]

    def _wrong_constant(self, value: dict[str, Any], schemas: Sequence[Any]) -> Fault:
        constants = [constant for each in schemas for constant in self._constants(each)]
        name = constants[0][0]
        if name not in value:
            return Fault((name,), "This field is required", names_value=False)
        return Fault((name,), one_of([constant for other, constant in constants if other == name]))


def _shared(found: Sequence[Sequence[Fault]]) -> list[Fault]:
    """The faults of a value that matches none of several alternatives."""
    if common := [fault for fault in found[0] if all(fault in each for each in found)]:
        return common
    messages = dict.fromkeys(fault.message for faults in found for fault in faults)
    return [Fault((), " or: ".join(messages))]


def _ordered(faults: Sequence[Fault], schemas: Sequence[Schema]) -> list[Fault]:
    """One fault for each path, in the order of the declared fields; unknown fields come last."""
    one_each: dict[tuple[str | int, ...], Fault] = {}
    for fault in faults:
        one_each.setdefault(fault.path, fault)
    declared = [name for each in schemas for name in each.get("properties", ())]
    names = {name: number for number, name in enumerate(declared)}

    def position(fault: Fault) -> tuple[int, int]:
        first = fault.path[0] if fault.path else -1
        return (0, first) if isinstance(first, int) else (1, names.get(first, len(names)))

    return sorted(one_each.values(), key=position)


def _types(schema: Schema) -> Sequence[str]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else types


def _types_of(value: Any) -> set[str]:
    """The names that JSON Schema has for the type of a value."""
    if isinstance(value, float) and value.is_integer():
        return {"integer", "number"}
    return _TYPES_OF[type(value)]


def _unstorable(value: Any, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """What JSON allows and MongoDB cannot store."""
    if len(path) > MAX_DEPTH:
        yield Fault(path[:1], f"Must have at most {MAX_DEPTH} levels of nesting", names_value=False)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name.startswith("$") or "\0" in name:
                message = "A field's name must not start with $ or contain NUL"
                yield Fault((*path, name), message, names_value=False)
            yield from _unstorable(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unstorable(item, (*path, number))
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield Fault(path, f"Must be from {-_INT64} to {_INT64 - 1}")
