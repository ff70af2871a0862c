"""What a worker announces about a task type: its schemas, options and digest."""

import hashlib
import json
import string
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import AliasChoices, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.task_type import TaskType
from herald.shared.tasks.models import now
from herald.shared.tasks.records import STRIP, TaskTypeRecord, TypeOptions

DIGEST_LENGTH = 16
_NOT_IN_DIGEST = {"app", "digest", "announced_at"}
_TIME_LIMITS = {
    "le": "formatMaximum",
    "lt": "formatExclusiveMaximum",
    "ge": "formatMinimum",
    "gt": "formatExclusiveMinimum",
}
"""JSON Schema has no limits for dates and times; these are the names that Ajv gives them."""


class _Schema(GenerateJsonSchema):
    """Pydantic's JSON Schema, with what it leaves out and the server has to know."""

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        """A string; whether pydantic strips it is announced, because the server has to do so first."""
        described = super().str_schema(schema)
        if schema.get("strip_whitespace", self._config.str_strip_whitespace):
            described[STRIP] = True
        return described

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        """A date, with its limits."""
        return super().date_schema(schema) | _limits(schema)

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        """A time of a day, with its limits."""
        return super().datetime_schema(schema) | _limits(schema)


def record_of(task_type: TaskType[Any, Any, Any], app: str) -> TaskTypeRecord:
    """The record under which a worker announces a task type of the application ``app``.

    Raises:
        MisuseError: the payload or the result has no JSON Schema, or one that refers to another document.
    """
    options = task_type.options
    record = TaskTypeRecord(
        type=task_type.name,
        title=None
        if options.title is None
        else _with_wire_names(options.title, task_type.payload.model_fields),
        description=options.description,
        payload_schema=_schema(task_type, "payload", task_type.payload, "validation"),
        result_schema=_schema(task_type, "result", task_type.result, "serialization"),
        steps=options.steps,
        options=TypeOptions(
            retries=options.retries,
            timeout=options.timeout,
            deadline=options.deadline,
            priority=options.priority,
            start=options.start,
            concurrency=options.concurrency,
            per_user=options.per_user,
        ),
        storage=task_type.storage,
        app=app,
        version=options.version,
        digest="",
        announced_at=now(),
    )
    return record.model_copy(update={"digest": _digest(record)})


def _digest(record: TaskTypeRecord) -> str:
    content = record.model_dump(mode="json", by_alias=True, exclude=_NOT_IN_DIGEST)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_LENGTH]


def _schema(
    task_type: TaskType[Any, Any, Any], role: str, annotation: Any, mode: JsonSchemaMode
) -> dict[str, Any]:
    try:
        schema = TypeAdapter(annotation).json_schema(by_alias=True, mode=mode, schema_generator=_Schema)
    except PydanticUserError as error:
        reason = str(error).partition("\n")[0]
        raise MisuseError(f"{task_type.name}: its {role} has no JSON Schema: {reason}") from None
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise MisuseError(
                f"{task_type.name}: the schema of its {role} refers to {reference!r}; "
                "only references within the schema are allowed"
            )
    return schema


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for name in ("$ref", "$dynamicRef"):
            if isinstance(schema.get(name), str):
                yield schema[name]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _limits(schema: Mapping[str, Any]) -> dict[str, str]:
    return {name: schema[limit].isoformat() for limit, name in _TIME_LIMITS.items() if limit in schema}


def _with_wire_names(title: str, fields: Mapping[str, FieldInfo]) -> str:
    """A title's template, with the fields' names on the wire in place of their names in Python."""
    parts = []
    for literal, field, _, _ in string.Formatter().parse(title):
        parts.append(literal.replace("{", "{{").replace("}", "}}"))
        if field is not None:
            parts.append(f"{{{_wire_name(field, fields[field])}}}")
    return "".join(parts)


def _wire_name(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias or field.alias
    if isinstance(alias, AliasChoices):
        alias = next((choice for choice in alias.choices if isinstance(choice, str)), None)
    return alias if isinstance(alias, str) else name
