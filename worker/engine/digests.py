"""Digests of the values that identify a checkpoint."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from herald.shared.task_api.errors import MisuseError
from herald.shared.task_api.prompt import Prompt
from herald.worker.engine.functions import Call, has_hidden_values, source_of

DIGEST_LENGTH = 16


def digest_of_call(step: str, call: Call, *, count_source: bool) -> str:
    """The digest of a call's arguments.

    Args:
        step: the step's name, for messages.
        call: the call.
        count_source: whether the source of the function counts as well.

    Raises:
        MisuseError: an argument has no JSON form, or the function depends on more than its arguments.
    """
    if has_hidden_values(call.fn):
        raise MisuseError(
            f"step {step!r}: a lambda or a closure needs key=…, because the values that it captures are not "
            "among its arguments; or use a function of the module, and pass it the values"
        )
    values = []
    for name, value in call.values():
        try:
            values.append(_plain(value))
        except (PydanticSerializationError, ValueError, TypeError):
            raise MisuseError(
                f"step {step!r}: the argument {name!r} ({type(value).__name__}) has no JSON form; pass "
                "key=…, or get it from ctx.state inside the step"
            ) from None
    return digest([values, source_of(call.fn)] if count_source else values)


def digest_of_prompt(prompt: Prompt[Any]) -> str:
    """The digest of what a prompt asks."""
    return digest([prompt.instructions, _plain(prompt.data), prompt.schema.__qualname__])


def digest(value: Any) -> str:
    """The digest of a JSON value."""
    return hashlib.sha256(_canonical(value).encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_LENGTH]


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """``value`` as JSON values. Sets are sorted, because their order differs between processes."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(by_alias=True, round_trip=True))
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(_plain, value), key=_canonical)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Iterator):  # reading it here would leave nothing for the step
        raise TypeError("an iterator has no JSON form")
    return to_jsonable_python(value, by_alias=True, bytes_mode="base64", inf_nan_mode="constants")
