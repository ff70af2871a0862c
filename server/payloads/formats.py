"""Validators of JSON Schema that read dates and times the way pydantic does."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from jsonschema_rs import Draft202012Validator
from pydantic import TypeAdapter
from pydantic_core import to_json

from herald.shared.tasks.records import STRIP

FORMATS: dict[str, tuple[Any, str]] = {
    "date": (date, "a date such as 2027-01-31"),
    "date-time": (datetime, "a date and time such as 2027-01-31T12:00:00Z"),
    "time": (time, "a time such as 12:00:00"),
    "duration": (timedelta, "a duration such as PT90M"),
    "uuid": (UUID, "a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e"),
}
"""Formats that are checked the way pydantic reads them, and their names in errors."""


def _is_format(read: TypeAdapter[Any]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            read.validate_json(to_json(text), strict=True)
        except ValueError:
            return False
        return True

    return check


_READERS = {name: TypeAdapter(kind) for name, (kind, _) in FORMATS.items()}


class _TimeLimit:
    """``formatMaximum`` and the like: a limit of a date, or of a date and time."""

    words = ""

    def __init__(self, parent: dict[str, Any], limit: str, _: Any) -> None:
        self._limit = limit
        self._reader = _READERS[parent.get("format", "date")]

    def validate(self, instance: Any) -> None:
        """Raise ``ValueError`` if the instance is beyond the limit; its format is checked elsewhere."""
        try:
            value, limit = (
                self._reader.validate_json(to_json(text), strict=True) for text in (instance, self._limit)
            )
            within = self._within(value, limit)
        except (ValueError, TypeError):  # not a time, or one with a time zone and one without
            return
        if not within:
            raise ValueError(f"Must be {self.words} {self._limit}")

    def _within(self, value: Any, limit: Any) -> bool:
        raise NotImplementedError


class _Maximum(_TimeLimit):
    words = "at most"

    def _within(self, value: Any, limit: Any) -> bool:
        return bool(value <= limit)


class _ExclusiveMaximum(_TimeLimit):
    words = "less than"

    def _within(self, value: Any, limit: Any) -> bool:
        return bool(value < limit)


class _Minimum(_TimeLimit):
    words = "at least"

    def _within(self, value: Any, limit: Any) -> bool:
        return bool(value >= limit)


class _ExclusiveMinimum(_TimeLimit):
    words = "greater than"

    def _within(self, value: Any, limit: Any) -> bool:
        return bool(value > limit)


class _Stripped:
    """``x-strip``: a string that has been stripped."""

    def __init__(self, _: dict[str, Any], needed: Any, __: Any) -> None:
        self._needed = needed

    def validate(self, instance: Any) -> None:
        """Raise ``ValueError`` if the instance begins or ends with white space."""
        if self._needed and isinstance(instance, str) and instance != instance.strip():
            raise ValueError("Must not begin or end with white space")


def compiled(schema: dict[str, Any]) -> Draft202012Validator:
    """A validator of ``schema`` that knows our formats and the limits of times, and fetches nothing."""
    return Draft202012Validator(
        schema,
        validate_formats=True,
        formats={name: _is_format(reader) for name, reader in _READERS.items()},
        keywords={
            STRIP: _Stripped,
            "formatMaximum": _Maximum,
            "formatExclusiveMaximum": _ExclusiveMaximum,
            "formatMinimum": _Minimum,
            "formatExclusiveMinimum": _ExclusiveMinimum,
        },
        offline=True,
    )
