"""Connects to Redis, directly or through sentinels, and sends it many commands at once."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from hiredis import pack_command
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from herald.shared.redis.wire import reply_reader
from herald.shared.settings import Settings

SENTINEL_SCHEME = "redis+sentinel"
SENTINEL_PORT = 26379
SENTINEL_TIMEOUTS = {"socket_timeout": 2, "socket_connect_timeout": 2}


class SentinelAddress(NamedTuple):
    """A Redis whose current leader is known to its sentinels."""

    sentinels: list[tuple[str, int]]
    service: str
    login: dict[str, Any]
    """``username`` and ``password``, None if the URL has none, and ``db``, the database's number."""


def sentinel_address(url: str) -> SentinelAddress | None:
    """Parse ``redis+sentinel://[user:password@]host:port,…/service/database``; None for any other scheme.

    Raises:
        ValueError: the URL has that scheme but no service.
    """
    parts = urlsplit(url)
    if parts.scheme != SENTINEL_SCHEME:
        return None
    service, _, database = parts.path.strip("/").partition("/")
    if not service:
        raise ValueError(f"{SENTINEL_SCHEME}://host:port,…/SERVICE/DATABASE: the service is missing")
    sentinels = []
    for address in parts.netloc.rpartition("@")[2].split(","):
        host, _, port = address.partition(":")
        sentinels.append((host, int(port or SENTINEL_PORT)))
    login = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "db": int(database or 0),
    }
    return SentinelAddress(sentinels, service, login)


class Pool(ConnectionPool):
    """A connection pool that knows the namespace of its clients' keys."""

    namespace = ""


class SentinelPool(SentinelConnectionPool):
    """The same, for a Redis that is found through sentinels."""

    namespace = ""


def in_namespace(redis: Redis, name: str) -> str:
    """The name of a key or a signal in the namespace of ``redis``: ``staging:herald:queue``.

    The namespace comes with the connection pool, so whoever has a client cannot use another one's keys.
    """
    namespace: str = getattr(redis.connection_pool, "namespace", "")
    return f"{namespace}:{name}" if namespace else name


def redis_pool(settings: Settings) -> Pool | SentinelPool:
    """A pool on ``settings.redis_url`` in ``settings.namespace``; its connections open on first use.

    A command whose connection was lost is sent again, up to three times within a second. It may run twice, so
    every command that Herald sends must be safe to repeat. With sentinels, each new connection asks them for
    the current leader.

    Raises:
        ValueError: the URL is malformed.
    """
    options: dict[str, Any] = {
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3),
        "retry_on_error": [RedisConnectionError],
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
    }
    address = sentinel_address(settings.redis_url)
    pool: Pool | SentinelPool
    if address is None:
        pool = Pool.from_url(settings.redis_url, **options)
    else:
        manager = Sentinel(address.sentinels, sentinel_kwargs=SENTINEL_TIMEOUTS)  # type: ignore[no-untyped-call]
        pool = SentinelPool(address.service, manager, **address.login, **options)  # type: ignore[no-untyped-call]
    pool.namespace = settings.namespace
    return pool


async def exchange(redis: Redis, commands: Sequence[tuple[str | bytes | int, ...]]) -> list[Any]:
    """Send commands in one write and return their replies in order: a pipeline, at two thirds of the cost.

    Raises:
        redis.RedisError: the first error among the replies, once all of them have been read; or Redis cannot
            be reached.
    """
    request = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
    pool = redis.connection_pool
    connection = await pool.get_connection()

    async def send_and_read() -> list[Any]:
        await connection.send_packed_command(request)
        read = reply_reader(connection)
        try:
            async with asyncio.timeout(connection.socket_timeout):
                received = [await read(disable_decoding=True) for _ in commands]
        except TimeoutError:
            raise RedisTimeoutError("Redis did not answer in time") from None
        except OSError as error:
            raise RedisConnectionError(f"lost Redis: {error}") from error
        if any(isinstance(reply, ReadOnlyError) for reply in received):
            raise RedisConnectionError("this Redis is no longer the leader")
        return received

    async def fail(error: Exception) -> None:
        await connection.disconnect()
        if not isinstance(error, RedisConnectionError):
            raise error

    try:
        replies: list[Any] = await connection.retry.call_with_retry(send_and_read, fail)
    except BaseException:
        # Unread replies may be left on the connection, and must not reach the next command.
        await connection.disconnect(nowait=True)
        raise
    finally:
        await pool.release(connection)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise reply
    return replies


async def redis_time(redis: Redis) -> float:
    """Redis's clock, in Unix seconds: the one clock that all processes share.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    [(seconds, microseconds)] = await exchange(redis, [("TIME",)])
    return int(seconds) + int(microseconds) / 1e6
