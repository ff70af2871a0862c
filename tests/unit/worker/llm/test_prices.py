"""Prices of calls to Gemini."""

from datetime import UTC, datetime

import pytest

from herald.shared.settings import Settings
from herald.worker.llm.prices import Price, list_price


def test_the_default_model_has_a_list_price() -> None:
    assert list_price(Settings.model_fields["gemini_model"].default) is not None


@pytest.mark.parametrize(
    ("model", "at", "price"),
    [
        ("gemini-3.8-flash", datetime(2026, 12, 31, tzinfo=UTC), (0.75, 3.75)),
        ("gemini-3.8-flash", datetime(2027, 1, 1, tzinfo=UTC), (1.5, 7.5)),
        ("gemini-3.5-flash-lite", datetime(2026, 12, 31, tzinfo=UTC), (0.3, 2.5)),
        ("gemini-2.5-pro", datetime(2026, 12, 31, tzinfo=UTC), (1.25, 10)),
        ("an-unknown-model", None, None),
    ],
)
def test_a_list_price_depends_on_the_model_and_the_time(
    model: str, at: datetime | None, price: tuple[float, float] | None
) -> None:
    assert list_price(model, at) == price


def test_prices_are_per_million_tokens() -> None:
    assert Price(0.75, 3.75).cost_usd(1000, 200) == 0.0015
