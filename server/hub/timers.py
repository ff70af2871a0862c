"""The timers of one connection, by name."""

import asyncio
import time
from collections.abc import Callable


class Timers:
    """Starts and cancels timers; each name has at most one."""

    __slots__ = ("_closed", "_loop", "pending")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._closed = False
        self.pending: dict[str, asyncio.TimerHandle] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.pending

    def start(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        """Run ``action`` after a delay; replaces the pending timer of this name, if any."""
        self.cancel(name)
        if not self._closed:  # nothing would cancel it any more
            self.pending[name] = self._loop.call_later(delay_s, action)

    def expire(
        self, name: str, expires_at: float | None, grace_s: float, action: Callable[[], None]
    ) -> int | None:
        """Run ``action`` once a token has expired and the grace period is over.

        ``expires_at`` is Unix time in seconds; None cancels the timer. Returns the token's `ttl_s`.
        """
        if expires_at is None:
            self.cancel(name)
        else:
            self.start(name, max(0.0, expires_at + grace_s - time.time()), action)
        return ttl_s(expires_at)

    def cancel(self, name: str) -> None:
        """Cancel a timer, if it is pending."""
        timer = self.pending.pop(name, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Cancel all timers, and start no more."""
        self._closed = True
        for timer in self.pending.values():
            timer.cancel()
        self.pending.clear()


def ttl_s(expires_at: float | None) -> int | None:
    """The whole seconds until a token expires, at least one; None if it never does."""
    return None if expires_at is None else max(1, int(expires_at - time.time()))
