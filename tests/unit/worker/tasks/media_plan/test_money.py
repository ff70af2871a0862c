"""Budgets are split without a remainder."""

import random

import pytest

from herald.worker.tasks.media_plan.money import minor_units, split


@pytest.mark.parametrize(
    ("total", "shares", "digits", "parts"),
    [
        (1000, [1, 1, 1], 2, [334, 333, 333]),
        (1234.56, [4, 2, 1], 2, [705.56, 353, 176]),
        (10, [1, 1, 1], 2, [3.34, 3.33, 3.33]),
        (0.01, [1, 1], 2, [0.01, 0]),
        (0, [1, 2], 2, [0, 0]),
        (1001, [1, 1], 0, [501, 500]),
        (5, [0.1, 99.9], 2, [0.01, 4.99]),
    ],
)
def test_parts_add_up_to_the_total(
    total: float, shares: list[float], digits: int, parts: list[float]
) -> None:
    assert split(total, shares, digits=digits) == parts


def test_parts_add_up_for_random_shares() -> None:
    chance = random.Random(1)
    for _ in range(2000):
        digits = chance.choice([0, 2, 3])
        total = round(chance.uniform(0, 10 ** chance.randint(0, 7)), digits)
        parts = split(total, [chance.uniform(0.01, 100) for _ in range(chance.randint(1, 12))], digits=digits)
        assert round(sum(parts), digits) == total
        assert all(part >= 0 and round(part, digits) == part for part in parts)


def test_currencies_have_their_usual_decimal_places() -> None:
    assert [minor_units(currency) for currency in ("EUR", "JPY", "KWD")] == [2, 0, 3]
