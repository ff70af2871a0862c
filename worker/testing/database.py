"""A database in memory with the few calls of MongoDB's driver that running a task needs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import bson
from bson.codec_options import CodecOptions
from pymongo.errors import DuplicateKeyError

_UNIQUE = {"tasks": ("taskId",), "checkpoints": ("taskId", "step")}
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


class Written(NamedTuple):
    """The outcome of an update."""

    matched_count: int


class Cursor:
    """The documents that a query has found."""

    def __init__(self, found: Iterable[dict[str, Any]]) -> None:
        self._found = list(found)

    def sort(self, field: str, direction: int) -> "Cursor":
        """The same documents in the order of a field."""
        return Cursor(sorted(self._found, key=lambda each: each[field], reverse=direction < 0))

    async def to_list(self, length: int | None) -> list[dict[str, Any]]:
        """The documents, at most ``length``."""
        return self._found[:length]


class Collection:
    """A collection of documents, each kept as BSON, as MongoDB would."""

    def __init__(self, name: str) -> None:
        self._unique = _UNIQUE.get(name, ("_id",))
        self._documents: dict[tuple[Any, ...], bytes] = {}

    async def insert_one(self, document: Mapping[str, Any]) -> None:
        """Insert a document.

        Raises:
            pymongo.errors.DuplicateKeyError: there is one with the same unique fields.
        """
        if self._key(document) in self._documents:
            raise DuplicateKeyError(f"there is a document with the same {', '.join(self._unique)}")
        self._put(document)

    async def replace_one(
        self, query: Mapping[str, Any], document: Mapping[str, Any], *, upsert: bool = False
    ) -> Written:
        """Replace the document that matches, or insert it."""
        found = self._matching(query)[:1]
        if found or upsert:
            self._put(document)
        return Written(len(found))

    async def update_one(self, query: Mapping[str, Any], update: Mapping[str, Mapping[str, Any]]) -> Written:
        """Update the first document that matches."""
        found = self._matching(query)[:1]
        for document in found:
            self._put(_updated(document, update))
        return Written(len(found))

    async def find_one(
        self, query: Mapping[str, Any], projection: Mapping[str, int] | None = None
    ) -> dict[str, Any] | None:
        """The first document that matches; None if there is none."""
        return next(iter(self._projected(query, projection)), None)

    def find(self, query: Mapping[str, Any], projection: Mapping[str, int] | None = None) -> Cursor:
        """The documents that match."""
        return Cursor(self._projected(query, projection))

    async def delete_many(self, query: Mapping[str, Any]) -> None:
        """Delete the documents that match."""
        for document in self._matching(query):
            del self._documents[self._key(document)]

    def _projected(
        self, query: Mapping[str, Any], projection: Mapping[str, int] | None
    ) -> list[dict[str, Any]]:
        """The documents that match; a projection only leaves out their ``_id``, if it says so."""
        left_out = {"_id"} if projection is not None and projection.get("_id") == 0 else set()
        return [
            {field: value for field, value in document.items() if field not in left_out}
            for document in self._matching(query)
        ]

    def _key(self, document: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(document[field] for field in self._unique)

    def _put(self, document: Mapping[str, Any]) -> None:
        self._documents[self._key(document)] = bson.encode(document)

    def _matching(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        if set(query) >= set(self._unique) and all(isinstance(query[each], str) for each in self._unique):
            kept = self._documents.get(self._key(query))
            candidates: Iterable[bytes] = [kept] if kept is not None else []
        else:
            candidates = self._documents.values()
        documents = (bson.decode(kept, _OPTIONS) for kept in candidates)
        return [document for document in documents if _matches(document, query)]


class MemoryDatabase:
    """A database for `herald.shared.tasks.store.Store`."""

    def __init__(self) -> None:
        self._collections: dict[str, Collection] = {}

    def __getitem__(self, name: str) -> Collection:
        return self._collections.setdefault(name, Collection(name))


def _matches(document: Mapping[str, Any], query: Mapping[str, Any]) -> bool:
    return all(_matches_field(document.get(field), wanted) for field, wanted in query.items())


def _matches_field(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    if set(wanted) != {"$in"}:
        raise NotImplementedError(f"the database in memory cannot query {wanted}")
    return value in wanted["$in"]


def _updated(document: dict[str, Any], update: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    for operator, changes in update.items():
        for field, change in changes.items():
            match operator:
                case "$set":
                    document[field] = change
                case "$unset":
                    document.pop(field, None)
                case "$inc":
                    document[field] = document.get(field, 0) + change
                case "$push":
                    document[field] = _pushed(document.get(field, []), change)
                case _:
                    raise NotImplementedError(f"the database in memory cannot update with {operator}")
    return document


def _pushed(before: Sequence[Any], change: Mapping[str, Any]) -> list[Any]:
    return [*before, *change["$each"]][change["$slice"] :]
