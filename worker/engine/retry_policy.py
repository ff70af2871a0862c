"""Decides what a failure means for a task: the reason, whether a retry may help, and when it starts."""

import logging
import traceback
from collections.abc import Iterator
from itertools import pairwise, takewhile
from typing import NamedTuple

from herald.shared.task_api.backoff import Backoff
from herald.shared.task_api.errors import Fail, MisuseError, ModelError, Retry
from herald.shared.tasks.models import EndReason, HistoryEntry, Task, TaskStatus
from herald.worker.engine.payloads import InvalidPayloadError
from herald.worker.engine.step_context import StepTimeoutError
from herald.worker.engine.text import storable

log = logging.getLogger(__name__)

MAX_LOSSES = 4
"""How many workers in a row may be lost while running a task, before the task fails."""
MAX_TRACEBACK = 8 * 1024
MAX_MESSAGE = 2000
MAX_REASON = 64
MAX_DELAY_S = 30 * 24 * 3600.0
FAILED = "failed"
"""The end reason of a task whose code gave up, unless the code named one."""


class AttemptTimeoutError(Exception):
    """The attempt took longer than its task type allows."""

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"the attempt took longer than {timeout_s:g} s")


class Outcome(NamedTuple):
    """How an attempt failed."""

    message: str
    reason: str
    retryable: bool
    after_s: float | None = None
    """The delay before a retry, in seconds; None if the backoff decides."""
    no_sooner_s: float = 0.0
    """The shortest delay, in seconds, if the backoff decides."""
    traceback: str | None = None

    def delay_s(self, retry: int, backoff: Backoff) -> float:
        """The delay before retry number ``retry`` (from 1), in seconds."""
        if self.after_s is not None:
            return min(max(0.0, self.after_s), MAX_DELAY_S)
        return max(self.no_sooner_s, backoff.delay_s(retry))


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of an attempt that raised ``error``.

    The message of an unexpected exception is kept from users, because it may contain anything.
    """
    decisive = _decisive(error)
    expected = _expected_outcome(decisive)
    if expected is not None:
        return expected
    log.error("the task's code raised an unexpected exception", exc_info=error)
    trace = storable("".join(traceback.format_exception(error))[-MAX_TRACEBACK:])
    if isinstance(decisive, MisuseError):
        message = storable(decisive, MAX_MESSAGE)
        return Outcome(message, EndReason.INTERNAL, retryable=False, traceback=trace)
    message = f"internal error: {type(decisive).__name__}"
    return Outcome(message, EndReason.INTERNAL, retryable=True, traceback=trace)


def _expected_outcome(error: BaseException) -> Outcome | None:
    """The outcome of an exception that is made for the purpose; None for any other."""
    match error:
        case Fail():
            reason = storable(error.reason, MAX_REASON)
            return Outcome(storable(error.message, MAX_MESSAGE), reason, retryable=False)
        case Retry():
            message = storable(error.message, MAX_MESSAGE) or "the task asked to be retried"
            return Outcome(message, FAILED, retryable=True, after_s=error.after)
        case ModelError():
            asked_s = error.retry_after_s or 0.0
            return Outcome(storable(error, MAX_MESSAGE), error.reason, error.retryable, no_sooner_s=asked_s)
        case InvalidPayloadError():
            return Outcome(f"invalid input: {error}", EndReason.BAD_INPUT, retryable=False)
        case AttemptTimeoutError() | StepTimeoutError():
            return Outcome(str(error), EndReason.TIMEOUT, retryable=True)
    return None


def _decisive(error: BaseException) -> BaseException:
    """The exception that decides: of a group, one that ends the task if there is one, or else the first."""
    leaves = list(_leaves(error))
    final = [each for each in leaves if isinstance(each, Fail | MisuseError)]
    refused = [each for each in leaves if isinstance(each, ModelError) and not each.retryable]
    return next(iter([*final, *refused, *leaves]))


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def losses(task: Task) -> int:
    """How many workers in a row have claimed ``task`` and never reported how the attempt ended."""
    if task.status is not TaskStatus.PROCESSING:
        return 0
    claims = [entry.by for entry in takewhile(_is_claim, reversed(task.history))]
    # A worker that claims its own task again was not lost; a service was unreachable.
    return sum(by != after for by, after in pairwise([*claims, None]))


def _is_claim(entry: HistoryEntry) -> bool:
    return entry.status is TaskStatus.PROCESSING
