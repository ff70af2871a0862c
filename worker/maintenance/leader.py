"""The leader: one worker at a time runs the maintenance duties, under a lease that it renews."""

from collections.abc import Awaitable, Callable, Sequence

from herald.shared.redis.leadership import Leadership
from herald.worker.dependencies import Dependencies
from herald.worker.engine.duties import Duty
from herald.worker.maintenance import announcer, deadlines, positions, reindexer, rescuer

ROLE = "reconcile"
RENEW_EVERY_S = 3.0


class Leader:
    """A worker's candidacy for the lead, and the duties that come with it.

    Every worker is a candidate. The leader renews its lease and so leads for as long as it lives. If it dies,
    another worker takes over within seconds. A duty asks for the lead before each round, so a worker that was
    frozen for a while does nothing once another one leads.

    Args:
        leadership: this worker's candidacy.
        duties: what the leader does.
        on_following: called whenever another worker leads; drops state that only the leader keeps.
    """

    def __init__(
        self, leadership: Leadership, duties: Sequence[Duty], on_following: Callable[[], None] = lambda: None
    ) -> None:
        self._leadership = leadership
        self._duties = duties
        self._on_following = on_following

    def duties(self) -> list[Duty]:
        """The duties for this worker to repeat. They do nothing while another worker leads."""
        renewal = Duty("leading", RENEW_EVERY_S, self._renew)
        return [renewal, *(duty._replace(work=self._when_leading(duty)) for duty in self._duties)]

    async def resign(self) -> None:
        """Let another worker take over at once.

        Raises:
            redis.RedisError: Redis cannot be reached; the lease runs out by itself.
        """
        await self._leadership.resign(ROLE)

    async def _leads(self) -> bool:
        if await self._leadership.acquire(ROLE, RENEW_EVERY_S):
            return True
        self._on_following()
        return False

    async def _renew(self) -> None:
        await self._leads()  # a duty may take longer than the lease lasts

    def _when_leading(self, duty: Duty) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            if await self._leads():
                await duty.work()

        return work


def leader_of(dependencies: Dependencies) -> Leader:
    """This worker as a candidate for the lead, with all maintenance duties."""
    publisher = positions.PositionPublisher(dependencies)
    return Leader(
        Leadership(dependencies.queue.redis, dependencies.worker_id),
        [
            Duty("ending overdue tasks", deadlines.EVERY_S, lambda: deadlines.end_overdue(dependencies)),
            Duty("rescuing lost tasks", rescuer.EVERY_S, lambda: rescuer.enqueue_lost(dependencies)),
            Duty("announcing changes", announcer.EVERY_S, lambda: announcer.announce(dependencies)),
            Duty("publishing positions", positions.EVERY_S, publisher.publish),
            Duty("reindexing the queue", reindexer.EVERY_S, lambda: reindexer.reindex(dependencies)),
        ],
        on_following=publisher.forget,
    )
