"""Writes TypeScript for task types from the JSON Schemas of their payloads and results; no I/O."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Role = Literal["Payload", "Result"]

PACKAGE = "@herald-push/client"
_HEADER = "// Written by `herald types`. Run it again when a task type has changed.\n"
_MAP = "HeraldTypes"
_DEFS = "#/$defs/"
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_ROOT = "#"
_SIMPLE = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


_Names = dict[tuple[str, Role, str], str]
"""The names of definitions, by task type, role and key."""
_NameOf = Callable[[str], str]
"""The name of a definition, by the part of ``$ref`` that identifies it."""


@dataclass(frozen=True)
class _Definition:
    """A schema that gets a name: a payload or a result that is an object, or one of their ``$defs``."""

    type: str
    role: Role
    key: str
    """Its key in ``$defs``; ``_ROOT`` for the payload or the result itself."""
    name: str
    schema: Mapping[str, Any]
    content: str
    """Its schema and all that it refers to: two definitions with the same content are the same."""


def typescript(task_types: Sequence[Mapping[str, Any]]) -> str:
    """A TypeScript module with the payload and the result of each task type.

    Args:
        task_types: as in the response of ``GET /api/taskTypes``.
    """
    definitions = [each for task_type in task_types for each in _definitions_of(task_type)]
    names = _names(definitions)
    declarations: dict[str, str] = {}
    for each in definitions:
        name_of = _names_within(names, each.type, each.role)
        declarations.setdefault(name_of(each.key), _declaration(each, name_of))
    entries = [_entry(each, names) for each in sorted(task_types, key=lambda each: str(each["type"]))]
    map_of_types = f"export interface {_MAP} {{\n{_indented(entries)}}}\n"
    register = f"  interface Register {{\n    types: {_MAP};\n  }}\n"
    augmentation = f"declare module {json.dumps(PACKAGE)} {{\n{register}}}\n"
    return "\n".join(
        [_HEADER, map_of_types, *(declarations[name] for name in sorted(declarations)), augmentation]
    )


def _entry(task_type: Mapping[str, Any], names: _Names) -> str:
    """A task type's property in the map of types."""
    parts = []
    for role, schema in _schemas(task_type):
        name_of = _names_within(names, task_type["type"], role)
        is_named = (task_type["type"], role, _ROOT) in names
        parts.append(f"{role.lower()}: {name_of(_ROOT) if is_named else _expression(schema, name_of)}")
    entry = f"{_property(task_type['type'])}: {{ {'; '.join(parts)} }};"
    return _documented(entry, [task_type.get("description")])


def _schemas(task_type: Mapping[str, Any]) -> Iterator[tuple[Role, Mapping[str, Any]]]:
    yield "Payload", task_type["payloadSchema"]
    yield "Result", task_type["resultSchema"]


def _definitions_of(task_type: Mapping[str, Any]) -> Iterator[_Definition]:
    type_name = task_type["type"]
    for role, schema in _schemas(task_type):
        defs = schema.get("$defs", {})
        if "properties" in schema:
            name = _pascal(schema.get("title") or f"{_prefix(type_name)}{role}")
            yield _Definition(type_name, role, _ROOT, name, schema, _content(schema, schema))
        for key, each in defs.items():
            yield _Definition(type_name, role, key, _pascal(key), each, _content(each, schema))


