"""The delay before a retry."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff with full jitter.

    Retry ``n`` starts after 0 to ``first * factor ** (n - 1)`` seconds.
    """

    first: float = 2.0
    """The longest delay before the first retry, in seconds."""
    most: float = 120.0
    """The longest delay before any retry, in seconds."""
    factor: float = 2.0
    """How much longer the delay may be with each retry."""

    def delay_s(self, retry: int) -> float:
        """A random delay before retry number ``retry`` (from 1), in seconds."""
        longest = min(self.most, self.first * self.factor ** min(retry - 1, 64))
        return random.uniform(0, longest)  # noqa: S311  jitter
