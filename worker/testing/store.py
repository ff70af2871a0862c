"""A store in memory that remembers what a task has stored, and which checkpoints it has used."""

from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

from herald.shared.tasks.models import Task
from herald.shared.tasks.records import Storage
from herald.shared.tasks.results import Checkpoints, Results
from herald.shared.tasks.store import Store
from herald.worker.engine.checkpoints import escaped
from herald.worker.testing.database import MemoryDatabase
from herald.worker.testing.halt import Halt


class MemoryCheckpoints(Checkpoints):
    """Checkpoints in memory.

    Args:
        collection: where they are kept.
        crash_after: the name of the step whose first checkpoint is the last one of its attempt.
    """

    def __init__(self, collection: Any, crash_after: str | None) -> None:
        super().__init__(collection)
        self.crash_after = crash_after
        """None once the attempt has crashed."""
        self._attempts: dict[str, int] = {}
        self._used: set[str] = set()

    def begin_attempt(self, halt: Halt) -> None:
        """Forget which checkpoints the last attempt has used; ``halt`` ends the new one."""
        self._used.clear()
        self._halt = halt

    def unused(self, attempt: int) -> list[str]:
        """The names of steps with checkpoints from before ``attempt`` that have not been used."""
        used = {key.partition(":fail:")[0] for key in self._used}
        unused = (
            key
            for key, stored_in in self._attempts.items()
            if stored_in < attempt and key.partition(":fail:")[0] not in used and _parent(key) not in used
        )
        return list(dict.fromkeys(map(_step, unused)))

    async def read(self, task_id: str, keys: Collection[str]) -> dict[str, str]:
        """See `Checkpoints`."""
        found = await super().read(task_id, keys)
        self._used |= set(found)
        return found

    async def add(
        self, task_id: str, key: str, output: str, *, attempt: int, instead_of: str | None = None
    ) -> str:
        """See `Checkpoints`."""
        await self._halt.check()
        text = await super().add(task_id, key, output, attempt=attempt, instead_of=instead_of)
        self._attempts.setdefault(key, attempt)
        if (
            self.crash_after is not None
            and key.startswith(f"{escaped(self.crash_after)}:")
            and "/" not in key
        ):
            self.crash_after = None
            await self._halt.here()
        return text


class MemoryResults(Results):
    """Results in memory; ``value`` is the newest one, as JSON values."""

    value: Any = None

    async def save_result(self, task: Task, value: Any, storage: Storage | None) -> dict[str, Any]:
        """See `Results`."""
        self.value = value
        return await super().save_result(task, value, storage)


class MemoryStore(Store):
    """A store in memory."""

    def __init__(self, crash_after: str | None) -> None:
        database = MemoryDatabase()
        super().__init__(database)
        self.checkpoints: MemoryCheckpoints = MemoryCheckpoints(database["checkpoints"], crash_after)
        self.results: MemoryResults = MemoryResults(database)


def _parent(key: str) -> str | None:
    """The key of the step that the checkpoint ``key`` is stored beneath; None if it is a step's own."""
    step, slash, _ = key.partition("/")
    return step if slash else None


def _step(key: str) -> str:
    """The name of the step that a checkpoint belongs to."""
    return unquote(key.partition(":")[0])
