"""How Herald connects to Redis."""

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

from herald.shared.settings import Settings

SENTINEL_SCHEME = "redis+sentinel"
SENTINEL_PORT = 26379


class Guarded(NamedTuple):
    """A Redis whose leader is named by sentinels."""

    sentinels: list[tuple[str, int]]
    service: str
    login: dict[str, Any]
    """Name, password and number of the database, as far as they are given."""


def guarded(url: str) -> Guarded | None:
    """What ``redis+sentinel://[user:password@]host:port,…/service/database`` says; None: it is another URL.

    Raises:
        ValueError: it is one, and names no service.
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
    return Guarded(sentinels, service, login)


def redis_pool(settings: Settings) -> ConnectionPool:
    """A pool on ``settings.redis_url``; its connections open on first use.

    A command whose connection was lost is sent again, a few times within a second. So a command may run
    twice; Herald's bear that. With sentinels, each connection that opens asks them who leads.
    """
    options: dict[str, Any] = {
        "retry": Retry(ExponentialBackoff(cap=0.5, base=0.02), retries=3),
        "retry_on_error": [RedisConnectionError],
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
    }
    found = guarded(settings.redis_url)
    if found is None:
        return ConnectionPool.from_url(settings.redis_url, **options)
    manager = Sentinel(found.sentinels, sentinel_kwargs={"socket_timeout": 2, "socket_connect_timeout": 2})  # type: ignore[no-untyped-call]
    return SentinelConnectionPool(found.service, manager, **found.login, **options)  # type: ignore[no-untyped-call]


async def exchange(redis: Redis, commands: Sequence[tuple[str | bytes | int, ...]]) -> list[Any]:
    """Send commands in one write, and return their replies as they come: what a pipeline does, at a
    quarter of its cost, which is what counts where every event passes.

    Raises:
        redis.RedisError: the first reply that is an error, after all have come; or Redis cannot be reached.
    """
    request = b"".join([pack_command(command) for command in commands])  # type: ignore[arg-type]
    pool = redis.connection_pool
    connection = await pool.get_connection()

    async def once() -> list[Any]:
        await connection.send_packed_command(request)
        read = connection._parser.read_response
        try:
            async with asyncio.timeout(connection.socket_timeout):  # `read_response` would set one a reply
                found = [await read(disable_decoding=True) for _ in commands]
        except TimeoutError:
            raise RedisTimeoutError("Redis did not answer in time") from None
        except OSError as error:
            raise RedisConnectionError(f"lost Redis: {error}") from error
        if any(isinstance(reply, ReadOnlyError) for reply in found):
            raise RedisConnectionError("this Redis does not lead any more")
        return found

    async def fail(error: Exception) -> None:
        await connection.disconnect()
        if not isinstance(error, RedisConnectionError):
            raise error

    try:
        replies: list[Any] = await connection.retry.call_with_retry(once, fail)
    except BaseException:  # some replies may not have been read
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
