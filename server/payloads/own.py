"""Checks what a schema says about a value itself, but not about what the value contains."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator
from jsonschema_rs import ValidationErrorKind as Kind

from herald.server.payloads.faults import Fault, faults_of
from herald.server.payloads.formats import compiled

_WALKED = {"$ref", "$defs", "allOf", "anyOf", "oneOf", "prefixItems", "items", "properties"}
"""The keywords that apply other schemas to the value, or to what it contains."""
_ABOUT_SIZE_AND_NAMES = {
    *("type", "required", "additionalProperties", "minItems", "maxItems", "minProperties", "maxProperties"),
    *("title", "description", "default", "examples", "deprecated", "discriminator"),
}
"""The keywords that can be checked without looking into an object or a list."""


class OwnKeywords:
    """The validators of each part of a schema, without the parts within it.

    Raises:
        jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError: the whole is not a valid schema.
    """

    def __init__(self, whole: Mapping[str, Any]) -> None:
        compiled(dict(whole))
        self._definitions = whole.get("$defs", {})
        self._validators: dict[int, tuple[Draft202012Validator, bool]] = {}

    def faults(self, value: Any, part: Mapping[str, Any]) -> list[Fault]:
        """The faults of a value by a part of the schema; a fault's path is empty or the name of a field."""
        if id(part) not in self._validators:
            self._validators[id(part)] = self._compiled(part)
        validator, is_shallow = self._validators[id(part)]
        if is_shallow and isinstance(value, dict):
            value = dict.fromkeys(value)
        elif is_shallow and isinstance(value, list):
            value = [None] * len(value)
        if validator.is_valid(value):
            return []
        errors = sorted(validator.iter_errors(value), key=lambda error: not isinstance(error.kind, Kind.Enum))
        return [fault for error in errors for fault in faults_of(error)]

    def _compiled(self, part: Mapping[str, Any]) -> tuple[Draft202012Validator, bool]:
        """The validator, and whether it only needs the names of an object, and the length of a list."""
        own = {name: value for name, value in part.items() if name not in _WALKED}
        if isinstance(own.get("additionalProperties"), dict) and "patternProperties" not in own:
            del own["additionalProperties"]
        if {"additionalProperties", "unevaluatedProperties"} & own.keys():
            own["properties"] = dict.fromkeys(part.get("properties", ()), True)
        if '"$ref"' in json.dumps(own):
            own["$defs"] = self._definitions
        return compiled(own), own.keys() <= {*_ABOUT_SIZE_AND_NAMES, "properties"}
