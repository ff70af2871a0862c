import random

import pytest

from herald.worker.engine.retry_policy import backoff_s


@pytest.mark.parametrize(("retry", "longest"), [(1, 2), (2, 4), (3, 8), (20, 120), (10_000, 120)])
def test_the_wait_doubles_up_to_a_limit(monkeypatch: pytest.MonkeyPatch, retry: int, longest: float) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert backoff_s(retry) == longest


def test_the_wait_is_anywhere_below_that() -> None:
    waits = [backoff_s(3) for _ in range(200)]
    assert all(0 <= wait <= 8 for wait in waits)
    assert min(waits) < 2 and max(waits) > 6
