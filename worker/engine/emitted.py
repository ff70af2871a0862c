"""Live data that a task's code emits: checked, published on the task's channel, and kept in the task."""

import json
import logging
import re
import threading
from typing import Any

import bson
from bson.errors import BSONError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from redis.exceptions import RedisError

from herald.shared.feed.feed import Feed
from herald.shared.task_api.errors import MisuseError
from herald.shared.tasks.channels import Channel
from herald.shared.tasks.events import TaskEmitted
from herald.shared.tasks.models import Task, now

log = logging.getLogger(__name__)

MAX_VALUE_BYTES = 16 * 1024
MAX_TOTAL_BYTES = 64 * 1024
MAX_NAMES = 20
MAX_DEPTH = 50
MAX_WAITING = 20
"""Beyond this many unpublished events, the newest of a name replaces the older ones."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Emitted:
    """The data that a task has emitted. `add` may be called on any thread, the rest on the event loop."""

    def __init__(self, feed: Feed, task: Task) -> None:
        self._feed = feed
        self._task_id, self._attempt = task.task_id, task.attempt
        self._newest: dict[str, Any] = dict(task.emitted or {})
        self._sizes = {name: len(_encoded(value)) for name, value in self._newest.items()}
        self._waiting: list[TaskEmitted] = []
        self._adding = threading.Lock()
        self.is_stored = True
        """Whether the newest data is stored in the task."""

    def add(self, name: str, data: Any) -> None:
        """Add the newest data of ``name``.

        Raises:
            MisuseError: the data has no JSON form or is too large, or there are too many names.
        """
        value, size = _checked(name, data)
        with self._adding:
            sizes = {**self._sizes, name: size}
            if len(sizes) > MAX_NAMES:
                raise MisuseError(f"emit({name!r}): a task may emit data under {MAX_NAMES} names at most")
            if sum(sizes.values()) > MAX_TOTAL_BYTES:
                raise MisuseError(
                    f"emit({name!r}): the newest data of all names may take {MAX_TOTAL_BYTES} bytes of JSON "
                    f"together; this would be {sum(sizes.values())}"
                )
            self._sizes = sizes
            self._newest = {**self._newest, name: value}
            if len(self._waiting) >= MAX_WAITING:
                self._waiting = [event for event in self._waiting if event.name != name]
            self._waiting.append(
                TaskEmitted(at=now(), task_id=self._task_id, attempt=self._attempt, name=name, data=value)
            )
            self.is_stored = False

    @property
    def are_waiting(self) -> bool:
        """Whether any data has not been published yet."""
        return bool(self._waiting)

    def newest(self) -> dict[str, Any] | None:
        """The newest data of each name; None if there is none."""
        return self._newest or None

    async def publish(self) -> None:
        """Publish what is waiting. If Redis is unreachable, a later call publishes it."""
        with self._adding:
            events, self._waiting = self._waiting, []
        if not events:
            return
        channel = str(Channel.task(self._task_id))
        try:
            await self._feed.publish([(channel, event.encode()) for event in events])
        except (RedisError, OSError) as error:
            log.warning("could not publish emitted data of task %s: %s", self._task_id, error)
            with self._adding:
                replaced = {event.name for event in self._waiting}
                kept = [event for event in events if event.name not in replaced]
                self._waiting = [*kept, *self._waiting]


def _checked(name: str, data: Any) -> tuple[Any, int]:
    """``data`` as a JSON value, and its size in bytes."""
    if not NAME.fullmatch(name):
        raise MisuseError(f"emit({name!r}): use up to 64 letters, digits, '_' and '-' as the name")
    try:
        value = to_jsonable_python(data, by_alias=True)
        _check_depth(value)
        size = len(_encoded(value))
        bson.encode({name: value})  # MongoDB stores no integers beyond 64 bits, for instance
    except (PydanticSerializationError, BSONError, ValueError, TypeError, OverflowError) as error:
        raise MisuseError(f"emit({name!r}): the data has no JSON form that can be stored: {error}") from None
    if size > MAX_VALUE_BYTES:
        raise MisuseError(
            f"emit({name!r}): the data may take {MAX_VALUE_BYTES} bytes of JSON; this is {size}"
        )
    return value, size


def _check_depth(value: Any, left: int = MAX_DEPTH) -> None:
    if not left:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_depth(each, left - 1)


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
