"""Decodes all JSON from outside: request bodies, frames of the client protocol, signals; pure."""

import math
from typing import Any

from pydantic_core import from_json


def decode(text: str | bytes) -> Any:
    """Return the value of a JSON document (RFC 8259) that can be stored and encoded again anywhere.

    Refuses ``NaN``, numbers too large for a float, integers of more than 4,300 digits, more than about
    200 levels of nesting, lone surrogates, and bytes that are not UTF-8. If a key is repeated, its last
    value counts, as in JavaScript.

    Raises:
        ValueError: the document is refused; the message says why.
    """
    try:
        value = from_json(text, allow_inf_nan=False)
    except TypeError:
        raise ValueError("the text holds a lone surrogate") from None
    if not _is_finite(value):
        raise ValueError("a number is too large for a float")
    return value


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, list) or all(map(_is_finite, value))
