"""What a failure means for a task, and how long a retry waits."""

import pytest

from herald.shared.task_api.backoff import Backoff
from herald.shared.task_api.errors import Fail, MisuseError, ModelError, Retry
from herald.shared.tasks.models import EndReason, HistoryEntry, TaskStatus, now
from herald.worker.engine.payloads import InvalidPayloadError
from herald.worker.engine.retry_policy import MAX_TRACEBACK, AttemptTimeoutError, losses, outcome_of
from herald.worker.engine.step_context import StepTimeoutError
from tests.support.tasks import a_task

AT_ONCE = Backoff(first=0)
UNSAFE = ModelError("unsafe", EndReason.SAFETY, retryable=False)
BUSY = ModelError("busy", EndReason.QUOTA, retryable=True, retry_after_s=30)


@pytest.mark.parametrize(
    ("error", "message", "reason", "retryable"),
    [
        (Fail("no such company"), "no such company", "failed", False),
        (Fail("too long", reason="tooLong"), "too long", "tooLong", False),
        (Retry("still rendering"), "still rendering", "failed", True),
        (Fail("\ud800" * 3000), "?" * 2000, "failed", False),
        (Retry(), "the task asked to be retried", "failed", True),
        (UNSAFE, "unsafe", "safety", False),
        (BUSY, "busy", "quota", True),
        (InvalidPayloadError("count: too large"), "invalid input: count: too large", "badInput", False),
        (AttemptTimeoutError(600), "the attempt took longer than 600 s", "timeout", True),
        (
            StepTimeoutError("the step 'A' took longer than 5 s"),
            "the step 'A' took longer than 5 s",
            "timeout",
            True,
        ),
        (MisuseError("pass key=…"), "pass key=…", "internal", False),
        (KeyError("a private detail"), "internal error: KeyError", "internal", True),
        (TimeoutError("of a library"), "internal error: TimeoutError", "internal", True),
        (ExceptionGroup("", [KeyError("x"), BUSY]), "internal error: KeyError", "internal", True),
        (ExceptionGroup("", [BUSY, ExceptionGroup("", [Fail("gone")])]), "gone", "failed", False),
        (ExceptionGroup("", [KeyError("x"), UNSAFE]), "unsafe", "safety", False),
    ],
)
def test_an_exception_decides_how_the_attempt_ends(
    error: Exception, message: str, reason: str, retryable: bool
) -> None:
    outcome = outcome_of(error)
    assert (outcome.message, outcome.reason, outcome.retryable) == (message, reason, retryable)


def test_unexpected_exceptions_leave_the_end_of_their_traceback() -> None:
    def one(depth: int) -> None:
        if not depth:
            raise IndexError("the end")
        other(depth - 1)

    def other(depth: int) -> None:  # the same line repeated would be left out
        one(depth)

    with pytest.raises(IndexError) as raised:
        one(200)
    trace = outcome_of(raised.value).traceback
    assert trace is not None and len(trace) == MAX_TRACEBACK
    assert trace.endswith("IndexError: the end\n")
    assert outcome_of(Fail("no")).traceback is None


def test_a_retry_waits_as_long_as_the_code_says_and_a_model_s_error_at_least_as_long_as_asked() -> None:
    assert outcome_of(Retry(after=90)).delay_s(1, Backoff()) == 90
    assert outcome_of(Retry(after=0)).delay_s(5, Backoff(first=1000)) == 0
    assert outcome_of(Retry(after=-1)).delay_s(1, Backoff()) == 0
    assert outcome_of(Retry(after=float("inf"))).delay_s(1, Backoff()) == 30 * 24 * 3600
    assert outcome_of(BUSY).delay_s(1, AT_ONCE) == 30
    assert outcome_of(KeyError()).delay_s(1, AT_ONCE) == 0


def history_of(*claims: str) -> list[HistoryEntry]:
    queued = HistoryEntry(at=now(), status=TaskStatus.QUEUED, by="user")
    return [queued, *(HistoryEntry(at=now(), status=TaskStatus.PROCESSING, by=name) for name in claims)]


def test_only_workers_that_never_reported_an_end_count_as_lost() -> None:
    assert losses(a_task()) == 0
    assert losses(a_task(status=TaskStatus.PROCESSING, history=history_of("a"))) == 1
    assert losses(a_task(status=TaskStatus.PROCESSING, history=history_of("a", "b", "c"))) == 3
    assert losses(a_task(status=TaskStatus.PROCESSING, history=history_of("a", "a", "b"))) == 2
    handed_back = HistoryEntry(at=now(), status=TaskStatus.RETRYING, by="b")
    after = [*history_of("a", "b"), handed_back, *history_of("c")[1:]]
    assert losses(a_task(status=TaskStatus.PROCESSING, history=after)) == 1