def _content(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A schema without its ``$defs``, and all definitions that it refers to, as canonical JSON."""
    own = {name: value for name, value in schema.items() if name != "$defs"}
    found: dict[str, Any] = {}
    waiting = [own]
    while waiting:
        for key in _references(waiting.pop()):
            if key not in found:
                found[key] = root.get("$defs", {}).get(key, {}) if key != _ROOT else None
                waiting.append(found[key])
    return json.dumps([own, found], sort_keys=True)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(_DEFS)
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _names(definitions: Sequence[_Definition]) -> _Names:
    """A name for each definition: its own, with its task type before it if others have the same name."""
    naming: list[Callable[[_Definition], str]] = [
        lambda each: each.name,
        lambda each: f"{_prefix(each.type)}{each.name}",
        lambda each: f"{_prefix(each.type)}{each.role}{each.name}",
    ]
    names: _Names = {}
    contents = {_MAP: "", "Register": ""}
    """The content behind each name that is taken."""
    remaining = list(definitions)
    for make in naming:
        same: dict[str, set[str]] = {}
        for each in remaining:
            same.setdefault(make(each), set()).add(each.content)
        unclear = []
        for each in remaining:
            name = make(each)
            if len(same[name]) == 1 and contents.get(name, each.content) == each.content:
                names[each.type, each.role, each.key] = name
                contents[name] = each.content
            else:
                unclear.append(each)
        remaining = unclear
    for each in remaining:
        name = next(
            name
            for number in range(2, len(definitions) + 3)
            if contents.get(name := f"{naming[-1](each)}{number}", each.content) == each.content
        )
        names[each.type, each.role, each.key] = name
        contents[name] = each.content
    return names


def _names_within(names: _Names, type_name: str, role: Role) -> _NameOf:
    return lambda key: names.get((type_name, role, key), "unknown")


def _declaration(definition: _Definition, name_of: _NameOf) -> str:
    name, schema = name_of(definition.key), definition.schema
    if not _is_object(schema) or "properties" not in schema:
        return _documented(f"export type {name} = {_expression(schema, name_of)};", _notes(schema))
    lines = [_documented(f"{line};", notes) for line, notes in _properties(schema, name_of)]
    body = f"{{\n{_indented(lines)}}}" if lines else "{}"
    return _documented(f"export interface {name} {body}", _notes(schema))


def _properties(schema: Mapping[str, Any], name_of: _NameOf) -> Iterator[tuple[str, list[str | None]]]:
    """The properties of an object, each with the lines of its comment."""
    for name, each in schema.get("properties", {}).items():
        optional = "" if name in schema.get("required", ()) else "?"
        yield f"{_property(name)}{optional}: {_expression(each, name_of)}", _notes(each)
    if schema.get("additionalProperties") and "properties" in schema:
        yield "[key: string]: unknown", []


def _expression(schema: Any, name_of: _NameOf) -> str:  # noqa: PLR0911  one branch per keyword
    """A schema as a TypeScript type."""
    if not isinstance(schema, Mapping):
        return "never" if schema is False else "unknown"
    if "$ref" in schema:
        return name_of(schema["$ref"].removeprefix(_DEFS))
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return _joined(map(_literal, schema["enum"]), " | ")
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return _joined((_expression(each, name_of) for each in schema[keyword]), " | ")
    if "allOf" in schema:
        return _joined((_grouped(_expression(each, name_of)) for each in schema["allOf"]), " & ")
    kind = schema.get("type")
    if isinstance(kind, list):
        return _joined((_expression({**schema, "type": each}, name_of) for each in kind), " | ")
    if _is_object(schema):
        return _object(schema, name_of)
    if kind == "array":
        return _array(schema, name_of)
    return _SIMPLE.get(str(kind), "unknown")


def _is_object(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" or "properties" in schema


def _object(schema: Mapping[str, Any], name_of: _NameOf) -> str:
    if "properties" in schema:
        inner = "; ".join(line for line, _ in _properties(schema, name_of))
        return f"{{ {inner} }}" if inner else "{}"
    values = list(schema.get("patternProperties", {}).values()) or [schema.get("additionalProperties", True)]
    value = _joined((_expression(each, name_of) for each in values), " | ")
    keys = _expression(schema["propertyNames"], name_of) if "propertyNames" in schema else "unknown"
    if keys in ("unknown", "string"):
        return f"{{ [key: string]: {value} }}"
    return f"{{ [key in {keys}]?: {value} }}"


def _array(schema: Mapping[str, Any], name_of: _NameOf) -> str:
    more = schema.get("items", True)
    if "prefixItems" not in schema:
        return f"{_grouped(_expression(more, name_of))}[]"
    required = schema.get("minItems", 0)
    items = [
        _expression(each, name_of) if index < required else f"({_expression(each, name_of)})?"
        for index, each in enumerate(schema["prefixItems"])
    ]
    if more is not False and schema.get("maxItems") != len(items):
        items.append(f"...{_grouped(_expression(more, name_of))}[]")
    return f"[{', '.join(items)}]"


def _joined(types: Iterable[str], operator: str) -> str:
    return operator.join(dict.fromkeys(types)) or "never"


def _grouped(expression: str) -> str:
    return f"({expression})" if " | " in expression or " & " in expression else expression


def _literal(value: Any) -> str:
    if isinstance(value, dict | list):
        return "unknown"
    return json.dumps(value, ensure_ascii=False)


def _property(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _pascal(name: str) -> str:
    """A name as TypeScript writes the names of types: ``write news`` as ``WriteNews``."""
    pascal = "".join(word[0].upper() + word[1:] for word in re.findall(r"[^\W_]+", name))
    return f"_{pascal}" if pascal[:1].isdigit() or not pascal else pascal


def _prefix(task_type: str) -> str:
    """A task type's name as the first part of a type's name: ``WRITE_NEWS`` as ``WriteNews``."""
    return _pascal(task_type.lower() if task_type.isupper() else task_type)


def _notes(schema: Any) -> list[str | None]:
    """The lines of a schema's comment: its description, its format and its default."""
    if not isinstance(schema, Mapping):
        return []
    kind = schema.get("format")
    default = schema.get("default")
    return [
        schema.get("description"),
        f"@format {kind}" if kind else None,
        f"@default {json.dumps(default, ensure_ascii=False)}" if default is not None else None,
    ]


def _documented(code: str, notes: Sequence[str | None]) -> str:
    lines = [line for note in notes if note for line in note.replace("*/", "*\\/").splitlines()]
    if not lines:
        return f"{code}\n"
    if len(lines) == 1:
        return f"/** {lines[0]} */\n{code}\n"
    comment = "\n".join(f" * {line}".rstrip() for line in lines)
    return f"/**\n{comment}\n */\n{code}\n"


def _indented(blocks: Iterable[str]) -> str:
    return "".join(f"  {line}\n" if line else "\n" for block in blocks for line in block.splitlines())
