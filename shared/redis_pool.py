"""How Herald connects to Redis."""

from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.settings import Settings


def redis_pool(settings: Settings) -> ConnectionPool:
    """A pool on ``settings.redis_url``; its connections open on first use.

    A command whose connection was lost is sent again, a few times within a second. So a command may run
    twice; Herald's bear that.
    """
    return ConnectionPool.from_url(
        settings.redis_url,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3),
        retry_on_error=[RedisConnectionError],
        socket_connect_timeout=5,
        socket_timeout=10,
    )
