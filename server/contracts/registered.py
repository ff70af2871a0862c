"""Makes contracts of the registered task types, and keeps them until the types change."""

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from starlette.requests import Request

from herald.server.dependencies import dependencies_of
from herald.server.http.requests import principal_if_any
from herald.server.task_types import RegisteredType

MAX_KEPT = 16
"""How many versions of a contract are kept: one for each set of types that some token may start."""
DEFINITIONS = "#/$defs/"

Types = Sequence[RegisteredType]
ContractT = TypeVar("ContractT")


def kept(make: Callable[[Types], ContractT]) -> Callable[[Types], ContractT]:
    """Make a contract once for the same forms of the same types."""
    made: dict[tuple[tuple[str, str], ...], ContractT] = {}

    @wraps(make)
    def contract(types: Types = ()) -> ContractT:
        key = tuple((each.record.type, each.record.digest) for each in types)
        if key not in made:
            if len(made) >= MAX_KEPT:
                made.clear()
            made[key] = make(types)
        return made[key]

    return contract


async def startable_types(request: Request) -> Types:
    """The task types that the request's token may start; without one, those that every user may start.

    Raises:
        Problem: 401; there is a token, but not a valid one.
    """
    return dependencies_of(request).task_types.startable_by(await principal_if_any(request))


def add_components(components: dict[str, Any], name: str, schema: dict[str, Any], ref: str) -> str:
    """Add a standalone schema to the components of a contract, with its definitions; returns its name there.

    Args:
        components: the components, by name.
        name: the preferred name of the schema. It also begins the names of definitions that are taken.
        schema: a JSON Schema.
        ref: the template of a reference, with ``{model}`` for the name.
    """
    definitions = schema.get("$defs", {})
    whole = {key: value for key, value in schema.items() if key != "$defs"}
    named = {each: component_name(each) for each in definitions}

    def pointing(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: pointing(item) for key, item in value.items()}
        if isinstance(value, list):
            return [pointing(item) for item in value]
        if isinstance(value, str) and value.startswith(DEFINITIONS):
            defined = value.removeprefix(DEFINITIONS)
            return ref.format(model=named[defined]) if defined in named else value
        return value

    if any(components.get(named[each], new) != new for each, new in pointing(definitions).items()):
        named = {each: f"{name}{component_name(each)}" for each in definitions}
    components.update({named[each]: pointing(definition) for each, definition in definitions.items()})
    whole = pointing(whole)
    while components.get(name, whole) != whole:
        name += "_"
    components[name] = whole
    return name


def component_name(text: str) -> str:
    """Text as the name of a component, such as ``Page_int_``."""
    return re.sub(r"\W", "_", text, flags=re.ASCII)
