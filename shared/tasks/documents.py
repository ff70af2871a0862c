"""Reads MongoDB documents as models; a document that cannot be read is counted, logged and skipped."""

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
"""An unreadable document is logged at most once within this many seconds."""
_MAX_REMEMBERED = 1000
_logged: dict[str, float] = {}


class UnreadableError(Exception):
    """A stored document is in a form that this version of Herald cannot read."""


class Page(NamedTuple):
    """A page of tasks."""

    tasks: list[PublicTask]
    after: str | None = None
    """The cursor to the tasks that were left out, whose ids are all less than it; None if there are none."""

    def first(self, count: int) -> "Page":
        """The first ``count`` tasks, with a cursor to the others."""
        left_out = self.tasks[count:]
        if not left_out:
            return self
        cursor = _above(max(task.task_id for task in left_out))
        return Page(self.tasks[:count], max(self.after or "", cursor))


def _above(task_id: str) -> str:
    """A cursor just above ``task_id``, so that the list after the cursor starts with that task.

    It is as long as the id, because descending indexes of the embedded MongoDB-wire server misplace longer
    values.
    """
    return task_id[:-1] + chr(ord(task_id[-1:] or " ") + 1)


def read(model: type[ModelT], document: Mapping[str, Any]) -> ModelT:
    """``document`` as a ``model``.

    Raises:
        UnreadableError: a field is missing or has the wrong type; the message names the field.
    """
    try:
        found = model.model_validate(document)
        # A compare-and-set matches `rev` by its stored value, so text that reads as a number is not enough.
        if not isinstance(found, PublicTask) or document.get("rev") == found.rev:
            return found
        problem = "rev: missing or not a number"
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    metrics.UNREADABLE.inc()
    name = str(document.get("taskId"))
    message = f"this version of Herald cannot read the document of task {name}: {problem}"
    _log_rarely(name, message)
    raise UnreadableError(message)


def readable(model: type[ModelT], documents: Iterable[Mapping[str, Any]]) -> list[ModelT]:
    """The documents as models; those that cannot be read are skipped."""
    found = []
    for document in documents:
        try:
            found.append(read(model, document))
        except UnreadableError:
            continue
    return found


def _log_rarely(name: str, message: str) -> None:
    at = time.monotonic()
    if at - _logged.get(name, -LOG_AGAIN_S) < LOG_AGAIN_S:
        return
    if len(_logged) >= _MAX_REMEMBERED:
        _logged.clear()
    _logged[name] = at
    log.warning(message, extra={"about": {"taskId": name}})
