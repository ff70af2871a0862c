"""What is wrong with a payload, in words that a form can show."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind
from pydantic_core import to_json

from herald.server.payloads.formats import FORMATS

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "boolean": "true or false",
}


_MESSAGES: dict[type[Kind], str] = {
    Kind.MinLength: "Must have at least {limit} characters",
    Kind.MaxLength: "Must have at most {limit} characters",
    Kind.MinItems: "Must have at least {limit} items",
    Kind.MaxItems: "Must have at most {limit} items",
    Kind.MinProperties: "Must have at least {limit} fields",
    Kind.MaxProperties: "Must have at most {limit} fields",
    Kind.Minimum: "Must be at least {limit}",
    Kind.Maximum: "Must be at most {limit}",
    Kind.ExclusiveMinimum: "Must be greater than {limit}",
    Kind.ExclusiveMaximum: "Must be less than {limit}",
    Kind.MultipleOf: "Must be a multiple of {multiple_of}",
    Kind.Pattern: "String should match pattern '{pattern}'",
    Kind.UniqueItems: "Must not contain an item twice",
    Kind.PropertyNames: "Has a field whose name is not allowed",
    Kind.Custom: "{message}",
}


class Fault(NamedTuple):
    """One invalid field."""

    path: tuple[str | int, ...]
    """The field's place in the payload: names and indexes."""
    message: str
    names_value: bool = True
    """Whether the value of the field explains the error."""

    def within(self, part: str | int) -> "Fault":
        """The fault as seen from the object or list that contains the value as ``part``."""
        return self._replace(path=(part, *self.path))


class InvalidPayloadError(Exception):
    """The payload does not match its schema."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """The invalid fields that an error of jsonschema-rs is about."""
    path, kind = tuple(error.instance_path), error.kind
    match kind:
        case Kind.Required():
            yield Fault((*path, kind.property), "This field is required", names_value=False)
        case Kind.AdditionalProperties() | Kind.UnevaluatedProperties():
            for name in kind.unexpected:
                yield Fault((*path, name), "Unknown field", names_value=False)
        case _:
            yield Fault(path, _message(error))


def must_be(types: Iterable[str]) -> str:
    """The message for a value of another type than these, by JSON Schema's names of types."""
    names = [_TYPES.get(name, f"an {name}") for name in dict.fromkeys(types) if name != "null"]
    return (
        "Input should be an object" if names == ["an object"] else f"Must be {' or '.join(names or ['null'])}"
    )


def one_of(values: Iterable[Any]) -> str:
    """The message for a value that is none of these."""
    return f"Must be one of {', '.join(dict.fromkeys(map(_quoted, values)))}"


def _message(error: ValidationError) -> str:
    """A message that a form can show."""
    kind: Any = error.kind
    match kind:
        case Kind.Type():
            return must_be(kind.types)
        case Kind.MinLength(limit=1) | Kind.MinItems(limit=1):
            return "Must not be empty"
        case Kind.Format():
            return (
                f"Must be {FORMATS[kind.format][1] if kind.format in FORMATS else f'a valid {kind.format}'}"
            )
        case Kind.Enum():
            return one_of(kind.options)
        case Kind.Constant():
            return f"Must be {_quoted(kind.expected_value)}"
    # The error's own message may quote the whole value.
    template = _MESSAGES.get(type(kind), "Is not allowed by the task type's schema")
    return template.format(**{name: _number(value) for name, value in kind.as_dict().items()})


def _number(limit: Any) -> str:
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else str(limit)


def _quoted(value: Any) -> str:
    return to_json(value).decode()
