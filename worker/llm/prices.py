"""What Google's models cost, so that a task can say what it has spent."""

from datetime import UTC, date, datetime
from typing import NamedTuple


class Price(NamedTuple):
    """List price in US dollars per million tokens."""

    input: float
    output: float

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return round((input_tokens * self.input + output_tokens * self.output) / 1e6, 6)


_ALWAYS = date.min
_NEW_YEAR = date(2027, 1, 1)
_FLASH = [(_NEW_YEAR, Price(1.5, 7.5)), (_ALWAYS, Price(0.75, 3.75))]
LIST_PRICES: dict[str, list[tuple[date, Price]]] = {
    "gemini-3.8-flash": _FLASH,
    "gemini-3.7-flash": _FLASH,
    "gemini-3.6-flash": _FLASH,
    "gemini-3.5-flash-lite": [(_ALWAYS, Price(0.3, 2.5))],
}
"""By model, newest first, each with its first day; ai.google.dev/gemini-api/docs/pricing, autumn 2026."""


def list_price(model: str, on: date | None = None) -> Price | None:
    """What ``model`` costs on a day, by default today; None if that is not known here."""
    on = on or datetime.now(UTC).date()
    return next((price for since, price in LIST_PRICES.get(model, ()) if since <= on), None)
