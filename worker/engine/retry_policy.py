"""Decides what a failure means for a task: the reason, whether a retry may help, and when it starts."""

import logging
import random
from itertools import pairwise, takewhile
from typing import NamedTuple

from pydantic import ValidationError

from herald.shared.task_api.errors import ModelError
from herald.shared.tasks.models import EndReason, HistoryEntry, Task, TaskStatus

log = logging.getLogger(__name__)

RETRY_BASE_S = 2.0
RETRY_MAX_S = 120.0
MAX_LOSSES = 4
"""How many workers in a row may be lost while running a task, before the task fails."""


class Outcome(NamedTuple):
    """How an attempt failed."""

    message: str
    reason: EndReason
    retryable: bool
    retry_after_s: float | None = None


def outcome_of(error: Exception, *, timeout_s: float) -> Outcome:
    """The outcome of an attempt that raised ``error``.

    Args:
        error: what the attempt raised.
        timeout_s: the time limit of an attempt, in seconds.
    """
    match error:
        case ModelError():
            return Outcome(str(error), error.reason, error.retryable, error.retry_after_s)
        case TimeoutError():
            message = f"the attempt took longer than {timeout_s:g} s"
            return Outcome(message, EndReason.TIMEOUT, retryable=True)
        case ValidationError():
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, fault["loc"]))
            return Outcome(f"invalid input: {where}: {fault['msg']}", EndReason.BAD_INPUT, retryable=False)
        case _:
            log.error("a generator raised an unexpected exception", exc_info=error)
            return Outcome(f"internal error: {type(error).__name__}", EndReason.INTERNAL, retryable=False)


def losses(task: Task) -> int:
    """How many workers in a row have claimed ``task`` and never reported how the attempt ended."""
    if task.status is not TaskStatus.PROCESSING:
        return 0
    claims = [entry.by for entry in takewhile(_is_claim, reversed(task.history))]
    # A worker that claims its own task again was not lost; a service was unreachable.
    return sum(by != after for by, after in pairwise([*claims, None]))


def _is_claim(entry: HistoryEntry) -> bool:
    return entry.status is TaskStatus.PROCESSING


def backoff_s(retry: int) -> float:
    """The delay before retry number ``retry`` (from 1), in seconds: exponential, with full jitter."""
    longest = min(RETRY_MAX_S, RETRY_BASE_S * 2.0 ** min(retry - 1, 16))
    return random.uniform(0, longest)  # noqa: S311  jitter
