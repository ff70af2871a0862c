"""The prices of calls to Gemini, so that a task can report its cost."""

from datetime import datetime
from typing import NamedTuple

import genai_prices

SAMPLE = 1000
"""The number of tokens to price: few enough for the lowest tier, like all our prompts."""


class Price(NamedTuple):
    """A price in US dollars per million tokens."""

    input: float
    output: float

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        """The cost of these tokens, in US dollars."""
        return round((input_tokens * self.input + output_tokens * self.output) / 1e6, 6)


def list_price(model: str, at: datetime | None = None) -> Price | None:
    """Google's list price of ``model`` at a time, by default now; None if the model is unknown.

    The prices come with the genai-prices package; nothing is fetched.
    """
    usage = genai_prices.Usage(input_tokens=SAMPLE, output_tokens=SAMPLE)
    try:
        cost = genai_prices.calc_price(usage, model, provider_id="google", genai_request_timestamp=at)
    except LookupError:
        return None
    millions = 1_000_000 // SAMPLE
    return Price(float(cost.input_price * millions), float(cost.output_price * millions))
