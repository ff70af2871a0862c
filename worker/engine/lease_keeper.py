"""Renews a worker's leases from a thread, so that no task is lost while code blocks the event loop."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis import Redis
from redis.exceptions import RedisError

from herald.shared.queue.leases import LEASE_S, Leases, Renewal

log = logging.getLogger(__name__)

RENEW_EVERY_S = LEASE_S / 8
TIMEOUT_S = LEASE_S / 4
"""How long Redis may take to answer a renewal, so that there is time for further ones."""
STOP_WITHIN_S = 2.0


class LeaseKeeper:
    """A daemon thread that renews the leases every `RENEW_EVERY_S`, and reports to the event loop.

    Example::

        async with LeaseKeeper(leases, client, on_renewed).running():
            …
    """

    def __init__(self, leases: Leases, client: Redis, on_renewed: Callable[[Renewal], None]) -> None:
        """``on_renewed`` is called on the event loop with each result."""
        self._leases = leases
        self._client = client
        self._on_renewed = on_renewed
        self._stopping = threading.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Renew the leases until the block ends. Failures are logged, and the next round tries again."""
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._run, args=(loop,), name="leases", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            await asyncio.to_thread(thread.join, STOP_WITHIN_S)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping.wait(RENEW_EVERY_S):
            try:
                renewal = self._leases.renew(self._client)
            except (RedisError, OSError) as error:
                log.warning("could not renew the leases: %s", error)
                self._client.connection_pool.disconnect()  # another Redis may lead now
            except Exception:
                log.exception("renewing the leases failed")
            else:
                loop.call_soon_threadsafe(self._on_renewed, renewal)
        self._client.close()
