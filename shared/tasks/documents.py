"""Reads MongoDB's documents as models. One that cannot be read is counted, logged, and in no other's way."""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from herald.shared.observability import metrics
from herald.shared.tasks.models import Model, PublicTask

log = logging.getLogger(__name__)

ModelT = TypeVar("ModelT", bound=Model)

LOG_AGAIN_S = 600.0
"""A document that still cannot be read is logged again after this many seconds."""
_MAX_REMEMBERED = 1000
_logged: dict[str, float] = {}


class UnreadableError(Exception):
    """A stored document is not in a form that this version of Herald can read."""


class Page(NamedTuple):
    """Some tasks of many."""

    tasks: list[PublicTask]
    after: str | None = None
    """A cursor: tasks that were left out have lesser ids. None: nothing was left out."""

    def first(self, count: int) -> "Page":
        """The first ``count`` of the tasks, with a cursor to the others."""
        left_out = self.tasks[count:]
        if not left_out:
            return self
        cursor = _above(max(task.task_id for task in left_out))
        return Page(self.tasks[:count], max(self.after or "", cursor))


def _above(task_id: str) -> str:
    """A cursor whose list begins with the task ``task_id``, since a list goes on below its cursor.

    It is as long as the id: the embedded MongoDB-wire server's descending indexes misplace longer ones.
    """
    return task_id[:-1] + chr(ord(task_id[-1:] or " ") + 1)


def read(model: type[ModelT], document: Mapping[str, Any]) -> ModelT:
    """``document`` as a ``model``.

    Raises:
        UnreadableError: a required field is missing or a field has the wrong type; the message says which.
    """
    try:
        found = model.model_validate(document)
        # A compare-and-set on a version that is not stored as it was read would never match.
        if not isinstance(found, PublicTask) or document.get("rev") == found.rev:
            return found
        fault = "rev: it is missing, or not a number"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        fault = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    metrics.UNREADABLE.inc()
    name = str(document.get("taskId"))
    message = f"the document of task {name} cannot be read by this version of Herald: {fault}"
    _log_now_and_then(name, message)
    raise UnreadableError(message)


def readable(model: type[ModelT], documents: Iterable[Mapping[str, Any]]) -> list[ModelT]:
    """The documents as models, without those that cannot be read."""
    found = []
    for document in documents:
        try:
            found.append(read(model, document))
        except UnreadableError:
            continue
    return found


def _log_now_and_then(name: str, message: str) -> None:
    at = time.monotonic()
    if at - _logged.get(name, -LOG_AGAIN_S) < LOG_AGAIN_S:
        return
    if len(_logged) >= _MAX_REMEMBERED:
        _logged.clear()
    _logged[name] = at
    log.warning(message, extra={"about": {"taskId": name}})
