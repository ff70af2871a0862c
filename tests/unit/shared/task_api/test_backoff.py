"""The delay before a retry."""

import random

import pytest

from herald.shared.task_api.backoff import Backoff


@pytest.mark.parametrize(("retry", "longest"), [(1, 2), (2, 4), (3, 8), (20, 120), (10_000, 120)])
def test_the_longest_delay_doubles_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch, retry: int, longest: float
) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, high: high)
    assert Backoff().delay_s(retry) == longest


def test_the_delay_is_random_below_that_limit() -> None:
    delays = [Backoff().delay_s(3) for _ in range(200)]
    assert all(0 <= delay <= 8 for delay in delays)
    assert min(delays) < 2 and max(delays) > 6
