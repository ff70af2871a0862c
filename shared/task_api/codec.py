"""Encodes the results of steps and tasks as JSON text, and decodes them by their type."""

from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from herald.shared.task_api.errors import MisuseError

_CONFIG = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")


class UnreadableOutputError(Exception):
    """A stored result does not have the type that the code expects now."""


class Codec:
    """Encodes and decodes the values of one type.

    Args:
        whose: says whose results these are, for messages, such as ``step 'Writing'``.
        result: the type of the results.

    Raises:
        MisuseError: pydantic cannot handle the type.
    """

    def __init__(self, whose: str, result: Any) -> None:
        self._whose = whose
        try:
            self._adapter: TypeAdapter[Any] = adapter_of(result)
        except (PydanticUserError, TypeError) as error:
            problem = str(error).partition("\n")[0]
            raise MisuseError(
                f"{whose}: results of type {_name(result)} cannot be stored: {problem}"
            ) from None
        self._type = result

    def encode(self, value: Any, *, exclude_none: bool = False) -> str:
        """``value`` as JSON text that `decode` reads; with ``exclude_none``, without empty fields.

        Raises:
            MisuseError: it does not have the type, or no JSON form.
        """
        try:
            text = self._adapter.dump_json(
                value, by_alias=True, round_trip=True, exclude_none=exclude_none, warnings="error"
            ).decode()
            self._adapter.validate_json(text)
        except (PydanticSerializationError, ValidationError, ValueError) as error:
            problem = " ".join(str(error).removeprefix("Pydantic serializer warnings:").split())
            raise MisuseError(
                f"{self._whose} returned a value of type {type(value).__name__}, which cannot be stored as "
                f"{_name(self._type)}: {problem[:500]}"
            ) from None
        return text

    def decode(self, text: str) -> Any:
        """The value that `encode` wrote, perhaps in an earlier version of the code.

        Raises:
            UnreadableOutputError: it does not have the type.
        """
        try:
            return self._adapter.validate_json(text)
        except ValidationError as error:
            raise UnreadableOutputError(str(error)) from None


def adapter_of(result: Any) -> TypeAdapter[Any]:
    """Pydantic's adapter for a type, with the settings in which results are stored and sent."""
    try:
        return _cached_adapter(result)
    except TypeError:  # the type is not hashable
        return _new_adapter(result)


def _new_adapter(result: Any) -> TypeAdapter[Any]:
    try:
        return TypeAdapter(result, config=_CONFIG)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(result)


_cached_adapter = lru_cache(maxsize=512)(_new_adapter)


def _name(result: Any) -> str:
    return result.__name__ if isinstance(result, type) else str(result)
