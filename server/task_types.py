"""The task types that the web process knows: those that workers have announced, and which are online."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

from jsonschema_rs import ReferencingError, ValidationError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from herald.server.auth.permissions import may_start
from herald.server.auth.principal import Principal
from herald.server.hub.hub import Hub
from herald.server.payloads.schema import PayloadSchema
from herald.shared.aio import cancel_and_wait
from herald.shared.queue.heartbeats import TYPES_SIGNAL, Heartbeats
from herald.shared.tasks.records import Storage, TaskTypeRecord, title_from
from herald.shared.tasks.store import Store

log = logging.getLogger(__name__)

RELOAD_EVERY_S = 15.0


class RegisteredType(NamedTuple):
    """The current form of a task type, with its compiled schema."""

    record: TaskTypeRecord
    payload: PayloadSchema
    workers: int
    """How many online workers run the type, in any form."""

    @property
    def online(self) -> bool:
        """Whether any worker runs the type."""
        return self.workers > 0

    def title_of(self, payload: Mapping[str, Any]) -> str | None:
        """The title of a task with this payload; see `title_from`."""
        return title_from(self.record.title, payload)


class TaskTypes:
    """The registered task types, in memory.

    They are read again after each signal of a worker, and every `RELOAD_EVERY_S` in case one was missed.
    While MongoDB or Redis is down, the last known ones stay in force.
    """

    def __init__(self, store: Store, heartbeats: Heartbeats) -> None:
        self._store = store
        self._heartbeats = heartbeats
        self._types: dict[str, RegisteredType] = {}
        self._compiled: dict[tuple[str, str], PayloadSchema | None] = {}
        self._workers: Mapping[str, int] = {}
        self._changed = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, hub: Hub, store: Store, heartbeats: Heartbeats) -> AsyncIterator["TaskTypes"]:
        """The task types, kept up to date until the block ends.

        Raises:
            pymongo.errors.PyMongoError: they cannot be read.
        """
        types = cls(store, heartbeats)
        hub.on_signal(TYPES_SIGNAL, lambda _: types._changed.set())
        await types.load()
        reloading = asyncio.create_task(types._keep_reloading(), name="task types")
        try:
            yield types
        finally:
            await cancel_and_wait(reloading)

    def all(self) -> list[RegisteredType]:
        """All registered types, by name."""
        return list(self._types.values())

    def get(self, name: str) -> RegisteredType | None:
        """The registered type of this name."""
        return self._types.get(name)

    def startable_by(self, principal: Principal | None) -> list[RegisteredType]:
        """The types that a principal may start; without one, those that every user may start."""
        return [each for each in self.all() if may_start(principal, each.record.options.start)]

    def storage(self, collection: str) -> Storage | None:
        """How results are stored in a collection of a type's own."""
        storages = (each.record.storage for each in self._types.values())
        return next((each for each in storages if each is not None and each.collection == collection), None)

    async def load(self) -> None:
        """Read the types and who is online.

        Raises:
            pymongo.errors.PyMongoError: MongoDB cannot be reached; the known types stay in force.
        """
        try:
            reports = (await self._heartbeats.workers()).values()
            self._workers = Counter(name for report in reports for name in report.get("types", ()))
        except (RedisError, OSError) as error:
            log.warning("could not read which task types are online: %s", error)
        current = {record.type: record for record in await self._store.task_types.all()}  # by ascending rank
        types = {}
        for name, record in sorted(current.items()):
            payload = self._schema_of(record)
            if payload is not None:
                types[name] = RegisteredType(record, payload, self._workers.get(name, 0))
        self._types = types

    def _schema_of(self, record: TaskTypeRecord) -> PayloadSchema | None:
        key = (record.type, record.digest)
        if key not in self._compiled:
            try:
                self._compiled[key] = PayloadSchema(record.payload_schema)
            except (ValidationError, ReferencingError, ValueError):
                log.exception("the payload schema of task type %s is not valid", record.type)
                self._compiled[key] = None
        return self._compiled[key]

    async def _keep_reloading(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RELOAD_EVERY_S):
                    await self._changed.wait()
            self._changed.clear()
            try:
                await self.load()
            except (PyMongoError, OSError) as error:
                log.warning("could not read the task types: %s", error)
