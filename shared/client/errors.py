"""What the client raises: one exception for each kind of error response, and for each way a task can end."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import httpx2

from herald.shared.tasks.models import PublicTask


class FieldError(NamedTuple):
    """One invalid field of a request."""

    pointer: str
    """Where the field is in the request's body, as a JSON pointer such as ``/payload/headline``."""
    detail: str


class HeraldError(Exception):
    """Herald rejected a request, or could not be reached; the base of everything that the client raises.

    Args:
        detail: what is wrong, and what to do about it.
        status: the status of the HTTP response; None if there was none.
        errors: the invalid fields, if Herald named any.
        retry_after: in how many seconds to try again, if Herald said so.
        task_status: the status of the task, if it is the reason for the error.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        task_status: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.task_status = task_status


class Unauthorized(HeraldError):  # noqa: N818  the names say what happened
    """The token is missing, invalid, expired or revoked."""


class Forbidden(HeraldError):  # noqa: N818
    """The token does not grant this."""


class NotFound(HeraldError):  # noqa: N818
    """There is no such task or result, or it belongs to somebody else."""


class Conflict(HeraldError):  # noqa: N818
    """The task's status does not allow this, or the idempotency key was used for a different request."""


class InvalidPayload(HeraldError):  # noqa: N818
    """Fields of the request are invalid, or the task type is unknown; ``errors`` names each field."""


class TooManyTasks(HeraldError):  # noqa: N818
    """The user has as many queued tasks as allowed; try again after ``retry_after`` seconds."""


class Unavailable(HeraldError):  # noqa: N818
    """Herald, or a service that it needs, does not respond."""


class TaskFailed(HeraldError):  # noqa: N818
    """The task has failed.

    ``message`` says why, for people; ``reason`` is the task's ``endReason``, for programs; ``task`` is its
    last state.
    """

    def __init__(self, task: PublicTask) -> None:
        self.message = task.last_error or f"The task is {task.status}"
        super().__init__(f"{task.type} {task.task_id} failed: {self.message}", task_status=task.status)
        self.task = task
        self.reason: str | None = task.end_reason

    def __reduce__(self) -> tuple[type["TaskFailed"], tuple[PublicTask]]:
        return type(self), (self.task,)


class TaskCancelled(HeraldError):  # noqa: N818
    """The task was cancelled; ``task`` is its last state."""

    def __init__(self, task: PublicTask) -> None:
        super().__init__(f"{task.type} {task.task_id} was cancelled", task_status=task.status)
        self.task = task

    def __reduce__(self) -> tuple[type["TaskCancelled"], tuple[PublicTask]]:
        return type(self), (self.task,)


_BY_STATUS: dict[int, type[HeraldError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: TooManyTasks,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_INVALID = 422


def error_of(response: httpx2.Response) -> HeraldError:
    """The exception for an error response: a problem of Herald (RFC 9457), or whatever a proxy sent."""
    try:
        body: Any = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        body = {"detail": f"{response.url.path} returned {response.status_code} without JSON"}
    errors = [FieldError(each["pointer"], each["detail"]) for each in body.get("errors") or ()]
    kind = _BY_STATUS.get(response.status_code, HeraldError)
    if response.status_code == _INVALID:
        kind = InvalidPayload if errors else Conflict
    retry_after = response.headers.get("retry-after", "")
    return kind(
        str(body.get("detail", body)),
        status=response.status_code,
        errors=errors,
        retry_after=float(retry_after) if retry_after.isdecimal() else None,
        task_status=body.get("taskStatus"),
    )
