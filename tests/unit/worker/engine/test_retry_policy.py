"""What a failure means for a task, and how long a retry waits."""

import random

import pytest

from herald.shared.tasks.models import HistoryEntry, TaskStatus, now
from herald.worker.engine.retry_policy import backoff_s, losses
from tests.support.tasks import a_task


@pytest.mark.parametrize(("retry", "longest"), [(1, 2), (2, 4), (3, 8), (20, 120), (10_000, 120)])
def test_the_longest_delay_doubles_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, retry: int, longest: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert backoff_s(retry) == longest


def test_the_delay_is_random_below_that_limit() -> None:
    delays = [backoff_s(3) for _ in range(200)]
    assert all(0 <= delay <= 8 for delay in delays)
    assert min(delays) < 2 and max(delays) > 6


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
