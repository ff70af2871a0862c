"""Task types as workers announce them and the server reads them: names, schemas and options; pure data."""

import string
from collections.abc import Mapping
from typing import Any

from herald.shared.tasks.models import Model, Priority, Timestamp

STRIP = "x-strip"
"""A keyword of our own in a payload's schema: the white space around this string does not count."""
MAX_TITLE = 120
"""Maximum length of a task's title, in characters."""


class TypeOptions(Model):
    """The options of a task type that the server and the queue need."""

    retries: int = 3
    timeout: float = 600
    """How long one attempt may take, in seconds."""
    deadline: float | None = None
    """How long after it was queued a task may end, in seconds."""
    priority: Priority = Priority.NORMAL
    start: str = "users"
    """Who may start tasks: ``users``, ``service``, or the name of another scope."""
    concurrency: int | None = None
    """How many tasks of the type may run at once, over all workers."""
    per_user: int | None = None
    """How many of them may run at once for one user."""


class Storage(Model):
    """Where the results of a task type are stored, if not in the collection ``results``."""

    collection: str
    id_field: str
    """The field with the id of a result document."""
    each: str | None = None
    """The field of the result with a list whose items are stored as documents of their own."""


class TaskTypeRecord(Model):
    """A task type as a worker announces it; stored in ``taskTypes`` under its type and digest."""

    type: str
    title: str | None = None
    """The template of a task's title, such as ``{headline}``."""
    description: str | None = None
    payload_schema: dict[str, Any]
    result_schema: dict[str, Any]
    steps: tuple[str, ...] = ()
    """The declared names of the steps, in order."""
    options: TypeOptions = TypeOptions()
    storage: Storage | None = None
    app: str
    """The application that the type belongs to."""
    version: int = 0
    digest: str
    """Identifies this form of the type: a hash of all fields except ``app`` and ``announced_at``."""
    announced_at: Timestamp
    """When this digest was first announced."""

    @property
    def rank(self) -> tuple[int, Timestamp]:
        """Of several forms of a type, the one with the greatest rank is current."""
        return (self.version, self.announced_at)


class ListedType(Model):
    """A task type as clients see it, in ``GET /api/taskTypes``."""

    type: str
    title: str | None = None
    """The template of a task's title; `{name}` stands for a field of the payload."""
    description: str | None = None
    payload_schema: dict[str, Any]
    result_schema: dict[str, Any]
    steps: tuple[str, ...]
    """The names of the steps, if the type declares them."""
    app: str
    """The application that the type belongs to."""
    version: int
    digest: str
    """Identifies this form of the type."""
    announced_at: Timestamp
    online: bool
    """Whether any worker runs the type. Tasks of a type that is not online are accepted, and wait."""
    workers: int
    """How many workers run it."""


class RegistrationProblem(Model):
    """Why a worker does not run a task type that it has loaded."""

    type: str
    app: str
    """The application whose worker was refused."""
    message: str
    at: Timestamp


def title_from(template: str | None, payload: Mapping[str, Any]) -> str | None:
    """The title of a task, on one line of at most `MAX_TITLE` characters; None if it has none.

    Args:
        template: ``{name}`` stands for a field of the payload; format specifications are ignored.
        payload: the payload as JSON values, by the names that the template uses.
    """
    if template is None:
        return None
    parts = (
        literal + ("" if name is None else _text(payload.get(name)))
        for literal, name, _, _ in string.Formatter().parse(template)
    )
    title = " ".join("".join(parts).split())
    return (title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1] + "…") or None


def _text(value: Any) -> str:
    """A field of the payload as a title shows it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
