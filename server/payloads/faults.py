"""What is wrong with a payload, in words that a form can show."""

from collections.abc import Iterator, Sequence
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
    "null": "null",
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


class InvalidPayloadError(Exception):
    """The payload does not match its schema."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def faults_of(error: ValidationError) -> Iterator[Fault]:
    """The invalid fields that one error of jsonschema-rs is about."""
    path, kind = tuple(error.instance_path), error.kind
    match kind:
        case Kind.Required():
            yield Fault((*path, kind.property), "This field is required", names_value=False)
        case Kind.AdditionalProperties() | Kind.UnevaluatedProperties():
            for name in kind.unexpected:
                yield Fault((*path, name), "Unknown field", names_value=False)
        case Kind.AnyOf() | Kind.OneOfNotValid():
            yield from _faults_of_alternatives(path, kind.context)
        case _:
            yield Fault(path, _message(error))


def _faults_of_alternatives(
    path: tuple[str | int, ...], alternatives: Sequence[Sequence[ValidationError]]
) -> Iterator[Fault]:
    """The faults of the alternative that was probably meant; otherwise the types that are allowed."""
    mismatches = [
        next((each for each in errors if _is_type(each) and tuple(each.instance_path) == path), None)
        for errors in alternatives
    ]
    meant = [errors for errors, mismatch in zip(alternatives, mismatches, strict=True) if mismatch is None]
    if not meant:
        names = [name for mismatch in mismatches if mismatch is not None for name in _types(mismatch)]
        yield Fault(path, _must_be([name for name in dict.fromkeys(names) if name != "null"]))
        return
    tags = [_tag(errors, path) for errors in meant]
    if tags.count(None) == 1:  # of several kinds of object, the one that the value names
        meant = [meant[tags.index(None)]]
    elif wrong := [tag for tag in tags if tag is not None]:
        options = [_quoted(tag.kind.expected_value) for tag in wrong]
        yield Fault(tuple(wrong[0].instance_path), f"Must be one of {', '.join(options)}")
        return
    found = [[fault for error in errors for fault in faults_of(error)] for errors in meant]
    if common := [fault for fault in found[0] if all(fault in each for each in found)]:
        yield from common
    else:
        messages = dict.fromkeys(fault.message for faults in found for fault in faults)
        yield Fault(path, " or: ".join(messages))


def _tag(errors: Sequence[ValidationError], path: tuple[str | int, ...]) -> Any:
    """The error about a field of the value that names its kind, if there is one."""
    return next(
        (
            error
            for error in errors
            if isinstance(error.kind, Kind.Constant) and len(error.instance_path) == len(path) + 1
        ),
        None,
    )


def _is_type(error: ValidationError) -> bool:
    return isinstance(error.kind, Kind.Type)


def _types(error: ValidationError) -> list[str]:
    """The types that a value of another type should have had."""
    kind: Any = error.kind
    return [_TYPES.get(name, f"an {name}") for name in kind.types]


def _must_be(names: Sequence[str]) -> str:
    return "Input should be an object" if list(names) == ["an object"] else f"Must be {' or '.join(names)}"


def _message(error: ValidationError) -> str:
    """A message that a form can show."""
    kind: Any = error.kind
    match kind:
        case Kind.Type():
            return _must_be(_types(error))
        case Kind.MinLength(limit=1) | Kind.MinItems(limit=1):
            return "Must not be empty"
        case Kind.Format():
            return (
                f"Must be {FORMATS[kind.format][1] if kind.format in FORMATS else f'a valid {kind.format}'}"
            )
        case Kind.Enum():
            return f"Must be one of {', '.join(map(_quoted, kind.options))}"
        case Kind.Constant():
            return f"Must be {_quoted(kind.expected_value)}"
    # The error's own message may quote the whole value.
    template = _MESSAGES.get(type(kind), "Is not allowed by the task type's schema")
    return template.format(**{name: _number(value) for name, value in kind.as_dict().items()})


def _number(limit: Any) -> str:
    return str(int(limit)) if isinstance(limit, float) and limit.is_integer() else str(limit)


def _quoted(value: Any) -> str:
    return to_json(value).decode()
