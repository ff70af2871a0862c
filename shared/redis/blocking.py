"""A synchronous Redis client, for threads that must not depend on the event loop."""

from typing import Any

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from herald.shared.redis.pool import SENTINEL_TIMEOUTS, sentinel_address
from herald.shared.settings import Settings


def blocking_client(settings: Settings, *, timeout_s: float) -> Redis:
    """A client on ``settings.redis_url`` that connects on first use, through sentinels if the URL names them.

    It does not know the namespace: pass it full names. A command may run twice, as on the pool.

    Args:
        settings: the worker's.
        timeout_s: how long connecting and each reply may take, in seconds.

    Raises:
        ValueError: the URL is malformed.
    """
    options: dict[str, Any] = {
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3),
        "retry_on_error": [RedisConnectionError],
        "socket_connect_timeout": timeout_s,
        "socket_timeout": timeout_s,
    }
    address = sentinel_address(settings.redis_url)
    if address is None:
        return Redis.from_url(settings.redis_url, **options)
    manager = Sentinel(address.sentinels, sentinel_kwargs=SENTINEL_TIMEOUTS)  # type: ignore[no-untyped-call]
    pool = SentinelConnectionPool(address.service, manager, **address.login, **options)  # type: ignore[no-untyped-call]
    return Redis(connection_pool=pool)
