"""Limits how many commands a client may send a second; pure."""

from collections.abc import Callable


class RateLimit:
    """Allows ``per_s`` events a second, of which one second's worth may be saved up.

    ``clock`` returns the time in seconds.
    """

    __slots__ = ("_at", "_clock", "_left", "_per_s")

    def __init__(self, per_s: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left = per_s
        self._at = clock()

    def allows(self, events: int) -> bool:
        """Count events; returns whether they are within the limit."""
        at = self._clock()
        self._left = min(self._per_s, self._left + (at - self._at) * self._per_s) - events
        self._at = at
        return self._left >= 0
